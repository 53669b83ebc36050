/**
 * MCP over Streamable HTTP: a fetch handler, stateless, so that any number of replicas can stand
 * behind a load balancer.
 *
 * @module
 */

import {
  type AuthInfo,
  createMcpHandler,
  type McpServerFactory,
} from "@modelcontextprotocol/server";
import { STATUS_CODE } from "@std/http";
import { type Clock, systemClock } from "../core/clock.ts";
import { unquoted } from "../core/errors.ts";
import type { LogFields, Logger } from "../core/log.ts";
import type { ServerFactory } from "../mcp/server.ts";
import { createAdmission } from "./admission.ts";
import { readJson } from "./body.ts";
import { clientAddress } from "./client_address.ts";
import { createGuard, type GuardOptions, LOOPBACK_HOSTS } from "./guard.ts";
import { type MetricsPage, serveMetrics } from "./metrics_page.ts";
import { createReadiness } from "./readiness.ts";
import { refusal } from "./refusal.ts";
import { requestIdOf, withRequestId } from "./request_id.ts";
import { pathOf } from "./request_target.ts";
import { plainTokens, type TokenRegistry } from "./tokens.ts";
import { createToolCalls } from "./tool_calls.ts";

/** What {@linkcode createHttpHandler} is given. */
export interface HttpOptions {
  /** Tokens of those who may call: at least one, or a registry that knows what each may do. */
  readonly tokens: readonly string[] | TokenRegistry;
  /** Accepted `Host` headers, see `GuardOptions`; the loopback names when empty. */
  readonly allowedHosts?: readonly string[];
  /** Accepted `Origin` headers; none by default. */
  readonly allowedOrigins?: readonly string[];
  /** Path of the MCP endpoint; `/mcp` by default. */
  readonly path?: string;
  /** Largest request body, in bytes; 4 MiB by default. */
  readonly maxBodyBytes?: number;
  /** Whether an address is that of a proxy whose `X-Forwarded-For` counts; none by default. */
  readonly isTrustedProxy?: (address: string) => boolean;
  /** Whether the API can be reached; asked at most every ten seconds. */
  readonly ready: () => Promise<boolean>;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Metrics at a path, for those who have a token. */
  readonly metrics?: MetricsPage & { readonly path: string };
  /** Told of every request that was answered with an error status. */
  readonly onRefused?: (status: number) => void;
}

/** Answers HTTP requests. */
export interface HttpHandler {
  /** @param remoteAddress where the connection comes from, for the log */
  fetch(request: Request, remoteAddress?: string): Promise<Response>;
  /** From now on new requests get 503; those that run go on to their end. */
  drain(): void;
  /** Drains, and cancels what still runs. */
  close(): Promise<void>;
}

const DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Clients send their few kilobytes at once; who takes longer only holds a place. */
const BODY_TIMEOUT_MS = 30_000;
/** Tool arguments are flat; the protocol around them takes five levels. */
const MAX_JSON_DEPTH = 64;
const MAX_BATCH = 50;
/** Proxies cut connections that are silent for long, hosts those whose first byte is late. */
const KEEP_ALIVE_MS = 10_000;
const RETRY_AFTER_SEC = "5";

/** @throws `TypeError` without a token: an open endpoint would spend its operator's money */
export function createHttpHandler(
  factory: McpServerFactory | ServerFactory,
  options: HttpOptions,
): HttpHandler {
  const { path = "/mcp", log, clock = systemClock, isTrustedProxy = () => false } = options;
  const tokens = "current" in options.tokens ? options.tokens : plainTokens(options.tokens);
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  const bodyLimits = {
    maxBytes: maxBodyBytes,
    timeoutMs: BODY_TIMEOUT_MS,
    maxDepth: MAX_JSON_DEPTH,
    maxBatch: MAX_BATCH,
  };
  const guard = createGuard(guardOptions(options, maxBodyBytes));
  const admission = createAdmission({ tokens, clock, log });
  const isReady = createReadiness(clock, options.ready);
  const mcp = createMcp(factory, { clock, log, maxBodyBytes });
  let draining = false;

  const serveMcp = async (request: Request, requestId: string): Promise<Response> => {
    const refused = guard.check(request);
    if (refused) return refused;
    const token = await admission.identify(request.headers);
    if (token instanceof Response) return guard.withCors(request, token);
    if (draining) return guard.withCors(request, shuttingDown());
    const limited = admission.limit(token);
    if (limited) return guard.withCors(request, limited);
    const body = await readJson(request, clock, bodyLimits);
    // A body that came across the signal, or broke off with it, is nobody's fault.
    if (draining) return guard.withCors(request, shuttingDown());
    if ("refused" in body) return guard.withCors(request, body.refused);
    const { value: parsedBody } = body;
    if (Array.isArray(parsedBody)) {
      const batchLimited = admission.limit(token, parsedBody.length - 1);
      if (batchLimited) return guard.withCors(request, batchLimited);
    }
    // The SDK hands this on to the tools; the token itself is nobody's business from here on.
    const { name, principal } = token;
    const authInfo = { token: "", clientId: name, scopes: [], extra: { principal, requestId } };
    const response = await mcp.answer(request, parsedBody, authInfo);
    return guard.withCors(request, withMcpSessionId(request, response));
  };

  const route = async (request: Request, requestId: string): Promise<Response> => {
    const pathname = pathOf(request);
    if (pathname === path) return await serveMcp(request, requestId);
    if (pathname === "/health") return probe(request, true);
    // Asked again after the look at the API, which may take its time.
    if (pathname === "/ready") return probe(request, !draining && await isReady() && !draining);
    if (pathname === options.metrics?.path) {
      const token = await admission.identify(request.headers);
      return token instanceof Response ? token : await serveMetrics(request, options.metrics);
    }
    return refusal(STATUS_CODE.NotFound, `Not found: the MCP endpoint is ${path}.`);
  };

  return {
    async fetch(request, remoteAddress) {
      const requestId = requestIdOf(request.headers);
      const response = await route(request, requestId).catch((error) => {
        log.error("HTTP request failed", {
          request_id: requestId,
          error: error instanceof Error ? error.stack ?? error.message : String(error),
        });
        return refusal(STATUS_CODE.InternalServerError, "The server failed; its log says why.");
      });
      if (response.status >= 400) {
        const client = clientAddress(request.headers, remoteAddress, isTrustedProxy);
        noteRefusal(options, request, response, { request_id: requestId, client });
      }
      return withRequestId(response, requestId);
    },
    drain() {
      draining = true;
    },
    async close() {
      draining = true;
      await mcp.close();
    },
  };
}

/** What answers the requests that were let in: the short way, else the SDK. */
function createMcp(
  factory: McpServerFactory | ServerFactory,
  options: { readonly clock: Clock; readonly log: Logger; readonly maxBodyBytes: number },
) {
  const { clock, log, maxBodyBytes } = options;
  const sdk = createMcpHandler(factory, {
    responseMode: "sse",
    keepAliveMs: KEEP_ALIVE_MS,
    maxRequestBodySize: maxBodyBytes,
    onerror: (error) => log.debug("HTTP", { error: unquoted(error) }),
  });
  const toolCalls = "callDirectly" in factory
    ? createToolCalls({ factory, clock, keepAliveMs: KEEP_ALIVE_MS })
    : undefined;
  return {
    answer(request: Request, parsedBody: unknown, authInfo: AuthInfo): Promise<Response> {
      return toolCalls?.answer(request, parsedBody, authInfo) ??
        sdk.fetch(request, { authInfo, parsedBody });
    },
    async close(): Promise<void> {
      toolCalls?.close();
      await sdk.close();
    },
  };
}

function guardOptions(options: HttpOptions, maxBodyBytes: number): GuardOptions {
  const { allowedHosts = [], allowedOrigins = [] } = options;
  return {
    allowedHosts: allowedHosts.length > 0 ? allowedHosts : LOOPBACK_HOSTS,
    allowedOrigins,
    maxBodyBytes,
  };
}

function shuttingDown(): Response {
  return refusal(STATUS_CODE.ServiceUnavailable, "This server is shutting down. Try again.", {
    "retry-after": RETRY_AFTER_SEC,
    "connection": "close",
  });
}

function probe(request: Request, ok: boolean): Response {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return refusal(STATUS_CODE.MethodNotAllowed, "Method not allowed: use GET.", {
      allow: "GET, HEAD",
    });
  }
  const init = {
    status: ok ? STATUS_CODE.OK : STATUS_CODE.ServiceUnavailable,
    headers: {
      "cache-control": "no-store",
      ...(!ok && { "retry-after": RETRY_AFTER_SEC }),
    },
  };
  return Response.json({ status: ok ? "ok" : "unavailable" }, init);
}

/**
 * Gives a client of the older protocol a name when it opens, which it repeats from then on. Nothing
 * is kept under it and any replica takes any: it only tells whose `notifications/cancelled` it is.
 * Only the opening request has neither a session id nor a protocol version in its headers.
 */
function withMcpSessionId(request: Request, response: Response): Response {
  const opens = !request.headers.has("mcp-session-id") &&
    !request.headers.has("mcp-protocol-version");
  if (!opens || !response.ok) return response;
  const headers = new Headers(response.headers);
  headers.set("mcp-session-id", crypto.randomUUID());
  return new Response(response.body, { status: response.status, headers });
}

function noteRefusal(
  { log, onRefused }: HttpOptions,
  request: Request,
  { status }: Response,
  who: LogFields,
): void {
  onRefused?.(status);
  // Probes that find it not ready are expected, and come every few seconds.
  const level = status === STATUS_CODE.ServiceUnavailable ? "debug" : "info";
  log[level]("HTTP request refused", { method: request.method, status, ...who });
}
