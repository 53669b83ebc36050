/**
 * MCP over Streamable HTTP: a fetch handler, stateless, so that any number of replicas can stand
 * behind a load balancer.
 *
 * @module
 */

import { isFields } from "../api/read.ts";
import {
  type AuthInfo,
  createMcpHandler,
  type McpServerFactory,
} from "@modelcontextprotocol/server";
import { accepts, STATUS_CODE } from "@std/http";
import { type Clock, systemClock } from "../core/clock.ts";
import { unquoted } from "../core/errors.ts";
import { SharedTimer } from "../core/shared_timer.ts";
import type { LogFields, Logger } from "../core/logger.ts";
import { authInfoOf } from "../mcp/server.ts";
import { declaredView, readsPage } from "../mcp/session_view.ts";
import { createAuthenticator } from "./authenticate.ts";
import { readJson } from "./body.ts";
import { createFileHandler, type FileServing, sealedIn, servesFiles } from "./files.ts";
import { LOOPBACK_HOSTS } from "../core/addresses.ts";
import { checkHead, createGuard, hostOf, pathOf } from "./guard.ts";
import { type Closable, isPlainLegacy, serveInJson } from "./legacy_json.ts";
import { createMcpSessionIds, type McpSessionIds } from "./mcp_session_id.ts";
import {
  checkBatch,
  checkMessage,
  MAX_MESSAGE_BYTES,
  type MessageError,
  type MessageId,
} from "../mcp/messages.ts";
import {
  errorResponse,
  methodNotAllowed,
  requestIdFor,
  RETRY_AFTER_SEC,
  withRequestId,
} from "./responses.ts";
import { createResourceMetadata } from "./resource_metadata.ts";
import {
  type AuthenticationMethod,
  type AuthenticationOutcome,
  createSignIn,
  type SignInOptions,
} from "./sign_in.ts";
import { createStepUp } from "./step_up.ts";
import { scopesNeeded, type Served } from "../tools/needed_scopes.ts";
import { publishedHash } from "../tools/published_name.ts";
import { TOOLS } from "../tools/registry.ts";
import type { AccessTokenVerifier, OAuthSettings } from "../access/access_tokens.ts";
import { callerFields } from "../access/principal.ts";
import type { Scope } from "../access/scopes.ts";
import { createSealer, type Sealer } from "../access/sealing.ts";
import { createTokenRegistry, type TokenRegistry, tokensOf } from "../access/tokens.ts";

/** Options of {@linkcode createHttpHandler}. */
export interface HttpOptions {
  /** Accepted tokens: at least one secret, or a registry with the rights of each token. */
  readonly tokens: readonly string[] | TokenRegistry;
  /** Accepted `Host` headers, see `GuardOptions`; the loopback names when empty. */
  readonly allowedHosts?: readonly string[];
  /** Accepted `Origin` headers; none by default. */
  readonly allowedOrigins?: readonly string[];
  /** Path of the MCP endpoint; `/mcp` by default. */
  readonly path?: string;
  /** Largest request body, in bytes; 2 MiB by default. */
  readonly maxBodyBytes?: number;
  /** Returns true while new connections reach this server. When absent, they always do. */
  readonly isAccepting?: () => boolean;
  /** Returns true if the API can be reached; called at most every ten seconds. */
  readonly ready: () => Promise<boolean>;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Called with every accepted secret, to keep it out of everything that leaves the process. */
  readonly onAccepted?: (secret: string) => void;
  /** Serves links to files, where the services make them; no link opens when absent. */
  readonly files?: FileServing;
  /**
   * Seals what clients of the older protocol have declared; pass that of the services. When absent, a
   * client that comes to another replica, or after a restart, counts as one that declared nothing.
   */
  readonly sealer?: Sealer;
  /** Lets people in who have signed in at an authorization server; absent: tokens only. */
  readonly oauth?: OAuthServing;
  /** Called with the status of every error response. */
  readonly onRefused?: (status: number) => void;
  /** Called with what became of the authentication of each request to the MCP endpoint. */
  readonly onAuthenticated?: (
    method: AuthenticationMethod,
    outcome: AuthenticationOutcome,
  ) => void;
}

/** What a server needs to let people in. */
export interface OAuthServing {
  readonly settings: OAuthSettings;
  readonly verifier: AccessTokenVerifier;
  /** What the server has, which decides on the scopes that people need. */
  readonly served: Served;
  /** Called with access tokens that count, to keep them out of everything that leaves the process. */
  readonly onAccepted?: (accessToken: string) => void;
  /** Called with each scope that a caller is to sign in again for. */
  readonly onScopeMissing?: (scope: Scope) => void;
}

/** Answers HTTP requests. */
export interface HttpHandler {
  /** @param remoteAddress where the connection comes from, for the log */
  fetch(request: Request, remoteAddress?: string): Promise<Response>;
  /** Says at `/ready` from now on that this server will end; requests go on as before. */
  announceEnd(): void;
  /** Answers new requests with 503 from now on; running ones go on to their end. */
  drain(): void;
  /** True once new requests are answered with 503. */
  readonly isDraining: boolean;
  /** Drains, and cancels the requests that still run. */
  close(): Promise<void>;
}

/**
 * Longest time for a body to arrive, in milliseconds. Clients send their few kilobytes at once; a
 * slower one only holds a place.
 */
const BODY_TIMEOUT_MS = 30_000;
/** Largest sum of all bodies that are being read, of all callers together, in bytes. */
const MAX_BODIES_BYTES = 64 * 1024 * 1024;
/**
 * Time between two comments on a silent stream, in milliseconds: proxies cut connections that are
 * silent for long, hosts those whose first byte is late.
 */
const KEEP_ALIVE_MS = 10_000;

/**
 * Makes the handler.
 *
 * @throws `TypeError` without a token, unless people can sign in: an open endpoint would spend its
 *   operator's money
 */
export function createHttpHandler(
  factory: McpServerFactory,
  options: HttpOptions,
): HttpHandler {
  const { path = "/mcp", maxBodyBytes = MAX_MESSAGE_BYTES } = options;
  const { allowedHosts = [], allowedOrigins = [] } = options;
  const { log, clock = systemClock, isAccepting = () => true, onAccepted } = options;
  const tokens = "current" in options.tokens ? options.tokens : createTokenRegistry(
    options.oauth && options.tokens.length === 0 ? [] : tokensOf(options.tokens),
  );
  // Hardly a request takes that long, so while some run they need no timers of the runtime's.
  const beginning = new SharedTimer(clock, BEGIN_MS);
  const bodyLimits = {
    maxBytes: maxBodyBytes,
    timeoutMs: BODY_TIMEOUT_MS,
    together: { bytes: 0, maxBytes: MAX_BODIES_BYTES },
  };
  const guard = createGuard({
    allowedHosts: allowedHosts.length > 0 ? allowedHosts : LOOPBACK_HOSTS,
    allowedOrigins,
    maxBodyBytes,
  });
  const sealer = options.sealer ?? createSealer();
  const { files, oauth, onAuthenticated } = options;
  const people = oauth && openToPeople(oauth, { path, registry: tokens, sealer, clock, log });
  const authenticator = createAuthenticator({
    ...{ tokens, clock, log, onAccepted },
    ...(people && { signIn: people.signIn }),
    ...(onAuthenticated && { onAuthenticated }),
  });
  const links = files && servesFiles(files.toolSets)
    ? createFileHandler({ ...files, admit: authenticator.again })
    : undefined;
  const mcpSessionIds = createMcpSessionIds(sealer);
  const isReady = createReadiness(clock, options.ready);
  const mcp = createMcp(factory, { log, clock, beginning, maxBodyBytes });
  let ending = false;
  let draining = false;

  const refuse = (request: Request, refused: Response, notes: LogNotes): Response => {
    if (refused.status === STATUS_CODE.MisdirectedRequest) notes.host = shownHost(request);
    return refused;
  };

  const serveMcp = async (
    request: Request,
    requestId: string,
    notes: LogNotes,
  ): Promise<Response> => {
    const refused = guard.check(request);
    if (refused) return refuse(request, refused, notes);
    const caller = await authenticator.authenticate(request.headers);
    if ("response" in caller) {
      Object.assign(notes, caller.notes);
      return guard.withCors(request, caller.response);
    }
    if (draining) return guard.withCors(request, shuttingDown());
    const limited = caller.limit();
    if (limited) return guard.withCors(request, limited);
    const body = await readJson(request, beginning, bodyLimits);
    // The drain began while the body was read: tell the client to try elsewhere, whatever the body
    // was.
    if (draining) return guard.withCors(request, shuttingDown());
    if ("errorResponse" in body) return guard.withCors(request, body.errorResponse);
    const checked = checkBody(body.value);
    if (checked instanceof Response) return guard.withCors(request, checked);
    const { messages: parsedBody } = checked;
    if (Array.isArray(parsedBody)) {
      const batchLimited = caller.limit(parsedBody.length, 1);
      if (batchLimited) return guard.withCors(request, batchLimited);
    }
    const challenged = people?.stepUp(parsedBody, caller.principal);
    if (challenged) {
      Object.assign(notes, { reason: "missing scope", ...callerFields(caller.principal) });
      return guard.withCors(request, challenged);
    }
    const showsView = declaredView(parsedBody) ??
      await mcpSessionIds.showsView(request.headers.get("mcp-session-id") ?? "");
    const authInfo = authInfoOf(caller.principal, requestId, { showsView });
    const response = await mcp.fetch(readable(request, parsedBody), parsedBody, authInfo);
    const withId = await withMcpSessionId(request, response, () => mcpSessionIds.make(showsView));
    return guard.withCors(request, withId);
  };

  const route = async (request: Request, requestId: string, notes: LogNotes): Promise<Response> => {
    const pathname = pathOf(request).replace(/(?<=.)\/$/, "");
    if (pathname === path || pathname === people?.metadata.resourcePath) {
      return await serveMcp(request, requestId, notes);
    }
    if (people?.metadata.isAt(pathname)) {
      return checkHead(request) ?? people.metadata.fetch(request);
    }
    const sealed = links && sealedIn(pathname, files?.basePath ?? "");
    if (links && sealed !== undefined) {
      const refused = guard.checkLink(request);
      if (refused) return refuse(request, refused, notes);
      return draining ? shuttingDown() : await links.fetch(request, sealed, requestId);
    }
    if (pathname === "/health") return healthResponse(request, isAccepting());
    // The end may be announced while the API is probed, so check before and after.
    if (pathname === "/ready") {
      return healthResponse(request, !ending && await isReady() && !ending && isAccepting());
    }
    return errorResponse(STATUS_CODE.NotFound, `Not found: the MCP endpoint is ${path}.`);
  };

  return {
    async fetch(request, remoteAddress) {
      const requestId = requestIdFor(request.headers);
      const notes: LogNotes = {};
      const response = await route(request, requestId, notes).catch((error) => {
        log.error("HTTP request failed", {
          request_id: requestId,
          error: error instanceof Error ? error.stack ?? error.message : String(error),
        });
        return errorResponse(
          STATUS_CODE.InternalServerError,
          "The server failed. Its log gives the reason.",
        );
      });
      if (response.status >= 400) {
        const who = { request_id: requestId, client: remoteAddress, ...notes };
        logErrorResponse(options, request, response, who);
      }
      return withRequestId(response, requestId);
    },
    announceEnd() {
      ending = true;
    },
    drain() {
      ending = draining = true;
    },
    get isDraining() {
      return draining;
    },
    async close() {
      ending = draining = true;
      links?.close();
      await mcp.close();
    },
  };
}

/** Makes what a server needs beside its tokens to let people in. */
function openToPeople(
  { settings, verifier, served, onAccepted, onScopeMissing }: OAuthServing,
  { path, ...parts }: Pick<SignInOptions, "registry" | "sealer" | "clock" | "log"> & {
    readonly path: string;
  },
) {
  const scopes = scopesNeeded(served);
  const metadata = createResourceMetadata(settings, path, scopes);
  const metadataUrl = metadata.url;
  return {
    metadata,
    signIn: createSignIn({
      ...{ settings, verifier, scopes, metadataUrl, ...parts },
      ...(onAccepted && { onAccepted }),
    }),
    stepUp: createStepUp({ served, metadataUrl, ...(onScopeMissing && { onScopeMissing }) }),
  };
}

/** Makes the SDK's handler, for requests that were let in. */
function createMcp(
  factory: McpServerFactory,
  { log, clock, beginning, maxBodyBytes }: {
    readonly log: Logger;
    readonly clock: Clock;
    readonly beginning: SharedTimer;
    readonly maxBodyBytes: number;
  },
) {
  const serving = new Set<Closable>();
  // The SDK's own close() ends calls of the newer protocol only.
  const tracked: McpServerFactory = async (context) => {
    const server = await factory(context);
    if (context.era === "legacy") {
      const connection = "server" in server ? server.server : server;
      serving.add(server);
      connection.onclose = () => serving.delete(server);
    }
    return server;
  };
  const handlerWith = (responseMode: "auto" | "sse") =>
    createMcpHandler(tracked, {
      responseMode,
      keepAliveMs: KEEP_ALIVE_MS,
      maxRequestBodySize: maxBodyBytes,
      onerror: (error) => log.debug("HTTP", { error: unquoted(error) }),
    });
  // Other calls end before a proxy or a host misses a sign of life, so their response may be plain
  // JSON, which costs less than a stream.
  const waits = handlerWith("sse");
  const others = handlerWith("auto");
  return {
    fetch(request: Request, parsedBody: unknown, authInfo: AuthInfo): Promise<Response> {
      if (isWait(parsedBody)) return waits.fetch(request, { authInfo, parsedBody });
      const response = isPlainLegacy(request, parsedBody)
        ? serveInJson(factory, request, { authInfo, parsedBody, serving })
        : others.fetch(request, { authInfo, parsedBody });
      return beginSoon(response, beginning, clock);
    },
    async close(): Promise<void> {
      await Promise.all([waits, others, ...serving].map((open) => open.close()));
    },
  };
}

/** Time after which a response that is not ready begins as a stream, in milliseconds. */
const BEGIN_MS = 1_000;

/**
 * Begins a stream when the response takes long, and puts the response into it. Deno's server
 * notices that a client has gone at any time once the response has begun; before that only where
 * the whole request came in one piece of less than 1 KB, which few do (measured, Deno 2.9.6).
 */
function beginSoon(
  response: Promise<Response>,
  timer: SharedTimer,
  clock: Clock,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const cancelTimer = timer.start(() => {
      const headers = {
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
      };
      resolve(new Response(ReadableStream.from(framesOf(response, clock)), { headers }));
    });
    response.then((ready) => {
      cancelTimer();
      resolve(ready);
    }, (error) => {
      cancelTimer();
      reject(error);
    });
  });
}

/** Yields comments until the response is ready, then its frames, or the response itself as one. */
async function* framesOf(pending: Promise<Response>, clock: Clock): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  // The SDK rejects when the client has gone or the server ends: then nobody reads on.
  const arriving = pending.catch(() => undefined);
  let response = await unlessLate(arriving, clock);
  for (; response === LATE; response = await unlessLate(arriving, clock)) {
    yield encoder.encode(": keepalive\n\n");
  }
  if (!response?.body) return;
  if (response.headers.get("content-type") === "text/event-stream") return yield* response.body;
  yield encoder.encode(`event: message\ndata: ${await response.text()}\n\n`);
}

const LATE = "late";

/** Resolves with the pending value, or with `LATE` when it is time for a comment. */
function unlessLate<T>(pending: Promise<T>, clock: Clock): Promise<T | typeof LATE> {
  return new Promise((resolve) => {
    const cancelTimer = clock.after(KEEP_ALIVE_MS, () => resolve(LATE));
    pending.then(resolve).finally(cancelTimer);
  });
}

/** Names of the tools that hold their calls open by design. */
const WAITS: ReadonlySet<unknown> = new Set(
  TOOLS.filter(({ kind }) => kind === "wait").map(({ name }) => name),
);

function isWait(message: unknown): boolean {
  if (!isFields(message) || !isFields(message.params)) return false;
  const { name } = message.params;
  return WAITS.has(name) || (typeof name === "string" && publishedHash(name) !== undefined);
}

function shuttingDown(): Response {
  return errorResponse(STATUS_CODE.ServiceUnavailable, "This server is shutting down. Try again.", {
    "retry-after": RETRY_AFTER_SEC,
    "connection": "close",
  });
}

/** Makes the response to a load balancer or an orchestrator. */
function healthResponse(request: Request, ok: boolean): Response {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return methodNotAllowed("GET, HEAD");
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
 * Gives a client of the older protocol a session id when it initializes, which the client then
 * repeats. Only the first request has neither a session id nor a protocol version in its headers.
 */
async function withMcpSessionId(
  request: Request,
  response: Response,
  makeId: () => ReturnType<McpSessionIds["make"]>,
): Promise<Response> {
  const opens = request.headers.get("mcp-session-id") === null &&
    request.headers.get("mcp-protocol-version") === null;
  if (!opens || !response.ok) return response;
  const headers = new Headers(response.headers);
  headers.set("mcp-session-id", await makeId());
  return new Response(response.body, { status: response.status, headers });
}

/** Facts about a rejected request, for the log only. */
type LogNotes = Record<string, string | undefined>;

/** Longest `Host` that is logged, in characters: the longest name of the DNS, and a port. */
const MAX_SHOWN_HOST = 260;

function shownHost(request: Request): string {
  return hostOf(request).slice(0, MAX_SHOWN_HOST);
}

/**
 * Returns a body, one message or several, in a form that the SDK can read; else the error response.
 */
function checkBody(value: unknown): { readonly messages: unknown } | Response {
  const badRequest = ({ code, message }: MessageError, id: MessageId = null) =>
    errorResponse(STATUS_CODE.BadRequest, message, {}, code, id);
  if (!Array.isArray(value)) {
    const found = checkMessage(value);
    return "error" in found ? badRequest(found.error, found.id) : { messages: found.message };
  }
  const batchError = checkBatch(value);
  if (batchError) return badRequest(batchError);
  const messages: unknown[] = [];
  for (const one of value) {
    const found = checkMessage(one);
    if ("error" in found) return badRequest(found.error, found.id);
    messages.push(found.message);
  }
  return { messages };
}

const BOTH_TYPES = "application/json, text/event-stream";

/**
 * Returns the request with header fields that the SDK understands. Of `Accept` it looks for both media
 * types by name, where RFC 9110, section 12.5.1, also permits ranges, lower and upper case, and no
 * such header at all. It refuses a request that names the newer protocol in its header alone, as some
 * hosts read the page of the session view, which everybody gets.
 */
function readable(request: Request, body: unknown): Request {
  const given = request.headers.get("accept");
  const namesVersionOnly = readsPage(body) && declaredView(body) === undefined &&
    request.headers.get("mcp-protocol-version") !== null;
  if (given === BOTH_TYPES && !namesVersionOnly) return request;
  // An empty list of ranges means the same as no header.
  const acceptsBoth = given?.trim() === "" ||
    (accepts(request, "application/json") && accepts(request, "text/event-stream"));
  if (!acceptsBoth && !namesVersionOnly) return request;
  const headers = new Headers(request.headers);
  if (acceptsBoth) headers.set("accept", BOTH_TYPES);
  if (namesVersionOnly) headers.delete("mcp-protocol-version");
  // The body has been read; its value is passed on beside the request.
  return new Request(request.url, { method: request.method, headers, signal: request.signal });
}

/**
 * Returns true for requests that SDK clients try and can do without: `GET /mcp`, `DELETE`, OAuth
 * discovery.
 */
function isOptional({ method }: Request, pathname: string, status: number): boolean {
  if (status === STATUS_CODE.MethodNotAllowed) return method === "GET" || method === "DELETE";
  return status === STATUS_CODE.NotFound && method === "GET" && pathname.includes("/.well-known/");
}

function logErrorResponse(
  { log, onRefused }: HttpOptions,
  request: Request,
  { status }: Response,
  who: LogFields,
): void {
  if (isOptional(request, pathOf(request), status)) {
    return log.debug("A client tried an optional request that this server does not serve", {
      method: request.method,
      status,
      ...who,
    });
  }
  onRefused?.(status);
  // Probes that find the server not ready are expected, and come every few seconds.
  const isProbe = status === STATUS_CODE.ServiceUnavailable && who.reason === undefined;
  const level = isProbe ? "debug" : "info";
  log[level]("HTTP error response", { method: request.method, status, ...who });
}

/**
 * Time for which a probe's result is kept, in milliseconds: probes must not use up the API's rate
 * limit.
 */
const READY_CACHE_MS = 10_000;

/**
 * Caches `probe`: runs one at a time, and keeps its result for ten seconds. A probe that fails
 * counts as not ready.
 */
export function createReadiness(
  clock: Clock,
  probe: () => Promise<boolean>,
): () => Promise<boolean> {
  let cached: { readonly at: number; readonly ready: Promise<boolean> } | undefined;
  return () => {
    const now = clock.now();
    if (cached === undefined || now - cached.at >= READY_CACHE_MS) {
      cached = { at: now, ready: probe().catch(() => false) };
    }
    return cached.ready;
  };
}
