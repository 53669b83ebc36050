/**
 * Makes the settings of OAuth from their rows: an entry of most of them is for one authorization
 * server, or for all of them.
 *
 * @module
 */

import type { OAuthSettings, TrustedIssuer } from "../access/access_tokens.ts";
import { UsageError } from "../core/errors.ts";
import { isWebUrl, shown } from "./checks.ts";
import type { SETTINGS, Values } from "./settings.ts";

/** The rows of OAuth. */
export type OAuthValues = Values<typeof SETTINGS.oauth>;

/** Returns how the user spelled a row: `--oauth-issuer` or its variable. */
export type NameOfRow = (row: keyof OAuthValues) => string;

/** What OAuth takes beside its own rows. */
export interface OAuthSurroundings {
  /** Address that clients call, without a slash at its end. */
  readonly publicUrl: string | undefined;
  readonly nameOf: NameOfRow;
  /** Reads the secret of a file that a row names. */
  readonly readSecret: (path: string, source: string) => Promise<string>;
}

/** Type of access tokens unless a setting names others (RFC 9068). */
const DEFAULT_TOKEN_TYPE = "at+jwt";

/**
 * Makes the settings.
 *
 * @returns undefined where no authorization server is named
 * @throws UsageError for rows that do not go together; no secret is in it
 */
export async function makeOAuthSettings(
  values: OAuthValues,
  { publicUrl, nameOf, readSecret }: OAuthSurroundings,
): Promise<OAuthSettings | undefined> {
  const { issuers, audiences, tokenTypes, hashSubjects } = values;
  if (issuers.length === 0) return refuseOthers(values, nameOf);
  if (publicUrl === undefined) {
    throw new UsageError(
      `${nameOf("issuers")} needs the address that clients call: name it with --public-url, such ` +
        "as https://mcp.example.com",
    );
  }
  const resource = `${publicUrl}/mcp`;
  const audiencesOf = entriesByIssuer(audiences, issuers, nameOf("audiences"));
  const typesOf = entriesByIssuer(tokenTypes, issuers, nameOf("tokenTypes"));
  const asked = await introspectionOf(values, nameOf, readSecret);
  return {
    resource,
    hashSubjects,
    issuers: issuers.map((issuer) => ({
      issuer,
      audiences: orElse(audiencesOf(issuer), resource),
      tokenTypes: orElse(
        typesOf(issuer).map((type) => checkTokenType(type, nameOf("tokenTypes"))),
        DEFAULT_TOKEN_TYPE,
      ),
      ...(asked?.issuer === issuer && { introspection: asked.introspection }),
    })),
  };
}

/** Throws for a row that means nothing without an authorization server. */
function refuseOthers({ issuers: _, ...others }: OAuthValues, nameOf: NameOfRow): undefined {
  const names = Object.keys(others) as readonly (keyof typeof others)[];
  const given = names.find((name) => {
    const value = others[name];
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
  });
  if (given === undefined) return undefined;
  throw new UsageError(
    `${nameOf(given)} goes with --oauth-issuer: name the authorization server, or leave it out`,
  );
}

function orElse(entries: readonly string[], fallback: string): readonly string[] {
  return entries.length > 0 ? entries : [fallback];
}

/**
 * Returns a function from an issuer to its entries: those of the form `<issuer>=<text>`, and those
 * for all issuers.
 *
 * @throws UsageError for an entry of an issuer that is not configured
 */
function entriesByIssuer(
  entries: readonly string[],
  issuers: readonly string[],
  source: string,
): (issuer: string) => readonly string[] {
  const split = entries.map((entry) => splitEntry(entry, issuers, source));
  return (issuer) => [
    ...new Set(
      split.flatMap((entry) => (entry.issuer ?? issuer) === issuer ? [entry.text] : []),
    ),
  ];
}

/** Splits `<issuer>=<text>`. An issuer may have a `=` itself, so the configured ones decide. */
function splitEntry(
  entry: string,
  issuers: readonly string[],
  source: string,
): { readonly issuer?: string; readonly text: string } {
  const [issuer] = issuers.filter((name) => entry.startsWith(`${name}=`))
    .toSorted((one, other) => other.length - one.length);
  if (issuer !== undefined) {
    const text = entry.slice(issuer.length + 1);
    if (text !== "") return { issuer, text };
    throw new UsageError(`Cannot use ${shown(entry)} in ${source}: nothing stands after its '='`);
  }
  // An audience or an endpoint that is a URL may have one in its query.
  const [, named] = /^(https?:\/\/[^?#=]*)=/i.exec(entry) ?? [];
  if (named === undefined) return { text: entry };
  throw new UsageError(
    `Cannot use ${shown(entry)} in ${source}: --oauth-issuer names no ${shown(named)}, so write ` +
      `the issuer as it stands there: ${issuers.join(", ")}`,
  );
}

const TOKEN_TYPES = ["at+jwt", "JWT"];

function checkTokenType(text: string, source: string): string {
  const found = TOKEN_TYPES.find((type) => type.toLowerCase() === text.toLowerCase());
  if (found !== undefined) return found;
  throw new UsageError(
    `Cannot use ${shown(text)} in ${source}: type one of ${TOKEN_TYPES.join(", ")}`,
  );
}

/** Returns where opaque tokens are asked about, and by which issuer. */
async function introspectionOf(
  values: OAuthValues,
  nameOf: NameOfRow,
  readSecret: OAuthSurroundings["readSecret"],
): Promise<Required<Pick<TrustedIssuer, "issuer" | "introspection">> | undefined> {
  const { issuers, introspectionUrl, clientId, clientSecretFile } = values;
  const rows = { introspectionUrl, clientId, clientSecretFile };
  const names = Object.keys(rows) as readonly (keyof typeof rows)[];
  const given = names.find((name) => rows[name] !== undefined);
  if (given === undefined) return undefined;
  if (introspectionUrl === undefined || clientId === undefined || clientSecretFile === undefined) {
    throw new UsageError(
      `${nameOf(given)} is not enough: --oauth-introspection-url, --oauth-client-id and ` +
        "--oauth-client-secret-file go together, so give all three, or none",
    );
  }
  const source = nameOf("introspectionUrl");
  const { issuer = issuers[0], text: url } = splitEntry(introspectionUrl, issuers, source);
  if (issuer === undefined || (issuers.length > 1 && url === introspectionUrl)) {
    throw new UsageError(
      `${source} must say whose it is where there are several issuers: type ${issuer}=${url}`,
    );
  }
  if (!isWebUrl(url)) {
    throw new UsageError(
      `Cannot use ${shown(url)} as ${source}: type a URL with https, such as ` +
        "https://login.example.com/introspect",
    );
  }
  const clientSecret = await readSecret(clientSecretFile, nameOf("clientSecretFile"));
  return {
    issuer,
    introspection: { url, clientId, clientSecret, secretFile: clientSecretFile },
  };
}
