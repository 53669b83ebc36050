/**
 * One request to the API, within its deadline: headers, credential, and errors by kind.
 *
 * @module
 */

import { bindSignal, DeadlineError, raceSignal } from "../core/abort.ts";
import { currentScope } from "../core/call_scope.ts";
import type { Clock } from "../core/clock.ts";
import { ApiError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { createRedact, type Redact } from "../core/redact.ts";
import type { CallOptions, FetchLike } from "./api.ts";
import { BodyTooLargeError, discardBody, readText } from "./body.ts";
import { type Credential, credentialHeaders, type CredentialSource } from "./credentials.ts";
import { networkError, requestIdOf, responseError, typeError } from "./failures.ts";
import { MAX_TRIES, withRetries } from "./retry.ts";
import { type Query, queryString } from "./url.ts";

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
  readonly credential: CredentialSource;
  readonly fetch: FetchLike;
  readonly streamFetch: FetchLike;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
  readonly userAgent: string;
  readonly observe?: (info: RequestInfo) => void;
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

/** What is told of the server in messages: no path, no query. */
export function originOf(context: HttpContext): string {
  return new URL(context.baseUrl).origin;
}

/**
 * Sends a request and parses the answer as JSON. Reads are retried, everything else is sent once.
 *
 * @param options `retry: false` keeps a read from being retried
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
    return await withRetries((attempt) => attemptJson(context, spec, signal, attempt), {
      tries: spec.method === "GET" && options.retry !== false ? MAX_TRIES : 1,
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
    const { response } = await exchange(context, spec, { signal, noteStatus });
    const { status, headers } = response;
    const requestId = requestIdOf(headers);
    const text = await readBody(context, response, signal);
    if (text.trim() === "") return { value: undefined, status, requestId };
    try {
      return { value: JSON.parse(text), status, requestId };
    } catch {
      throw typeError(response, "JSON", originOf(context), text);
    }
  });
}

/** Tells the context's observer and the call's scope of an attempt, however it ends. */
export async function observed<T>(
  context: HttpContext,
  { method, path }: RequestSpec,
  attempt: number,
  run: (noteStatus: (status: number) => void) => Promise<T>,
): Promise<T> {
  const { clock, observe } = context;
  const startedAt = clock.now();
  const noteEnd = currentScope()?.begin(path, startedAt, attempt);
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
    noteEnd?.(endedAt, failedRequestId);
  }
}

/** How {@linkcode exchange} sends. */
export interface ExchangeOptions {
  readonly signal: AbortSignal;
  readonly noteStatus: (status: number) => void;
  /** Ask for an event stream, through the client for long streams. */
  readonly stream?: boolean;
}

/** The head of an answer of status 2xx. */
export interface Exchange {
  /** Its body must be read or dropped. */
  readonly response: Response;
  /** Knows the credential that was used. */
  readonly redact: Redact;
}

/**
 * Sends a request and waits for the head of an answer. After a 401 a credential that was rotated
 * meanwhile gets one more try: what was refused so was not carried out.
 *
 * @throws `ApiError` of kind `http`, `connect` or `connection`; the signal's reason
 */
export async function exchange(
  context: HttpContext,
  spec: RequestSpec,
  options: ExchangeOptions,
): Promise<Exchange> {
  const { signal, noteStatus } = options;
  let credential = await askCredential(context, signal);
  let response = await dispatch(context, buildRequest(context, spec, credential, options), options);
  if (response.status === 401) {
    const fresh = await askCredential(context, signal, true).catch(() => credential);
    if (fresh.value !== credential.value && !signal.aborted) {
      discardBody(response);
      credential = fresh;
      response = await dispatch(context, buildRequest(context, spec, fresh, options), options);
    }
  }
  noteStatus(response.status);
  const { value } = credential;
  // Only errors need it.
  const redact: Redact = (text) => createRedact([value])(text);
  if (response.ok) return { response, redact };
  const text = await readErrorText(response, signal);
  const { method, path } = spec;
  const request = { method, path, origin: originOf(context) };
  throw responseError(response, text, { redact, nowMs: context.clock.wallTime(), request });
}

async function askCredential(
  { credential }: HttpContext,
  signal: AbortSignal,
  refresh = false,
): Promise<Credential> {
  const found = credential({ refresh });
  return found instanceof Promise ? await raceSignal(found, signal) : found;
}

function buildRequest(
  context: HttpContext,
  { method, path, query, body }: RequestSpec,
  credential: Credential,
  { signal, stream }: ExchangeOptions,
): Request {
  const headers: Record<string, string> = {
    ...credentialHeaders(credential),
    "anthropic-version": "2023-06-01",
    "user-agent": context.userAgent,
    "accept": stream ? "text/event-stream" : "application/json",
  };
  // A proxy that compresses a stream also holds its frames back.
  if (stream) headers["accept-encoding"] = "identity";
  if (body !== undefined) headers["content-type"] = "application/json";
  return new Request(context.baseUrl + path + queryString(query), {
    method,
    headers,
    signal,
    body: body === undefined ? undefined : JSON.stringify(body),
    redirect: "manual",
  });
}

/** Fetches; an abort is answered at once, and an answer that comes after it is dropped. */
async function dispatch(
  context: HttpContext,
  request: Request,
  { signal, stream }: ExchangeOptions,
): Promise<Response> {
  signal.throwIfAborted();
  const fetch = stream ? context.streamFetch : context.fetch;
  const pending = (async () => await fetch(request))();
  try {
    return await raceSignal(pending, signal);
  } catch (error) {
    pending.then(discardBody, () => {/* this is the failure being handled */});
    signal.throwIfAborted();
    throw networkError(error, originOf(context));
  }
}

/** Error texts are short; a longer body is not worth its time. */
const MAX_ERROR_BYTES = 256 * 1024;

async function readErrorText(response: Response, signal: AbortSignal): Promise<string> {
  try {
    return await readText(response, { signal, maxBytes: MAX_ERROR_BYTES });
  } catch {
    // The status is known, and says more than the trouble with the text about it.
    return "";
  }
}

async function readBody(
  context: HttpContext,
  response: Response,
  signal: AbortSignal,
): Promise<string> {
  try {
    return await readText(response, { signal, maxBytes: context.maxBodyBytes });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BodyTooLargeError) {
      throw new ApiError("The API's answer is too large", {
        kind: "decode",
        status: response.status,
        requestId: requestIdOf(response.headers),
      });
    }
    throw networkError(error, originOf(context));
  }
}
