/**
 * Bearer tokens.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { type AccessToken, sha256, type TokenRegistry } from "../access/tokens.ts";

/**
 * What a request's credentials are worth: `none` were sent, `unknown` ones, those of a token that
 * has `expired`, or `accepted` ones.
 */
export type Identification =
  | { readonly kind: "none" | "unknown" }
  | { readonly kind: "expired" | "accepted"; readonly token: AccessToken };

/** Tells whose token a request carries. */
export interface Authenticator {
  identify(headers: Headers): Promise<Identification>;
}

/**
 * Accepts the tokens from `Authorization: Bearer` and `X-API-Key` alike, since some hosts can set
 * only one of the two. What is compared are digests, all of them and all of their bytes, so that
 * the time it takes tells nothing about a token.
 *
 * @param onAccepted told of every secret that was accepted: a list of tokens holds only hashes
 */
export function createAuthenticator(
  registry: TokenRegistry,
  clock: Pick<Clock, "wallTime">,
  onAccepted: (secret: string) => void = () => {},
): Authenticator {
  return {
    async identify(headers) {
      const secrets = credentials(headers);
      const offered = secrets.map(sha256);
      if (offered.length === 0) return { kind: "none" };
      let accepted: AccessToken | undefined;
      let expired: AccessToken | undefined;
      const now = clock.wallTime();
      for (const token of await registry.current()) {
        if (!isAnyEqual(token.digests, offered)) continue;
        if (token.expiresAtMs !== undefined && now >= token.expiresAtMs) expired = token;
        else accepted = token;
      }
      if (accepted) {
        const { digests } = accepted;
        secrets.filter((_, at) => isAnyEqual(digests, offered.slice(at, at + 1))).forEach(
          onAccepted,
        );
        return { kind: "accepted", token: accepted };
      }
      return expired ? { kind: "expired", token: expired } : { kind: "unknown" };
    },
  };
}

function credentials(headers: Headers): string[] {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  return [bearer, headers.get("x-api-key")].filter((value) => value !== undefined)
    .flatMap((value) => value || []);
}

/** Compares every pair, whatever the first comparisons gave. */
function isAnyEqual(known: readonly Uint8Array[], offered: readonly Uint8Array[]): boolean {
  let equal = 0;
  for (const a of known) for (const b of offered) equal |= Number(isEqual(a, b));
  return equal !== 0;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
