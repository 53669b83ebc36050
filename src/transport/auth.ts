/**
 * Bearer tokens.
 *
 * @module
 */

/** Tells whose token a request carries. */
export interface Authenticator {
  /** The number of the token that the request carries, from 1; undefined for none or a wrong one. */
  identify(headers: Headers): Promise<number | undefined>;
}

/**
 * Accepts the tokens from `Authorization: Bearer` and `X-API-Key` alike, since some hosts can set
 * only one of the two. What is compared are digests, all of them and all of their bytes, so that
 * the time it takes tells nothing about a token.
 *
 * @param tokens at least one
 */
export function createAuthenticator(tokens: readonly string[]): Authenticator {
  let accepted: Promise<Uint8Array[]> | undefined;
  return {
    async identify(headers) {
      accepted ??= Promise.all(tokens.map(digest));
      const offered = credentials(headers);
      const digests = await Promise.all(offered.map(digest));
      let identified = 0;
      for (const [index, token] of (await accepted).entries()) {
        for (const candidate of digests) {
          if (isEqual(token, candidate)) identified = index + 1;
        }
      }
      return identified === 0 ? undefined : identified;
    },
  };
}

/** Whether the request carries anything to identify itself with. */
export function hasCredentials(headers: Headers): boolean {
  return credentials(headers).length > 0;
}

function credentials(headers: Headers): string[] {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  return [bearer, headers.get("x-api-key")].filter((value) => value !== undefined)
    .flatMap((value) => value || []);
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
