/**
 * Sends one request to the API: its deadline, its retries, and its errors by kind.
 *
 * @module
 */

import { bindSignal, DeadlineError, raceSignal } from "../core/abort.ts";
import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { ToolError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Proxy } from "../core/proxy.ts";
import type { Redact } from "../core/redact.ts";
import type { SharedTimer } from "../core/shared_timer.ts";
import { currentUpstreamRequests, type EndAttempt } from "../core/upstream_requests.ts";
import { BodyTooLargeError, discardBody, readPieces, readText } from "./body.ts";
import type { Connections, RequestKind, Route } from "./connections.ts";
import { type Credential, credentialHeaders, type CredentialSource } from "./credentials.ts";
import { apiRequestIdOf, errorInside, responseError, typeError } from "./error_response.ts";
import { ApiError, networkError, timeoutError } from "./errors.ts";
import type { EventRecord } from "./event_record.ts";
import { JsonParser, type ListBounds, parseClean } from "./json.ts";
import type { Read } from "./read.ts";
import type { CallOptions, ReadOptions } from "./types.ts";

/** Facts about one attempt, for metrics. */
export interface RequestInfo {
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  /** Status; absent when no response arrived. */
  readonly status?: number;
  /** Headers of the response. */
  readonly headers?: Headers;
  /**
   * Milliseconds from sending to the end of the response, for a stream to the end of its headers.
   */
  readonly ms: number;
  /** Number of the attempt, 0 for the first. */
  readonly attempt: number;
}

/** The parts that every request shares. */
export interface HttpContext {
  /** Base URL without a trailing slash. */
  readonly baseUrl: string;
  /** Scheme, host and port of the base URL: the only parts that messages show. */
  readonly origin: string;
  /** The proxy between this program and the API, as far as it is known. */
  readonly proxy?: Proxy;
  /** Gives the credential; undefined to go without one. */
  readonly credential: CredentialSource | undefined;
  readonly connections: Connections;
  readonly clock: Clock;
  /** Runs for {@linkcode READ_SILENCE_MS}. */
  readonly silence: SharedTimer;
  readonly log: Logger;
  /** Hides secrets, and learns every credential that is used. */
  readonly redact: Redact;
  readonly random?: () => number;
  readonly userAgent: string;
  readonly observe?: (info: RequestInfo) => void;
  /** Learns the server's clock from the headers of every response. */
  readonly record: EventRecord;
  /** Bound of a response's size, in bytes. */
  readonly maxBodyBytes: number;
  /** Bound of one stream frame's data, in UTF-16 code units. */
  readonly maxFrameChars: number;
}

/** A request without the parts that the context adds. */
export interface RequestSpec {
  readonly method: "GET" | "POST";
  /** Path from `/v1` on, segments encoded. */
  readonly path: string;
  readonly query?: Query;
  /** Body, which is sent as JSON. */
  readonly body?: unknown;
  /** True to request an event stream. */
  readonly stream?: true;
  /** Asks for bytes of any kind and number. */
  readonly bytes?: true;
  /** The parts of a list's entries that are kept; all when absent. */
  readonly list?: Omit<ListBounds, "maxChars"> & {
    /** Bound of the response's size in bytes; the context's when absent. */
    readonly maxBytes?: number;
  };
}

/** A response of status 2xx, parsed. */
interface JsonResponse {
  /** The value; undefined when the body was empty. */
  readonly value: unknown;
  readonly status: number;
  readonly requestId?: string;
}

/** Time-out of a call whose caller sets none, in milliseconds. */
const DEFAULT_TIMEOUT_MS = 30_000;

/** Longest delay of a timer. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Returns the time-out of a call, in milliseconds, within the range of a timer. */
export function timeoutOf(options: CallOptions | undefined): number {
  return Math.min(options?.timeoutMs ?? DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS);
}

/** Most tries of a safe request, the first included. */
const MAX_TRIES = 3;

/** Pauses between tries, in milliseconds, where the API asks for none. */
const BACKOFF = { baseMs: 500, capMs: 8_000 } as const;

/**
 * Milliseconds without a byte after which a read is given up and sent once more on a fresh
 * connection.
 */
export const READ_SILENCE_MS = 10_000;

/**
 * A request that this side ended after so many milliseconds without a byte makes its connection
 * suspect, though a response might have come later.
 */
const SUSPICIOUS_MS = 3_000;

/**
 * Sends a request and parses the response as JSON. Reads are retried, everything else is sent once.
 *
 * A read is sent again at once, one time, on a fresh connection if its connection may have been
 * dead: it fell silent, or broke after earlier use. A pause that would outlast the deadline is not
 * begun: the present failure says more than a later time-out.
 *
 * @throws `ApiError`, or the caller's signal's reason as soon as that aborts
 */
async function requestJson(
  context: HttpContext,
  spec: RequestSpec,
  options: ReadOptions = {},
): Promise<JsonResponse> {
  const { clock, log, random } = context;
  const timeoutMs = timeoutOf(options);
  const call = { signal: options.signal, timeoutMs, deadlineAt: clock.now() + timeoutMs };
  const tries = spec.method === "GET" && options.retry !== false ? MAX_TRIES : 1;
  let failures = 0;
  let triedAfresh = false;
  for (let count = 0;; count++) {
    const attempt = new Attempt(context, spec, call, count);
    let error: unknown;
    try {
      const entering = attempt.kind === "read" ? attempt.takePlace() : undefined;
      if (entering) await entering;
      const response = await sendRequest(attempt);
      const value = await readJsonBody(attempt, response);
      const inside = errorInside(response, value, context.redact, context.origin);
      if (inside) throw inside;
      const { status, headers } = response;
      return { value, status, requestId: apiRequestIdOf(headers) };
    } catch (thrown) {
      error = attempt.failed(thrown);
    } finally {
      attempt.dispose();
    }
    call.signal?.throwIfAborted();
    let delayMs = 0;
    if (attempt.mayBeDead && !triedAfresh) triedAfresh = true;
    else {
      if (attempt.signal.aborted || ++failures >= tries || !shouldRetry(error)) throw error;
      delayMs = error.retryAfterMs ?? backoffMs(failures - 1, { ...BACKOFF, random });
      if (clock.now() + delayMs >= call.deadlineAt) throw error;
    }
    const { kind, status } = error instanceof ApiError ? error : {};
    log.debug("Retrying a request", {
      ...{ method: spec.method, path: spec.path, attempt: count, kind, status },
      delayMs: Math.round(delayMs),
    });
    if (delayMs > 0) await clock.sleep(delayMs, call.signal);
  }
}

/**
 * Sends a request and reads the wanted value from the response.
 *
 * @param what the name of the value, such as `session`
 * @param read returns undefined where it finds no such value
 * @throws as {@linkcode requestJson}; `ApiError` of kind `decode` when nothing is found
 */
export async function request<T>(
  context: HttpContext,
  spec: RequestSpec,
  what: string,
  read: Read<T>,
  options?: ReadOptions,
): Promise<T> {
  const response = await requestJson(context, spec, options);
  const found = read(response.value);
  if (found !== undefined) return found;
  throw new ApiError(`The API's response is no ${what}`, {
    kind: "decode",
    // No API of this kind lacks a list: a health check or a gateway wrote the response.
    ...(what.startsWith("page of") && { author: "other" }),
    status: response.status,
    requestId: response.requestId,
    origin: context.origin,
  });
}

/** Returns true if the same safe request may succeed when repeated: `x-should-retry` decides. */
function shouldRetry(error: unknown): error is ApiError {
  if (!(error instanceof ApiError) || error.kind === "timeout") return false;
  // A retry does not refill a spent budget, whatever a proxy's header says.
  if (error.status === 429 && !error.retryable) return false;
  return error.shouldRetry ?? error.retryable;
}

/** The bounds of a call, which its attempts share. */
interface Call {
  /** The caller's signal. */
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  /** End of the call, by the clock's `now()`. */
  readonly deadlineAt: number;
}

/**
 * One sending of a request: the signal that ends it (by the caller, by the deadline or, for a read,
 * by silence), and the check whether its connection has failed.
 */
export class Attempt {
  readonly context: HttpContext;
  readonly spec: RequestSpec;
  readonly kind: RequestKind;
  /** Aborts when this side ends the attempt. */
  readonly signal: AbortSignal;
  /** When the last bytes came, or else the request went out, by the clock's `now()`. */
  lastByteAt: number;
  /** The response, once its head has come. */
  response: Response | undefined;
  /** Set by {@linkcode failed}: true when only a dead connection may be the cause. */
  mayBeDead = false;
  readonly #call: Call;
  readonly #count: number;
  readonly #controller = new AbortController();
  readonly #startedAt: number;
  readonly #countEnd: EndAttempt | undefined;
  #deadlineAt: number;
  #endedBy: "caller" | "deadline" | "silence" | undefined;
  #isReported = false;
  #route: Route | undefined;
  #leave: (() => void) | undefined;
  #rejectWait: ((reason: unknown) => void) | undefined;
  #cancelTimer: (() => void) | undefined;

  /** @param count 0 for the first attempt of the call */
  constructor(context: HttpContext, spec: RequestSpec, call: Call, count: number) {
    this.kind = spec.method === "POST" ? "write" : spec.stream || spec.bytes ? "stream" : "read";
    this.signal = this.#controller.signal;
    this.context = context;
    this.spec = spec;
    this.#call = call;
    this.#count = count;
    this.#deadlineAt = call.deadlineAt;
    this.lastByteAt = this.#startedAt = context.clock.now();
    this.#countEnd = currentUpstreamRequests()?.begin(spec.path, this.#startedAt, count);
    if (call.signal?.aborted) this.handleEvent();
    else call.signal?.addEventListener("abort", this);
    this.#watch(this.#startedAt);
  }

  /** Ends the attempt when the caller's signal aborts. */
  handleEvent(): void {
    this.#endedBy = "caller";
    this.#call.signal?.removeEventListener("abort", this);
    this.abort(this.#call.signal?.reason);
  }

  /** Takes a place among the reads; where none is free, resolves when there is one. */
  takePlace(): Promise<void> | undefined {
    const place = this.context.connections.enter(this.signal);
    if (place instanceof Promise) return place.then((leave) => void (this.#leave = leave));
    this.#leave = place;
  }

  /** Takes a connection for the request, whose silence is measured from now on. */
  takeRoute(): Route {
    this.lastByteAt = this.context.clock.now();
    return this.#route = this.context.connections.route(this.kind);
  }

  /** Records that bytes came. */
  noteBytes(): void {
    this.lastByteAt = this.context.clock.now();
  }

  /** Returns the promise's outcome, unless the attempt ends first. For one promise at a time. */
  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#rejectWait = reject;
      promise.then(resolve, reject);
      if (this.signal.aborted) reject(this.signal.reason);
    });
  }

  /** Ends the attempt: pending reads and waits reject with `reason`. */
  abort(reason: unknown): void {
    this.#controller.abort(reason);
    this.#rejectWait?.(reason);
  }

  /** Removes the deadline: an open stream has none. */
  endDeadline(): void {
    this.#deadlineAt = Infinity;
    this.#cancelTimer?.();
  }

  /**
   * Reports the end of the attempt to the context's observer and to the tool call's counter. Once.
   */
  report(error?: unknown): void {
    if (this.#isReported) return;
    this.#isReported = true;
    const { clock, observe } = this.context;
    const { method, path } = this.spec;
    const endedAt = clock.now();
    const ms = endedAt - this.#startedAt;
    const { status, headers } = this.response ?? {};
    observe?.({ method, path, status, headers, ms, attempt: this.#count });
    this.#countEnd?.(endedAt, error instanceof ApiError ? error.requestId : undefined);
  }

  /**
   * Drops the connection if the failure is like that of a dead one.
   *
   * @returns the error to go on with
   */
  failed(error: unknown): unknown {
    const route = this.#route;
    let outcome = error;
    if (this.#endedBy === "silence") {
      route?.suspect();
      this.mayBeDead = true;
      outcome = this.signal.reason;
    } else if (this.signal.aborted) {
      this.dropIfSilent(SUSPICIOUS_MS, { suspect: this.#endedBy === "deadline" });
    } else if (error instanceof ApiError && error.kind === "connection_lost") {
      route?.drop();
      this.mayBeDead = route?.reuses ?? false;
    }
    this.report(outcome);
    return outcome;
  }

  /** Drops the connection if the attempt, which this side ends, got no byte for so long. */
  dropIfSilent(suspiciousMs: number, options: { readonly suspect?: boolean } = {}): void {
    if (this.context.clock.now() - this.lastByteAt < suspiciousMs) return;
    if (options.suspect) this.#route?.suspect();
    else this.#route?.drop();
  }

  /** Frees the timer, the listener and the place. Idempotent. */
  dispose(): void {
    this.#leave?.();
    this.#cancelTimer?.();
    this.#call.signal?.removeEventListener("abort", this);
    this.report();
  }

  /** Sets the timer to the deadline or to the end of the silence, whichever comes first. */
  #watch(now: number): void {
    const { clock, silence } = this.context;
    if (this.signal.aborted) return;
    // Silence before the request goes out says nothing about its connection.
    const lastByteAt = this.#route ? this.lastByteAt : now;
    const silentAt = this.kind === "read" ? lastByteAt + READ_SILENCE_MS : Infinity;
    if (now >= this.#deadlineAt) {
      this.#endedBy = "deadline";
      this.abort(timeoutError(this.context, `within ${this.#call.timeoutMs / 1_000} s`));
    } else if (now >= silentAt) {
      this.#endedBy = "silence";
      // The caller sees this error only of the second try.
      this.abort(timeoutError(this.context, `within ${READ_SILENCE_MS / 1_000} s, twice`));
    } else {
      const dueMs = Math.min(this.#deadlineAt, silentAt) - now;
      const look = () => this.#watch(clock.now());
      const isWholeSilence = lastByteAt === now && silentAt <= this.#deadlineAt;
      this.#cancelTimer = isWholeSilence ? silence.start(look) : clock.after(dueMs, look);
    }
  }
}

/**
 * Sends a request and waits for the headers of a response of status 2xx, whose body must be read or
 * dropped.
 *
 * After a 401 a read gets one more try with a credential that was rotated meanwhile. A write does
 * not: it goes out once, with the credential that its source has at that moment.
 *
 * @throws `ApiError` of kind `http`, `not_sent` or `connection_lost`; the attempt's signal's reason
 */
export async function sendRequest(attempt: Attempt): Promise<Response> {
  const isWrite = attempt.kind === "write";
  let credential = await askCredential(attempt, isWrite);
  let response = await dispatch(attempt, credential);
  if (response.status === 401 && !isWrite) {
    const fresh = await askCredential(attempt, true).catch(() => credential);
    if (fresh?.value !== credential?.value && !attempt.signal.aborted) {
      discardBody(response);
      credential = fresh;
      response = await dispatch(attempt, fresh);
    }
  }
  attempt.response = response;
  if (response.ok) return response;
  const { spec, context: { redact, clock, origin } } = attempt;
  throw responseError(response, await readErrorText(attempt, response), {
    redact,
    nowMs: clock.wallTime(),
    request: { method: spec.method, path: spec.path, origin },
  });
}

/**
 * Longest time for reading a newer credential, in milliseconds: the known one may still be valid.
 */
const REFRESH_MS = 1_000;

/** Returns the credential; the known one where reading a newer one takes too long. */
async function askCredential(
  attempt: Attempt,
  refresh: boolean,
): Promise<Credential | undefined> {
  const { signal, context: { credential, clock } } = attempt;
  const found = credential?.({ refresh });
  if (!(found instanceof Promise)) return found;
  if (!refresh) return await attempt.wait(found);
  const bound = bindSignal(clock, { signals: [signal], timeoutMs: REFRESH_MS });
  try {
    return await raceSignal(found, bound.signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof DeadlineError)) throw error;
  } finally {
    bound.dispose();
  }
  return await attempt.wait(Promise.resolve(credential?.()));
}

/** Fetches. An abort rejects at once; a response that comes after it is dropped. */
async function dispatch(
  attempt: Attempt,
  credential: Credential | undefined,
): Promise<Response> {
  const { context, spec: { path, query } } = attempt;
  const { baseUrl, clock, record } = context;
  const init = requestInit(attempt, credential);
  attempt.signal.throwIfAborted();
  let pending: Promise<Response> | undefined;
  try {
    const { fetch } = attempt.takeRoute();
    const sentAt = { monotonic: attempt.lastByteAt, wall: clock.wallTime() };
    pending = fetch(baseUrl + path + queryString(query), init);
    const response = await attempt.wait(pending);
    attempt.noteBytes();
    record.addDate(response.headers, sentAt);
    return response;
  } catch (error) {
    pending?.then(discardBody, () => {/* this is the failure being handled */});
    attempt.signal.throwIfAborted();
    throw networkError(error, context);
  }
}

function requestInit(
  { context, spec: { method, body, stream, bytes }, signal }: Attempt,
  credential: Credential | undefined,
): RequestInit {
  // A response may quote the credential.
  if (credential) context.redact.learn(credential.value);
  const headers: Record<string, string> = {
    ...(credential && credentialHeaders(credential)),
    "anthropic-version": "2023-06-01",
    "user-agent": context.userAgent,
    "accept": stream ? "text/event-stream" : bytes ? "application/binary, */*" : "application/json",
  };
  // A proxy that compresses a stream also holds its frames back.
  if (stream) headers["accept-encoding"] = "identity";
  if (body !== undefined) headers["content-type"] = "application/json";
  return {
    method,
    headers,
    signal,
    // A blob has a length like a string, but the runtime cannot send it twice.
    body: body === undefined ? undefined : new Blob([JSON.stringify(body)]),
    redirect: "manual",
  };
}

/** Largest error body that is read, in bytes; error texts are short. */
const MAX_ERROR_BYTES = 256 * 1024;

async function readErrorText(attempt: Attempt, response: Response): Promise<string> {
  try {
    return await readText(response, {
      signal: attempt.signal,
      maxBytes: MAX_ERROR_BYTES,
      onChunk: () => attempt.noteBytes(),
    });
  } catch {
    // The status is known, and says more than the error of reading the text.
    return "";
  }
}

/**
 * Largest body of a known length that is read in one piece, in bytes. The runtime does not report
 * its bytes on the way then, so `READ_SILENCE_MS` applies to the whole body rather than to each
 * byte. Reading it piece by piece made a whole request 1.2 to 1.4 times as expensive (loopback,
 * Deno 2.9.6).
 */
const SHORT_BYTES = 16 * 1024;

/**
 * Reads a body as JSON.
 *
 * @returns undefined for an empty body
 */
async function readJsonBody(attempt: Attempt, response: Response): Promise<unknown> {
  const { context, signal, spec: { list } } = attempt;
  const { redact, origin, maxBodyBytes } = context;
  const maxBytes = list?.maxBytes ?? maxBodyBytes;
  const parser = new JsonParser({
    maxTextChars: list?.maxTextChars ?? Infinity,
    maxEntryChars: list?.maxEntryChars ?? Infinity,
    maxProseChars: list?.maxProseChars,
    maxChars: maxBodyBytes,
  }, (json) => parseClean(json, redact));
  try {
    if (isShort(response, Math.min(SHORT_BYTES, maxBytes))) {
      parser.push(await attempt.wait(response.text()));
    } else {
      await readPieces(response, { signal, maxBytes, onChunk: () => attempt.noteBytes() }, parser);
    }
    return parser.end();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BodyTooLargeError) {
      throw new ApiError("The API's response is too large", {
        ...{ kind: "decode", status: response.status, requestId: apiRequestIdOf(response.headers) },
        entriesRead: parser.entries,
      });
    }
    if (error instanceof SyntaxError && !parser.isCut) {
      throw typeError(response, "JSON", origin, parser.beginning);
    }
    throw networkError(error, context);
  }
}

/** Returns true if the headers name a length of at most `maxBytes`, of the body as it is read. */
function isShort({ headers }: Response, maxBytes: number): boolean {
  const length = headers.get("content-length");
  return length !== null && Number(length) <= maxBytes && !headers.has("content-encoding");
}

/** Query parameters by name; undefined ones are left out, arrays repeat with `[]`. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/**
 * Encodes an id as one path segment. Rejects ids that a URL parser would take for a step up or down
 * the path, as the official SDK does.
 *
 * @throws `ToolError` `invalid_argument`
 */
export function pathSegment(id: string): string {
  if (/^\.{0,2}$/.test(id) || !id.isWellFormed()) {
    throw new ToolError("invalid_argument", `"${id.toWellFormed()}" is not an id`);
  }
  return encodeURIComponent(id);
}

/** Returns the path of a session; see {@linkcode pathSegment}. */
export function sessionPath(sessionId: string): string {
  return `/v1/sessions/${pathSegment(sessionId)}`;
}

/** Returns `?a=1&types%5B%5D=x&types%5B%5D=y`, or nothing. */
export function queryString(query: Query = {}): string {
  const pairs: string[] = [];
  const add = (name: string, value: string) =>
    pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(value.toWellFormed())}`);
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (typeof value === "object") { for (const item of value) add(`${name}[]`, item); }
    else add(name, String(value));
  }
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}
