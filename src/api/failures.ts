/**
 * What went wrong with a request, as `ApiError`s.
 *
 * @module
 */

import * as z from "zod";
import { ApiError, type ApiErrorInfo } from "../core/errors.ts";
import type { Redact } from "../core/redact.ts";

/** An error status, with what the answer's headers say about trying again. */
export class ResponseError extends ApiError {
  /** `x-should-retry`; undefined where the answer does not say. */
  readonly shouldRetry: boolean | undefined;

  constructor(message: string, info: ApiErrorInfo & { readonly shouldRetry?: boolean }) {
    super(message, info);
    this.shouldRetry = info.shouldRetry;
  }
}

/** Longer messages are cut: they end up in front of a model. */
const MAX_MESSAGE_CHARS = 1_000;

const detailsSchema = z.lazy(() =>
  z.looseObject({ error_code: z.string().optional().catch(undefined) })
);

const errorSchema = z.lazy(() =>
  z.looseObject({
    type: z.string().optional().catch(undefined),
    message: z.string().optional().catch(undefined),
    details: detailsSchema.optional().catch(undefined),
  })
);

/** The documented envelope, and the looser ones of other implementations. */
const envelopeSchema = z.lazy(() =>
  z.looseObject({
    error: z.union([z.string(), errorSchema]).optional().catch(undefined),
    message: z.string().optional().catch(undefined),
    request_id: z.string().optional().catch(undefined),
  })
);

interface Envelope {
  readonly message?: string;
  readonly type?: string;
  readonly errorCode?: string;
  readonly requestId?: string;
}

function readEnvelope(body: unknown): Envelope {
  const parsed = envelopeSchema.safeParse(body);
  if (!parsed.success) return {};
  const { error, message, request_id: requestId } = parsed.data;
  if (typeof error === "string") return { message: error, requestId };
  return {
    message: error?.message ?? message,
    type: error?.type,
    errorCode: error?.details?.error_code,
    requestId,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One line, bounded, and without anything that looks like a credential. */
function presentable(message: string | undefined, redact: Redact): string | undefined {
  // deno-lint-ignore no-control-regex -- control characters are what is taken out
  const line = message?.replace(/[\x00-\x1f\x7f]+/g, " ").trim();
  if (!line) return undefined;
  const clean = redact(line);
  return clean.length > MAX_MESSAGE_CHARS ? `${clean.slice(0, MAX_MESSAGE_CHARS)}…` : clean;
}

/** A short plain text, such as a proxy's; pages of HTML say nothing to a reader. */
function plainText(headers: Headers, text: string): string | undefined {
  return mediaType(headers) === "text/plain" && text.length <= 200 ? text : undefined;
}

/** The `content-type` without parameters, lower case; empty when there is none. */
export function mediaType(headers: Headers): string {
  return (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** The id by which the API's operators find a request. */
export function requestIdOf(headers: Headers): string | undefined {
  return headers.get("request-id") ?? headers.get("x-request-id") ?? undefined;
}

/**
 * How long the answer asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a date.
 *
 * @param nowMs milliseconds since the epoch
 * @returns milliseconds ≥ 0; undefined when the answer does not say, or not legibly
 */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const ms = decimal(headers.get("retry-after-ms"));
  if (ms !== undefined) return ms;
  const value = headers.get("retry-after");
  const seconds = decimal(value);
  if (seconds !== undefined) return seconds * 1_000;
  // Only with a weekday: the parser also takes "-5" for a date.
  const date = /^\w{3,9}, /.test(value ?? "") ? Date.parse(value ?? "") : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function decimal(value: string | null): number | undefined {
  return value !== null && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : undefined;
}

/** What {@linkcode responseError} needs beside the answer. */
export interface FailureContext {
  readonly redact: Redact;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * The error of an answer whose status is not 2xx.
 *
 * @param text the answer's body, or as much of it as could be read
 */
export function responseError(
  response: Response,
  text: string,
  { redact, nowMs }: FailureContext,
): ResponseError {
  const { status, headers } = response;
  const envelope = readEnvelope(parseJson(text));
  const shouldRetry = headers.get("x-should-retry");
  const message = status >= 300 && status < 400
    ? redirectMessage(response)
    : presentable(envelope.message ?? plainText(headers, text), redact) ??
      `The API answered with status ${status} and no message`;
  return new ResponseError(message, {
    kind: "http",
    status,
    type: envelope.type,
    errorCode: envelope.errorCode,
    requestId: requestIdOf(headers) ?? envelope.requestId,
    retryAfterMs: retryAfterMs(headers, nowMs),
    shouldRetry: shouldRetry === "true" ? true : shouldRetry === "false" ? false : undefined,
  });
}

/** A redirect is not followed: the credential would go wherever it points. */
function redirectMessage(response: Response): string {
  const location = response.headers.get("location");
  const base = response.url || undefined;
  const target = location && URL.canParse(location, base) ? new URL(location, base) : undefined;
  return `The API answered with a redirect (${response.status})` +
    (target ? ` to ${target.origin}` : "") + ", which is not followed: check the base URL";
}

/** The statuses that the API documents for its error types. */
const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  conflict_error: 409,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/**
 * The error that a stream reports in an `error` frame. Its status is the one that the API
 * documents for the type, so that it is judged like the same error in an answer.
 *
 * @param data the frame's data: an envelope, or anything else
 */
export function frameError(data: string, redact: Redact): ApiError {
  const envelope = readEnvelope(parseJson(data));
  const message = presentable(envelope.message, redact) ?? "The event stream reported an error";
  const status = Object.hasOwn(STATUS_OF_TYPE, envelope.type ?? "")
    ? STATUS_OF_TYPE[envelope.type ?? ""]
    : undefined;
  return new ApiError(message, { kind: "http", ...envelope, status });
}

/**
 * How Deno's `fetch` tells a connection that was never made from one that broke: its `TypeError`,
 * "fetch failed", carries a cause whose message names the phase.
 */
const NEVER_CONNECTED =
  /client error \(Connect\)|requests to port \d+ are blocked|^requires net access/i;

/** What to say of it, first match first. */
const CONNECT_TROUBLES = [
  [/connection refused|actively refused/i, "connection refused"],
  [/dns error/i, "its name cannot be resolved"],
  [/certificate|invalid peer|corrupt message|handshake|tls/i, "no secure connection"],
  [/requests to port/i, "its port is blocked"],
  [/^requires net access/i, "this program may not use the network"],
] as const;

/**
 * The error of a request that got no answer. Whatever is not clearly a failure to connect counts
 * as a connection that broke: then the request may have been delivered.
 *
 * @param origin of the base URL, for the message
 */
export function networkError(cause: unknown, origin: string): ApiError {
  for (let link: unknown = cause; link instanceof Error; link = link.cause) {
    const { message } = link;
    if (!NEVER_CONNECTED.test(message)) continue;
    const [, trouble] = CONNECT_TROUBLES.find(([pattern]) => pattern.test(message)) ?? [];
    const text = `Cannot connect to ${origin}${trouble ? `: ${trouble}` : ""}`;
    return new ApiError(text, { kind: "connect" }, { cause });
  }
  return new ApiError(`The connection to ${origin} broke`, { kind: "connection" }, { cause });
}
