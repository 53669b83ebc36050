/**
 * What an OAuth client has to know of this server: its protected-resource metadata (RFC 9728), and
 * the challenges that lead there (RFC 6750).
 *
 * @module
 */

import { STATUS_CODE } from "@std/http";
import type { OAuthSettings } from "../access/access_tokens.ts";
import type { Scope } from "../access/scopes.ts";
import { methodNotAllowed } from "./responses.ts";

/** Path of the metadata; the path of the resource may follow. */
const WELL_KNOWN = "/.well-known/oauth-protected-resource";

/** The metadata of this server. */
export interface ResourceMetadata {
  /** Absolute URL of the document, which does not depend on the request. */
  readonly url: string;
  /** Path of the resource, under which it is called where no proxy takes its beginning off. */
  readonly resourcePath: string;
  /** Returns true for the path of a request that asks for the document. */
  isAt(pathname: string): boolean;
  /** Answers such a request: to every page, since nothing in it is secret. */
  fetch(request: Request): Response;
}

/**
 * Makes the metadata.
 *
 * @param path of the MCP endpoint, as this server calls it
 * @param scopes that its tools need
 */
export function createResourceMetadata(
  { resource, issuers }: Pick<OAuthSettings, "resource" | "issuers">,
  path: string,
  scopes: readonly Scope[],
): ResourceMetadata {
  const { origin, pathname } = new URL(resource);
  const resourcePath = pathname.replace(/\/$/, "");
  const basePath = resourcePath.endsWith(path) ? resourcePath.slice(0, -path.length) : "";
  // Clients look below the path that they know and at the root (ChatGPT), and a proxy may take the
  // public path off at either place.
  const paths = new Set(
    ["", basePath].flatMap((base) =>
      ["", path, resourcePath].map((end) => `${base}${WELL_KNOWN}${end}`)
    ),
  );
  const document = {
    resource,
    authorization_servers: issuers.map(({ issuer }) => issuer),
    scopes_supported: scopes,
    bearer_methods_supported: ["header"],
    resource_name: "Claude Managed Agents",
  };
  return {
    url: `${origin}${WELL_KNOWN}${resourcePath}`,
    resourcePath,
    isAt: (requested) => paths.has(requested),
    fetch: (request) => respond(request, document),
  };
}

/** Seconds for which clients may keep the document: a new setting is to be seen soon. */
const MAX_AGE_SEC = 300;

const ANY_PAGE = { "access-control-allow-origin": "*" };

function respond({ method }: Request, document: unknown): Response {
  if (method === "OPTIONS") {
    const headers = {
      ...ANY_PAGE,
      "access-control-allow-methods": "GET, HEAD, OPTIONS",
      "access-control-allow-headers": "MCP-Protocol-Version",
      "access-control-max-age": "600",
      "allow": "GET, HEAD, OPTIONS",
    };
    return new Response(null, { status: STATUS_CODE.NoContent, headers });
  }
  if (method !== "GET" && method !== "HEAD") return methodNotAllowed("GET, HEAD, OPTIONS");
  return Response.json(document, {
    headers: { ...ANY_PAGE, "cache-control": `public, max-age=${MAX_AGE_SEC}` },
  });
}

/** A challenge: its error code, where there is one, a sentence about it, and the scopes to ask for. */
export interface Challenge {
  readonly error?: "invalid_token" | "insufficient_scope";
  readonly description?: string;
  readonly scopes: readonly Scope[];
  /** See {@linkcode ResourceMetadata.url}. */
  readonly metadataUrl: string;
}

/** Makes the value of `WWW-Authenticate`. */
export function challengeOf({ error, description, scopes, metadataUrl }: Challenge): string {
  const parameters = [
    ["realm", "cma-mcp"],
    ["error", error],
    ["error_description", description && describable(description)],
    ["resource_metadata", metadataUrl],
    ["scope", scopes.join(" ")],
  ];
  const given = parameters.flatMap(([name, value]) => value ? [`${name}="${value}"`] : []);
  return `Bearer ${given.join(", ")}`;
}

/**
 * Returns a sentence in the characters of an `error_description` (RFC 6750, section 3), which are
 * those of a quoted string that needs no escapes.
 */
function describable(sentence: string): string {
  return sentence.replaceAll('"', "'").replaceAll("\\", "/").replace(/[^\x20-\x7e]/g, "?");
}
