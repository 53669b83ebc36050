/**
 * Checks a request before reading its body: method, host, origin, size.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http";
import { tooLarge } from "./body.ts";
import { hostSuffix, LOOPBACK_HOSTS, normalOrigin } from "../core/addresses.ts";
import { errorResponse, methodNotAllowed } from "./responses.ts";

/** Options of {@linkcode createGuard}. */
export interface GuardOptions {
  /**
   * Accepted `Host` headers: a name for any port, `name:port`, or `*.name` for all names below it,
   * with any port. The check keeps web pages from reaching this server under a name of their own
   * (DNS rebinding); a suffix lets those in that can have a name below it.
   */
  readonly allowedHosts: readonly string[];
  /**
   * Accepted `Origin` headers, such as `https://claude.ai`. A request without one comes from no
   * browser; the server's own origin, under an accepted host, is always accepted.
   */
  readonly allowedOrigins: readonly string[];
  /** Largest body, in bytes. */
  readonly maxBodyBytes: number;
}

/** Checks requests to the MCP endpoint, and to links. */
export interface Guard {
  /** Returns the error response to a request that is not accepted; undefined for any other. */
  check(request: Request): Response | undefined;
  /**
   * The same for a link, which people open: GET and HEAD, without a preflight, and from no page
   * that could not call the MCP endpoint.
   */
  checkLink(request: Request): Response | undefined;
  /** Returns the response with the headers that let the calling page read it. */
  withCors(request: Request, response: Response): Response;
}

const METHODS = "POST, OPTIONS";
/**
 * Methods of the CORS preflight. Clients of the older protocol try GET and DELETE; a page must be
 * able to read the 405.
 */
const CORS_METHODS = "POST, GET, DELETE, OPTIONS";
const CORS_REQUEST_HEADERS =
  "authorization, x-api-key, content-type, accept, mcp-protocol-version, mcp-method, mcp-name, " +
  "mcp-session-id, last-event-id, x-request-id, traceparent, tracestate";
const CORS_RESPONSE_HEADERS =
  "www-authenticate, retry-after, allow, mcp-session-id, mcp-protocol-version, x-request-id";
const PREFLIGHT_MAX_AGE_SEC = "600";

/**
 * Makes a guard.
 *
 * @throws `TypeError` for a `*` that stands for more than the names below one of two labels or more
 */
export function createGuard(options: GuardOptions): Guard {
  const hosts = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  const suffixes = suffixesOf(options.allowedHosts);
  const origins = new Set(options.allowedOrigins.map(normalOrigin));

  const allowedOrigin = (request: Request): string | undefined => {
    const origin = request.headers.get("origin");
    if (origin === null) return undefined;
    const normal = normalOrigin(origin);
    if (normal === undefined) return undefined;
    return origins.has(normal) || isOwnOrigin(normal, request) ? origin : undefined;
  };
  // Nearly all requests name the same host.
  let lastAllowed: string | undefined;
  const isAllowed = (named: string): boolean => {
    if (named === lastAllowed) return true;
    const url = URL.parse(`http://${named}`);
    if (!url || url.username !== "" || url.pathname !== "/") return false;
    const allowed = hosts.has(url.hostname) || hosts.has(url.host) || hosts.has(named) ||
      suffixes.some((suffix) => isBelow(url.hostname, suffix));
    if (allowed) lastAllowed = named;
    return allowed;
  };
  // A request for an absolute URL names a host there too (RFC 9112, section 3.2.2). HTTP stacks
  // around this handler may put a name of this machine there, which means nothing.
  const hostIsAllowed = (request: Request): boolean => {
    const host = hostOf(request);
    const named = authorityOf(request);
    return isAllowed(host) && (named === host || isLocal(named) || isAllowed(named));
  };
  const withCors = (request: Request, response: Response): Response => {
    const origin = allowedOrigin(request);
    if (origin === undefined) return response;
    const headers = new Headers(response.headers);
    headers.set("access-control-allow-origin", origin);
    headers.set("access-control-expose-headers", CORS_RESPONSE_HEADERS);
    headers.append("vary", "Origin");
    return new Response(response.body, { status: response.status, headers });
  };

  const checkPlace = (request: Request): Response | undefined => {
    if (!hostIsAllowed(request)) {
      return errorResponse(
        STATUS_CODE.MisdirectedRequest,
        "This server does not accept that host name. The operator can add it to ALLOWED_HOSTS.",
      );
    }
    if (request.headers.get("origin") !== null && allowedOrigin(request) === undefined) {
      return errorResponse(
        STATUS_CODE.Forbidden,
        "Requests from that origin are not allowed. The operator can add it to ALLOWED_ORIGINS.",
      );
    }
    return undefined;
  };

  return {
    withCors,
    checkLink(request) {
      if (request.method !== "GET" && request.method !== "HEAD") {
        return methodNotAllowed("GET, HEAD");
      }
      return checkPlace(request) ?? checkHead(request);
    },
    check(request) {
      const isPreflight = request.method === "OPTIONS" && request.headers.has("origin");
      if (request.method !== "POST" && !isPreflight) {
        const refused = methodNotAllowed(METHODS);
        return hostIsAllowed(request) ? withCors(request, refused) : refused;
      }
      const misplaced = checkPlace(request);
      if (misplaced) return misplaced;
      const refusedHead = checkHead(request);
      if (refusedHead) return withCors(request, refusedHead);
      if (isPreflight) return withCors(request, preflight());
      if (Number(request.headers.get("content-length") ?? 0) > options.maxBodyBytes) {
        return withCors(request, tooLarge(options.maxBodyBytes));
      }
      return undefined;
    },
  };
}

function suffixesOf(hosts: readonly string[]): string[] {
  return hosts.filter((host) => host.includes("*")).map((host) => {
    const suffix = hostSuffix(host);
    if (suffix === undefined) throw new TypeError(`Cannot accept the hosts '${host}'`);
    return suffix;
  });
}

/** Returns true for a name with whole labels before the suffix, which begins with a dot. */
function isBelow(hostname: string, suffix: string): boolean {
  if (!hostname.endsWith(suffix)) return false;
  const labels = hostname.slice(0, -suffix.length);
  return labels !== "" && !labels.startsWith(".") && !labels.endsWith(".") &&
    !labels.includes("..");
}

function isLocal(named: string): boolean {
  return LOOPBACK_HOSTS.includes(URL.parse(`http://${named}`)?.hostname ?? "localhost");
}

/** Returns true for the server's own origin. Called only for requests with an accepted host. */
function isOwnOrigin(origin: string, request: Request): boolean {
  const [scheme, host] = origin.split("://");
  return (scheme === "http" || scheme === "https") && host === hostOf(request);
}

function preflight(): Response {
  return new Response(null, {
    status: STATUS_CODE.NoContent,
    headers: {
      "access-control-allow-methods": CORS_METHODS,
      "access-control-allow-headers": CORS_REQUEST_HEADERS,
      "access-control-max-age": PREFLIGHT_MAX_AGE_SEC,
    },
  });
}

/** Longest URL, in characters: no client of this server needs a long one. */
const MAX_URL_LENGTH = 4_096;
/** Most header fields; proxies add some of their own. */
const MAX_FIELDS = 100;
/** Largest sum of all header fields, names included, in characters. */
const MAX_FIELDS_LENGTH = 16_384;

/** Returns the error response to a request whose URL or header is too large. */
export function checkHead({ url, headers }: Request): Response | undefined {
  if (url.length > MAX_URL_LENGTH) {
    return errorResponse(
      STATUS_CODE.URITooLong,
      `The URL is too long: at most ${MAX_URL_LENGTH} characters.`,
    );
  }
  let fields = 0;
  let length = 0;
  // An iterator over headers costs ten times as much.
  headers.forEach((value, name) => {
    fields++;
    length += name.length + value.length;
  });
  if (fields <= MAX_FIELDS && length <= MAX_FIELDS_LENGTH) return undefined;
  return errorResponse(
    STATUS_CODE.RequestHeaderFieldsTooLarge,
    `The header is too large: at most ${MAX_FIELDS} fields and ${MAX_FIELDS_LENGTH} characters.`,
  );
}

/** Target of a request. Clients may write anything there, even text that no URL can hold. */
const TARGET = /^[a-z]+:\/\/([^/?#]*)([^?#]*)/i;

/** Returns the path as it was sent; empty when there is none. */
export function pathOf(request: Request): string {
  return TARGET.exec(request.url)?.[2] ?? "";
}

/**
 * Returns the host as it was sent, in lower case. HTTP/2 has a pseudo-header in place of `Host`
 * (RFC 9113, section 8.3.1), which servers pass on only as part of the URL.
 */
export function hostOf(request: Request): string {
  return request.headers.get("host")?.toLowerCase() ?? authorityOf(request);
}

/**
 * Returns the host of the request's URL, in lower case: the runtime puts `Host` there, or the host
 * as it was sent.
 */
function authorityOf(request: Request): string {
  return (TARGET.exec(request.url)?.[1] ?? "").toLowerCase();
}
