/**
 * What a request has to pass before anything of it is read: method, host, origin, size.
 *
 * @module
 */

import { STATUS_CODE, type StatusCode } from "@std/http";

/** What {@linkcode createGuard} lets through. */
export interface GuardOptions {
  /**
   * Accepted `Host` headers: a name for any port, or `name:port`. Keeps a web page from reaching
   * this server under a name of its own (DNS rebinding).
   */
  readonly allowedHosts: readonly string[];
  /**
   * Accepted `Origin` headers, such as `https://claude.ai`. Requests without one are no browser's;
   * the server's own origin, under an accepted host, is always accepted.
   */
  readonly allowedOrigins: readonly string[];
  /** Largest body, in bytes. */
  readonly maxBodyBytes: number;
}

/** Names under which a server is reached from its own machine. */
export const LOOPBACK_HOSTS: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** Checks requests to the MCP endpoint. */
export interface Guard {
  /** The answer to a request that goes no further; undefined when it may pass. */
  check(request: Request): Response | undefined;
  /** The answer with the headers that let the calling page read it. */
  withCors(request: Request, response: Response): Response;
}

const METHODS = "POST, OPTIONS";
const CORS_REQUEST_HEADERS =
  "authorization, x-api-key, content-type, accept, mcp-protocol-version, mcp-method, mcp-name, " +
  "mcp-session-id, last-event-id";
const CORS_RESPONSE_HEADERS = "www-authenticate, retry-after, mcp-session-id";
const PREFLIGHT_MAX_AGE_SEC = "600";

export function createGuard(options: GuardOptions): Guard {
  const hosts = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  const origins = new Set(options.allowedOrigins.map(normalizeOrigin));

  const allowedOrigin = (request: Request): string | undefined => {
    const origin = request.headers.get("origin");
    if (origin === null) return undefined;
    return origins.has(normalizeOrigin(origin)) || isOwnOrigin(origin, request)
      ? origin
      : undefined;
  };
  const hostIsAllowed = (header: string | null): boolean => {
    if (header === null || !URL.canParse(`http://${header}`)) return false;
    const { hostname, host, username, pathname } = new URL(`http://${header}`);
    if (username !== "" || pathname !== "/") return false;
    return hosts.has(hostname) || hosts.has(host) || hosts.has(header.toLowerCase());
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

  return {
    withCors,
    check(request) {
      const isPreflight = request.method === "OPTIONS" && request.headers.has("origin");
      if (request.method !== "POST" && !isPreflight) {
        return refusal(STATUS_CODE.MethodNotAllowed, "Method not allowed: use POST.", {
          allow: METHODS,
        });
      }
      if (!hostIsAllowed(request.headers.get("host"))) {
        return refusal(
          STATUS_CODE.MisdirectedRequest,
          "This server is not reached under that host name. The operator can add it to ALLOWED_HOSTS.",
        );
      }
      if (request.headers.has("origin") && allowedOrigin(request) === undefined) {
        return refusal(
          STATUS_CODE.Forbidden,
          "Requests from that origin are not allowed. The operator can add it to ALLOWED_ORIGINS.",
        );
      }
      if (isPreflight) return withCors(request, preflight());
      if (Number(request.headers.get("content-length") ?? 0) > options.maxBodyBytes) {
        return withCors(
          request,
          refusal(
            STATUS_CODE.ContentTooLarge,
            `The body is too large: at most ${options.maxBodyBytes} bytes.`,
          ),
        );
      }
      return undefined;
    },
  };
}

/** Only asked about requests whose host was accepted. */
function isOwnOrigin(origin: string, request: Request): boolean {
  if (!URL.canParse(origin)) return false;
  const { host, protocol } = new URL(origin);
  return /^https?:$/.test(protocol) && host === request.headers.get("host")?.toLowerCase();
}

function normalizeOrigin(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).origin : origin;
}

function preflight(): Response {
  return new Response(null, {
    status: STATUS_CODE.NoContent,
    headers: {
      "access-control-allow-methods": METHODS,
      "access-control-allow-headers": CORS_REQUEST_HEADERS,
      "access-control-max-age": PREFLIGHT_MAX_AGE_SEC,
    },
  });
}

/** An answer outside of any call: a JSON-RPC error without an id, which every client can read. */
export function refusal(
  status: StatusCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = { jsonrpc: "2.0", error: { code: -32_000, message }, id: null };
  return Response.json(body, { status, headers });
}
