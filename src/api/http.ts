/**
 * One request to the API, within its deadline: headers, credential, and errors by kind.
 *
 * @module
 */

import { bindSignal, type BoundSignal, DeadlineError, raceSignal } from "../core/abort.ts";
import { backoffMs } from "../core/backoff.ts";
import { currentUpstreamRequests } from "../core/upstream_requests.ts";
import type { Clock } from "../core/clock.ts";
import { ToolError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Proxy } from "../core/proxy.ts";
import type { Redact } from "../core/redact.ts";
import { type SilenceWatch, watchSilence } from "../core/silence.ts";
import { BodyTooLargeError, discardBody, parseClean, readPieces, readText } from "./body.ts";
import type { Connections, RequestKind, Route } from "./connections.ts";
import { type Credential, credentialHeaders, type CredentialSource } from "./credentials.ts";
import {
  errorInside,
  requestIdOf,
  ResponseError,
  responseError,
  typeError,
} from "./error_response.ts";
import { ApiError, type ApiErrorInfo, networkError, type NetworkRoute } from "./errors.ts";
import type { LocalTime } from "./event_record.ts";
import { createListBody, type ListBodyOptions } from "./list_body.ts";
import type { CallOptions } from "./types.ts";

/** One attempt, for metrics; `status` is absent when no answer arrived. */
export interface RequestInfo {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status?: number;
  /** Milliseconds from sending to the end of the answer, for a stream to its beginning. */
  readonly ms: number;
  /** 0 for the first. */
  readonly attempt: number;
}

/** What every request shares. */
export interface HttpContext {
  /** Without a trailing slash. */
  readonly baseUrl: string;
  /** What stands between this program and the API, as far as it is known. */
  readonly proxy?: Proxy;
  readonly credential: CredentialSource;
  readonly connections: Connections;
  readonly clock: Clock;
  readonly log: Logger;
  /** Learns every credential that is used. */
  readonly redact: Redact;
  readonly random?: () => number;
  readonly userAgent: string;
  readonly observe?: (info: RequestInfo) => void;
  /** Told of the head of every response, and when its request was sent. */
  readonly noteDate?: (headers: Headers, sentAt: LocalTime) => void;
  /** Bound of an answer's size, in bytes. */
  readonly maxBodyBytes: number;
  /** Bound of one stream frame's data, in UTF-16 code units. */
  readonly maxFrameChars: number;
}

/** A request, less what the context adds. */
export interface RequestSpec {
  readonly method: "GET" | "POST";
  /** From `/v1` on, segments encoded. */
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** What is kept of a list's entries; all when absent. */
  readonly list?: Omit<ListBodyOptions, "maxChars"> & {
    /** Bound of the answer's size in bytes; the context's when absent. */
    readonly maxBytes?: number;
  };
}

/** An answer of status 2xx, parsed. */
export interface JsonAnswer {
  /** Undefined when the body was empty. */
  readonly value: unknown;
  readonly status: number;
  readonly requestId?: string;
}

/** Milliseconds until a call fails when the caller names no other bound. */
export const DEFAULT_TIMEOUT_MS = 30_000;

/** Timers take no more. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The call's own bound in milliseconds, made fit for a timer. */
export function timeoutOf(options: CallOptions | undefined): number {
  return Math.min(options?.timeoutMs ?? DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS);
}

/** The error of a call whose time is up. */
export function timeoutError(timeoutMs: number, origin: string): ApiError {
  return new ApiError(`No answer from ${origin} within ${timeoutMs / 1_000} s`, {
    kind: "timeout",
  });
}

function silentError(origin: string): ApiError {
  const text = `No answer from ${origin} within ${READ_SILENCE_MS / 1_000} s, twice`;
  return new ApiError(text, { kind: "timeout" });
}

/** The way of a request, for what is told of its failure. */
export function routeOf(context: HttpContext): NetworkRoute {
  return { origin: originOf(context), ...(context.proxy && { proxy: context.proxy }) };
}

/** What is told of the server in messages: no path, no query. */
export function originOf(context: HttpContext): string {
  return new URL(context.baseUrl).origin;
}

/**
 * Milliseconds without a byte, of the head or after it, after which a read is given up and sent once
 * more on a fresh connection.
 */
export const READ_SILENCE_MS = 10_000;

/**
 * A request that ended from this side after so many milliseconds without a byte makes its way
 * suspect, though it might have been answered later.
 */
const SUSPICIOUS_MS = 3_000;

/**
 * Sends a request and parses the answer as JSON. Reads are retried, everything else is sent once.
 *
 * @param options `retry: false` leaves the retrying of a read to its caller; what only a fresh
 *   connection can tell is tried all the same (see `connections.ts`)
 * @throws `ApiError`, or the caller's signal's reason as soon as that aborts
 */
export async function requestJson(
  context: HttpContext,
  spec: RequestSpec,
  options: CallOptions & { readonly retry?: boolean } = {},
): Promise<JsonAnswer> {
  const { clock, log, random } = context;
  const timeoutMs = timeoutOf(options);
  const deadlineAt = clock.now() + timeoutMs;
  const bound = bindSignal(clock, { signals: [options.signal], timeoutMs });
  const { signal } = bound;
  try {
    const isRead = spec.method === "GET";
    return await withRetries((attempt) => attemptJson(context, spec, signal, attempt), {
      tries: isRead && options.retry !== false ? MAX_TRIES : 1,
      clock,
      signal,
      deadlineAt,
      random,
      onRetry: (error, attempt, delayMs) =>
        log.debug("Retrying a request", {
          method: spec.method,
          path: spec.path,
          attempt,
          kind: error.kind,
          status: error.status,
          delayMs: Math.round(delayMs),
        }),
    });
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof DeadlineError) throw timeoutError(timeoutMs, originOf(context));
    throw error;
  } finally {
    bound.dispose();
  }
}

async function attemptJson(
  context: HttpContext,
  spec: RequestSpec,
  signal: AbortSignal,
  attempt: number,
): Promise<JsonAnswer> {
  return await observed(context, spec, attempt, async (noteStatus) => {
    const attempt = new Attempt(context, spec.method === "GET" ? "read" : "write", signal);
    try {
      await attempt.enter();
      const { response } = await exchange(context, spec, { attempt, noteStatus });
      const { status, headers } = response;
      const requestId = requestIdOf(headers);
      const value = await readBody(context, spec, response, attempt);
      const error = errorInside(response, value, context.redact, originOf(context));
      if (error) throw error;
      return { value, status, requestId };
    } catch (error) {
      throw attempt.failed(error);
    } finally {
      attempt.dispose();
    }
  });
}

/** One sending of a request: its way, how long that has been silent, and what follows from it. */
export class Attempt {
  readonly kind: RequestKind;
  /** Aborts with the call's signal, and when a read has been silent for too long. */
  readonly signal: AbortSignal;
  readonly #context: HttpContext;
  readonly #callSignal: AbortSignal;
  readonly #bound: BoundSignal | undefined;
  readonly #silent: AbortController | undefined;
  #leave: (() => void) | undefined;
  #watch: SilenceWatch | undefined;
  #route: Route | undefined;
  #heardAt: number;

  /** @param signal of the call */
  constructor(context: HttpContext, kind: RequestKind, signal: AbortSignal) {
    this.kind = kind;
    this.#context = context;
    this.#callSignal = signal;
    this.#heardAt = context.clock.now();
    this.signal = signal;
    if (kind !== "read") return;
    this.#silent = new AbortController();
    this.#bound = bindSignal(context.clock, { signals: [signal, this.#silent.signal] });
    this.signal = this.#bound.signal;
  }

  /** When the last bytes came, or else the request went out, by the clock's `now()`. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Waits for a place, where a read needs one. */
  async enter(): Promise<void> {
    if (this.kind !== "read") return;
    this.#leave = await this.#context.connections.enter(this.signal);
  }

  /** Takes a way, and begins to listen. */
  begin(): Route {
    const { clock, connections } = this.#context;
    this.#watch?.stop();
    this.#heardAt = clock.now();
    const silent = this.#silent;
    if (silent) this.#watch = watchSilence(clock, READ_SILENCE_MS, () => silent.abort());
    return this.#route = connections.route(this.kind);
  }

  /** Notes bytes. */
  heard(): void {
    this.#heardAt = this.#context.clock.now();
    this.#watch?.heard();
  }

  /**
   * Judges the way by how the attempt failed.
   *
   * @returns the error to go on with: a {@linkcode DeadConnectionError} when a fresh connection may
   *   do better
   */
  failed(error: unknown): unknown {
    const route = this.#route;
    if (this.#callSignal.aborted) {
      const { reason } = this.#callSignal;
      this.ended(SUSPICIOUS_MS, { suspect: reason instanceof DeadlineError });
      return error;
    }
    if (this.#silent?.signal.aborted) {
      route?.suspect();
      return new DeadConnectionError(silentError(originOf(this.#context)));
    }
    if (!(error instanceof ApiError) || error.kind !== "connection") return error;
    route?.drop();
    return route?.reuses ? new DeadConnectionError(error) : error;
  }

  /** Judges the way by how long it was silent when the attempt was ended from this side. */
  ended(suspiciousMs: number, options: { readonly suspect?: boolean } = {}): void {
    if (this.#context.clock.now() - this.#heardAt < suspiciousMs) return;
    if (options.suspect) this.#route?.suspect();
    else this.#route?.drop();
  }

  /** Ends the listening, and gives up the place. Idempotent. */
  dispose(): void {
    this.#leave?.();
    this.#watch?.stop();
    this.#bound?.dispose();
  }
}

/** Tells the context's observer and the counter of the call of an attempt, however it ends. */
export async function observed<T>(
  context: HttpContext,
  { method, path }: RequestSpec,
  attempt: number,
  run: (noteStatus: (status: number) => void) => Promise<T>,
): Promise<T> {
  const { clock, observe } = context;
  const startedAt = clock.now();
  const endAttempt = currentUpstreamRequests()?.begin(path, startedAt, attempt);
  let status: number | undefined;
  let failedRequestId: string | undefined;
  try {
    return await run((value) => status = value);
  } catch (error) {
    if (error instanceof ApiError) failedRequestId = error.requestId;
    throw error;
  } finally {
    const endedAt = clock.now();
    observe?.({ method, path, status, ms: endedAt - startedAt, attempt });
    endAttempt?.(endedAt, failedRequestId);
  }
}

/** How {@linkcode exchange} sends. */
export interface ExchangeOptions {
  readonly attempt: Attempt;
  readonly noteStatus: (status: number) => void;
}

/** The head of an answer of status 2xx. */
export interface Exchange {
  /** Its body must be read or dropped. */
  readonly response: Response;
}

/**
 * Sends a request and waits for the head of an answer.
 *
 * After a 401 a read gets one more try with a credential that was rotated meanwhile. A write does
 * not: it goes out with what the credential's source has at that moment, and never again.
 *
 * @throws `ApiError` of kind `http`, `connect` or `connection`; the signal's reason
 */
export async function exchange(
  context: HttpContext,
  spec: RequestSpec,
  options: ExchangeOptions,
): Promise<Exchange> {
  const { attempt, noteStatus } = options;
  const isWrite = attempt.kind === "write";
  let credential = await askCredential(context, attempt.signal, isWrite);
  let response = await dispatch(context, buildRequest(context, spec, credential, attempt), attempt);
  if (response.status === 401 && !isWrite) {
    const fresh = await askCredential(context, attempt.signal, true).catch(() => credential);
    if (fresh.value !== credential.value && !attempt.signal.aborted) {
      discardBody(response);
      credential = fresh;
      response = await dispatch(context, buildRequest(context, spec, fresh, attempt), attempt);
    }
  }
  noteStatus(response.status);
  if (response.ok) return { response };
  const text = await readErrorText(response, attempt);
  const { method, path } = spec;
  const request = { method, path, origin: originOf(context) };
  const { redact, clock } = context;
  throw responseError(response, text, { redact, nowMs: clock.wallTime(), request });
}

/** Milliseconds that a look for a newer credential may take: the one that is known may do. */
const REFRESH_MS = 1_000;

async function askCredential(
  { credential, clock }: HttpContext,
  signal: AbortSignal,
  refresh: boolean,
): Promise<Credential> {
  const found = credential({ refresh });
  if (!(found instanceof Promise)) return found;
  if (!refresh) return await raceSignal(found, signal);
  const bound = bindSignal(clock, { signals: [signal], timeoutMs: REFRESH_MS });
  try {
    return await raceSignal(found, bound.signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof DeadlineError)) throw error;
  } finally {
    bound.dispose();
  }
  return await raceSignal(Promise.resolve(credential()), signal);
}

function buildRequest(
  context: HttpContext,
  { method, path, query, body }: RequestSpec,
  credential: Credential,
  { kind, signal }: Attempt,
): Request {
  const isStream = kind === "stream";
  // Whatever comes back may quote it.
  context.redact.learn(credential.value);
  const headers: Record<string, string> = {
    ...credentialHeaders(credential),
    "anthropic-version": "2023-06-01",
    "user-agent": context.userAgent,
    "accept": isStream ? "text/event-stream" : "application/json",
  };
  // A proxy that compresses a stream also holds its frames back.
  if (isStream) headers["accept-encoding"] = "identity";
  if (body !== undefined) headers["content-type"] = "application/json";
  return new Request(context.baseUrl + path + queryString(query), {
    method,
    headers,
    signal,
    // A blob has a length, and yet the runtime cannot send it twice, as it would a string.
    body: body === undefined ? undefined : new Blob([JSON.stringify(body)]),
    redirect: "manual",
  });
}

/** Fetches; an abort is answered at once, and an answer that comes after it is dropped. */
async function dispatch(
  context: HttpContext,
  request: Request,
  attempt: Attempt,
): Promise<Response> {
  const { signal } = attempt;
  signal.throwIfAborted();
  const { fetch } = attempt.begin();
  const sentAt = { monotonic: context.clock.now(), wall: context.clock.wallTime() };
  const pending = (async () => await fetch(request))();
  try {
    const response = await raceSignal(pending, signal);
    attempt.heard();
    context.noteDate?.(response.headers, sentAt);
    return response;
  } catch (error) {
    pending.then(discardBody, () => {/* this is the failure being handled */});
    signal.throwIfAborted();
    throw networkError(error, routeOf(context));
  }
}

/** Error texts are short; a longer body is not worth its time. */
const MAX_ERROR_BYTES = 256 * 1024;

async function readErrorText(response: Response, attempt: Attempt): Promise<string> {
  const { signal } = attempt;
  try {
    return await readText(response, {
      signal,
      maxBytes: MAX_ERROR_BYTES,
      onChunk: () => attempt.heard(),
    });
  } catch {
    // The status is known, and says more than the trouble with the text about it.
    return "";
  }
}

/** An answer, or what must be kept of it, is larger than allowed. */
export class AnswerTooLargeError extends ApiError {
  override name = "AnswerTooLargeError";
  /** Entries of a list that had come in whole; 0 where that is not known. */
  readonly entries: number;

  constructor(entries: number, info: Omit<ApiErrorInfo, "kind">) {
    super("The API's answer is too large", { ...info, kind: "decode" });
    this.entries = entries;
  }
}

/** Of a body that cannot be read, for telling what it is instead. */
const BEGINNING_CHARS = 64 * 1024;

/** @returns undefined for an empty body */
async function readBody(
  context: HttpContext,
  { list }: RequestSpec,
  response: Response,
  attempt: Attempt,
): Promise<unknown> {
  const { signal } = attempt;
  const maxBytes = list?.maxBytes ?? context.maxBodyBytes;
  const options = { signal, maxBytes, onChunk: () => attempt.heard() };
  const body = createListBody({
    maxTextChars: list?.maxTextChars ?? Infinity,
    maxEntryChars: list?.maxEntryChars ?? Infinity,
    maxProseChars: list?.maxProseChars,
    maxChars: context.maxBodyBytes,
  }, (json) => parseClean(json, context.redact));
  let beginning = "";
  let last = "";
  try {
    await readPieces(response, options, {
      push(text) {
        if (beginning.length < BEGINNING_CHARS) beginning += text;
        last = text.trimEnd().at(-1) ?? last;
        body.push(text);
      },
      skip: (bytes) => body.skip(bytes),
    });
    return body.end();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SyntaxError) {
      // Without a length, only the text tells that its connection broke.
      const first = beginning.trimStart()[0] ?? "";
      if ("{[".includes(first) && !"}]".includes(last)) throw networkError(error, routeOf(context));
      throw typeError(response, "JSON", originOf(context), beginning);
    }
    if (!(error instanceof BodyTooLargeError)) throw networkError(error, routeOf(context));
    const requestId = requestIdOf(response.headers);
    throw new AnswerTooLargeError(body.entries, { status: response.status, requestId });
  }
}

/** Tries of a safe request, the first included. */
export const MAX_TRIES = 3;

/** Pauses between tries, in milliseconds, where the API does not name one. */
const BACKOFF = { baseMs: 500, capMs: 8_000 } as const;

/** Whether the same safe request may succeed when repeated; `x-should-retry` has the last word. */
export function shouldRetry(error: unknown): error is ApiError {
  if (!(error instanceof ApiError)) return false;
  if (error.kind === "timeout") return false;
  if (error instanceof ResponseError && error.shouldRetry !== undefined) return error.shouldRetry;
  return error.retryable;
}

/**
 * A read that told nothing but that its connection may be dead: it fell silent, or broke when it
 * may have been used before.
 */
export class DeadConnectionError extends Error {
  override name = "DeadConnectionError";
  /** What the call fails with if a fresh connection does not help. */
  readonly error: ApiError;

  constructor(error: ApiError) {
    super(error.message, { cause: error });
    this.error = error;
  }
}

/** What {@linkcode withRetries} needs. */
export interface RetryOptions {
  /** Tries in all, ≥ 1, less the one that the first {@linkcode DeadConnectionError} gives. */
  readonly tries: number;
  readonly clock: Clock;
  /** Ends a pause. */
  readonly signal: AbortSignal;
  /** When the call's time is up, in milliseconds since the epoch. */
  readonly deadlineAt: number;
  /** Uniform random number in [0, 1). */
  readonly random?: () => number;
  /** Told before each pause. */
  readonly onRetry?: (error: ApiError, attempt: number, delayMs: number) => void;
}

/**
 * Runs until it succeeds, fails for good or has used its tries. The first dead connection is followed
 * by a try at once, which the caller sends on a fresh one. A pause that the deadline would
 * cut short is not begun: the failure at hand says more than a time-out later.
 *
 * @param run gets the number of the try, 0 for the first
 * @throws the last failure, or the signal's reason when it aborts a pause
 */
export async function withRetries<T>(
  run: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { tries, clock, signal, deadlineAt, random, onRetry } = options;
  let failures = 0;
  let triedAfresh = false;
  for (let attempt = 0;; attempt++) {
    try {
      return await run(attempt);
    } catch (thrown) {
      const dead = thrown instanceof DeadConnectionError;
      const error = dead ? thrown.error : thrown;
      if (dead && !triedAfresh && !signal.aborted) {
        triedAfresh = true;
        onRetry?.(thrown.error, attempt, 0);
        continue;
      }
      if (signal.aborted || ++failures >= tries || !shouldRetry(error)) throw error;
      const delayMs = error.retryAfterMs ?? backoffMs(failures - 1, { ...BACKOFF, random });
      if (clock.now() + delayMs >= deadlineAt) throw error;
      onRetry?.(error, attempt, delayMs);
      await clock.sleep(delayMs, signal);
    }
  }
}

/** Query parameters by name; undefined ones are left out, arrays repeat with `[]`. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/**
 * An id as one path segment. Ids that a URL parser would take for a step up or down the path are
 * refused, as the official SDK does.
 *
 * @throws `ToolError` `invalid_argument`
 */
export function pathSegment(id: string): string {
  if (/^\.{0,2}$/.test(id) || !id.isWellFormed()) {
    throw new ToolError("invalid_argument", `"${id.toWellFormed()}" is not an id`);
  }
  return encodeURIComponent(id);
}

/** `?a=1&types%5B%5D=x&types%5B%5D=y`, or nothing. */
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
