/**
 * Checks the authorization servers of `--oauth-issuer`: what this server needs of them, and what the
 * clients need with which people sign in.
 *
 * @module
 */

import type { OAuthSettings, TrustedIssuer } from "../../access/access_tokens.ts";
import { openIntrospection } from "../../access/introspection.ts";
import { keySetIn } from "../../access/issuer_keys.ts";
import {
  askIssuer,
  ISSUER_CLIENT,
  IssuerError,
  type IssuerMetadata,
  type IssuerNetwork,
  readIssuerMetadata,
} from "../../access/issuer_requests.ts";
import { silentLogger } from "../../core/logger.ts";
import { toBase64Url } from "../../core/text.ts";
import type { Program } from "../../runtime/program.ts";
import { type Finding, findings } from "./finding.ts";

const { ok, warn, fail } = findings("oauth");

/** Checks each authorization server, one after the other. */
export async function* checkIssuers(
  { issuers }: Pick<OAuthSettings, "issuers">,
  program: Pick<Program, "clock" | "note" | "openHttpClient" | "readFile" | "redact" | "stopping">,
): AsyncGenerator<Finding> {
  const { clock, note, openHttpClient, stopping: signal } = program;
  // The same kind of client as the server's, so that the findings hold for the server.
  const { fetch, close } = openHttpClient(ISSUER_CLIENT);
  const network: IssuerNetwork = { fetch, clock };
  try {
    for (const trusted of issuers) {
      note(`Asking ${trusted.issuer} …`);
      const metadata = await readIssuerMetadata(trusted.issuer, network, signal)
        .catch(issuerErrorOf);
      if (metadata instanceof IssuerError) yield metadataFailure(metadata, trusted);
      else {
        yield ok(`${trusted.issuer} describes itself at ${metadata.url}`);
        yield await checkKeys(trusted, metadata, network, signal);
        yield checkChallenges(trusted, metadata);
        yield checkRegistration(trusted, metadata);
        yield checkPublicClients(trusted, metadata);
      }
      const introspection = await checkIntrospection(trusted, network, program);
      if (introspection) yield introspection;
    }
  } finally {
    close();
  }
}

function issuerErrorOf(error: unknown): IssuerError {
  if (error instanceof IssuerError) return error;
  throw error;
}

function metadataFailure({ message, status }: IssuerError, { issuer }: TrustedIssuer): Finding {
  if (status === undefined) {
    return fail(message, `check the address ${issuer}, and that this machine can reach it`);
  }
  return fail(
    message,
    status === 200
      ? "give --oauth-issuer exactly what the authorization server calls itself, with or without " +
        "a slash at the end, and see that it names its keys over https"
      : "check --oauth-issuer: below that address the authorization server must describe itself " +
        "(/.well-known/oauth-authorization-server, or openid-configuration)",
  );
}

async function checkKeys(
  { issuer, introspection }: TrustedIssuer,
  { jwksUri, url }: IssuerMetadata,
  network: IssuerNetwork,
  signal: AbortSignal,
): Promise<Finding> {
  if (jwksUri === undefined) {
    if (introspection) return ok(`${issuer} names no keys: only tokens that are no JWT count`);
    return fail(
      `${url} names no keys (jwks_uri), so no JWT can be checked`,
      "have it publish them, or give --oauth-introspection-url",
    );
  }
  const keys = await askIssuer(jwksUri, network, signal)
    .then((fields) => keySetIn(fields, jwksUri))
    .catch(issuerErrorOf);
  if (keys instanceof IssuerError) {
    return fail(keys.message, "see that the authorization server publishes its keys there");
  }
  const others = [...keys.unusable].slice(0, 5).map(([kid, why]) => `${kid} (${why})`).join(", ");
  if (keys.size === 0) {
    return fail(
      `${jwksUri} has no key that can be used${others && `: ${others}`}`,
      "have it sign access tokens with RS256, PS256, ES256 or EdDSA",
    );
  }
  const words = `${issuer} has ${keys.size} key${keys.size === 1 ? "" : "s"} that can be used`;
  if (others === "") return ok(words);
  return warn(
    `${words}, and others that cannot: ${others}`,
    "see that it does not sign with those",
  );
}

/** PKCE (RFC 7636). */
function checkChallenges({ issuer }: TrustedIssuer, { fields }: IssuerMetadata): Finding {
  const methods = fields.code_challenge_methods_supported;
  const cure = "turn on PKCE with S256 there: clients refuse to sign people in without it";
  if (!Array.isArray(methods)) {
    return warn(`${issuer} does not say that it supports PKCE`, cure);
  }
  if (methods.includes("S256")) return ok(`${issuer} supports PKCE with S256`);
  return fail(`${issuer} does not support PKCE with S256`, cure);
}

function checkRegistration({ issuer }: TrustedIssuer, { fields }: IssuerMetadata): Finding {
  const ways = [
    ...fields.client_id_metadata_document_supported === true
      ? ["client-id metadata documents"]
      : [],
    ...typeof fields.registration_endpoint === "string" ? ["dynamic registration"] : [],
  ];
  if (ways.length > 0) return ok(`${issuer} lets clients in by ${ways.join(" and ")}`);
  return warn(
    `${issuer} knows only clients that its administrator has registered`,
    "turn on dynamic registration or client-id metadata documents there, or register each client " +
      "and give people its client id",
  );
}

function checkPublicClients({ issuer }: TrustedIssuer, { fields }: IssuerMetadata): Finding {
  const methods = fields.token_endpoint_auth_methods_supported;
  if (Array.isArray(methods) && methods.includes("none")) {
    return ok(`${issuer} accepts public clients, which have no secret`);
  }
  return warn(
    `${issuer} does not say that it accepts public clients (none in ` +
      "token_endpoint_auth_methods_supported)",
    "turn them on there: claude.ai and programs on people's machines have no secret",
  );
}

/** Asks about a token that nobody has. */
async function checkIntrospection(
  trusted: TrustedIssuer,
  network: IssuerNetwork,
  { readFile, redact }: Pick<Program, "readFile" | "redact">,
): Promise<Finding | undefined> {
  if (!trusted.introspection) return undefined;
  const { url } = trusted.introspection;
  const { check, close } = openIntrospection(trusted, trusted.introspection, {
    ...network,
    log: silentLogger,
    readFile,
    onSecret: redact.learn,
  });
  const unknown = toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
  const found = await check(unknown);
  close();
  if (found.kind === "unavailable") {
    return fail(found.message, "without it, nobody gets in with a token that is no JWT");
  }
  if (found.kind === "rejected" && found.problem === "inactive") {
    return ok(`${url} tells this server's client about tokens`);
  }
  return fail(
    `${url} says that a token counts which nobody has`,
    "check --oauth-introspection-url",
  );
}
