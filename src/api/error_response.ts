/**
 * Reads error responses, in every form that servers and proxies use, as `ApiError`s.
 *
 * @module
 */

import { ApiError } from "./errors.ts";
import { isFields } from "./read.ts";
import type { Redact } from "../core/redact.ts";
import { firstChars, label, plainLine, shorten } from "../core/text.ts";

/** Longest message of an error; a longer one is cut, since a model reads it. */
const MAX_MESSAGE_CHARS = 1_000;

/** Longest type, code or request id of an error that is passed on. */
const MAX_WORD_CHARS = 128;

/** Deepest envelope that is read: gateways nest envelopes in envelopes. */
const MAX_DEPTH = 4;

/** The body of an error, read from any of its forms. */
interface ErrorBody {
  readonly message?: string;
  readonly type?: string;
  readonly errorCode?: string;
  readonly requestId?: string;
  /** True when it has the member `error`, as the API's own and most implementations' have. */
  readonly hasError?: boolean;
  /** True when it has the fields that web frameworks add to errors about unknown addresses. */
  readonly isFrameworks?: boolean;
}

/** Returns the first text that is not blank. */
function firstText(...values: readonly unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === "string" && value.trim() !== "");
}

/** Returns the first type, code or id: one short printable word. */
function firstWord(...values: readonly unknown[]): string | undefined {
  return values.find((value): value is string =>
    typeof value === "string" && value.length <= MAX_WORD_CHARS && /^[\w.:/-]+$/.test(value)
  );
}

/** Returns the first code that is a word; a number or status in its place says nothing. */
function firstCode(...values: readonly unknown[]): string | undefined {
  return firstWord(...values.filter((value) => typeof value === "string" && !/^\d*$/.test(value)));
}

/**
 * Reads the body of an error, field by field: the documented envelope
 * (`{"type":"error","error":{"type","message","details":{"error_code"}},"request_id"}`), and the
 * forms of other implementations, frameworks and gateways: a string, `{"error":"…"}`,
 * `{"message":"…"}`, `{"detail":"…"}`, lists of these, problem details (RFC 9457), envelopes in
 * envelopes.
 */
function readErrorBody(body: unknown, depth = 0): ErrorBody {
  if (depth > MAX_DEPTH) return {};
  if (typeof body === "string") return { message: firstText(body) };
  if (Array.isArray(body)) {
    return body.slice(0, 10).map((item) => readErrorBody(item, depth + 1))
      .find(({ message, type, errorCode }) => message || type || errorCode) ?? {};
  }
  if (!isFields(body)) return {};
  const inner = [body.error, body.errors, body.err].find((value) =>
    typeof value === "string" ? value.trim() !== "" : typeof value === "object" && value !== null
  );
  const nested = readErrorBody(inner, depth + 1);
  const detail = [body.details].flat().find(isFields) ?? {};
  const own = [body.message, body.msg, body.detail, body.error_description, body.title];
  const listed = [body.detail].flat().find(isFields);
  const isOuter = body.type === "error" || inner !== undefined;
  return {
    // Some servers give a bare label as `error`, and the sentence beside it.
    message:
      (typeof inner === "string" ? firstText(body.message, body.error_description) : undefined) ??
        nested.message ?? firstText(...own, listed?.msg, listed?.message),
    type: nested.type ?? (isOuter ? undefined : firstWord(body.type)),
    errorCode: nested.errorCode ??
      firstCode(detail.error_code, body.error_code, body.code, detail.code),
    requestId: firstWord(body.request_id, body.requestId) ?? nested.requestId,
    hasError: inner !== undefined || body.type === "error",
    isFrameworks: typeof inner === "string" &&
      ["statusCode", "status", "path", "timestamp"].some((name) => name in body),
  };
}

/** Reads the body of an error, and leaves out types, codes and ids that hold a secret. */
function cleanErrorBody(body: unknown, redact: Redact): ErrorBody {
  const { type, errorCode, requestId, ...envelope } = readErrorBody(body);
  const clean = (word: string | undefined) =>
    word !== undefined && redact.loose(word) === word ? word : undefined;
  return {
    ...envelope,
    type: clean(type),
    errorCode: clean(errorCode),
    requestId: clean(requestId),
  };
}

function parseLeniently(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return undefined;
  }
}

/** Returns a message as one line, bounded, and without anything that looks like a credential. */
function presentable(
  message: string | undefined,
  redact: Redact,
  maxChars = MAX_MESSAGE_CHARS,
): string | undefined {
  const line = plainLine(message ?? "").trim();
  return line === "" ? undefined : shorten(redact.loose(line), maxChars);
}

/** Names of the API's resources, as its implementations write them in sentences. */
const NAMES_A_THING =
  /\b(agent|session|environment|event|thread|file|vault|deployment)s?\b|\b(agent|sesn|sess|session|env|sevt|sthr|file)[_-]\w/i;

/** Words of servers about unknown addresses, and of proxies about their upstream. */
const ABOUT_ADDRESS =
  /\b(route|url|uri|path|endpoint|page|upstream|backend|gateway|proxy|host|healthy)\b|\bcannot (get|post|delete|put)\b|missing authentication token/i;

/** A message that only repeats the status in words. */
const BARE_STATUS =
  /^\W*(\d{3}\W*)?(resource |the requested resource (was |could )?)?(not (be )?found|forbidden|unauthorized|access denied|bad gateway|bad request|method not allowed|not\s+implemented|(internal )?server error|service (temporarily )?unavailable|gateway time-?out)\W*$/i;

/**
 * Returns who wrote an error: an API of this kind, or something between it and this program.
 *
 * @returns undefined where nothing shows it
 */
function authorOf(
  { status, headers }: Response,
  text: string,
  envelope: ErrorBody,
  request: RequestFacts | undefined,
): "api" | "other" | undefined {
  if (isPage(headers, text) || [407, 511].includes(status)) return "other";
  if (status >= 300 && status < 400) return "other";
  const { message, type, hasError, isFrameworks } = envelope;
  // The parts of an address name no resource. Cut first: the pattern takes quadratic time over a
  // long word.
  const said = firstChars(message ?? plainText(headers, text) ?? "", MAX_MESSAGE_CHARS)
    .replace(/\S*\/\S*/g, " ");
  if (status === 404 && request && isCollection(request)) {
    // Only the address itself, or a resource in the body, could be missing.
    if (request.method === "GET" || BARE_STATUS.test(said)) return "other";
  }
  const isPlain = message === undefined && type === undefined;
  if (isPlain && said === "") return status === 405 ? "other" : undefined;
  if (/not_?found/i.test(type ?? "") && status === 404) return "api";
  const namesThing = NAMES_A_THING.test(said);
  const missed = /not (be )?found|no such|unknown|not exist|deleted|gone/i.test(said);
  if (isPlain) return namesThing && missed && !ABOUT_ADDRESS.test(said) ? "api" : "other";
  if ([404, 405, 410, 501].includes(status)) {
    if (ABOUT_ADDRESS.test(said) && !(namesThing && missed && hasError)) return "other";
    if (isFrameworks) return namesThing ? "api" : "other";
  }
  if (!hasError && BARE_STATUS.test(said)) return "other";
  return "api";
}

/** Returns true for a request without an id in its path, which every Managed Agents API serves. */
function isCollection({ path }: RequestFacts): boolean {
  return /^\/v1\/(agents|sessions|environments)\/?$/.test(path);
}

/** Returns true for the body of a web page. */
function isPage(headers: Headers, text: string): boolean {
  return /^(text\/html|application\/xhtml\+xml)$/.test(mediaType(headers)) ||
    /^\uFEFF?\s*<(!doctype|html|head|body)\b/i.test(text.slice(0, 200));
}

/** Returns the title of a web page: it names the filter or proxy that wrote the page. */
function titleOf(text: string): string {
  const title = /<title[^>]{0,200}>([^<]*)/i.exec(firstChars(text, 16_384))?.[1] ?? "";
  return title.replace(/\s+/g, " ").trim();
}

/** Longest title of a web page that is passed on. */
const MAX_TITLE_CHARS = 80;

/** Returns a short plain text, such as a proxy's. */
function plainText(headers: Headers, text: string): string | undefined {
  return mediaType(headers) === "text/plain" && text.length <= 200 ? firstText(text) : undefined;
}

/** Returns the `content-type` without parameters, in lower case; empty when there is none. */
export function mediaType(headers: Headers): string {
  return (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** Returns the id by which the API's operators find a request. */
export function apiRequestIdOf(headers: Headers): string | undefined {
  return firstWord(headers.get("request-id"), headers.get("x-request-id"));
}

/**
 * Returns the wait that a response asks for: `retry-after-ms`, else `retry-after` in seconds or as
 * a date.
 *
 * @param nowMs milliseconds since the epoch
 * @returns milliseconds from 0 to a day; undefined when the response has none that can be read
 */
export function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const asked = askedPauseMs(headers, nowMs);
  return asked === undefined ? undefined : Math.min(asked, MAX_RETRY_AFTER_MS);
}

/**
 * Longest wait that is returned, in milliseconds: nobody waits longer, and timers cannot hold every
 * value.
 */
const MAX_RETRY_AFTER_MS = 24 * 3_600_000;

function askedPauseMs(headers: Headers, nowMs: number): number | undefined {
  const ms = decimal(headers.get("retry-after-ms"));
  if (ms !== undefined) return ms;
  const value = headers.get("retry-after");
  const seconds = decimal(value);
  if (seconds !== undefined) return seconds * 1_000;
  // Only with a weekday: `Date.parse` also takes "-5" for a date.
  const date = /^\w{3,9}, /.test(value ?? "") ? Date.parse(value ?? "") : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function decimal(value: string | null): number | undefined {
  return value !== null && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : undefined;
}

/** The failed request. */
export interface RequestFacts {
  readonly method: string;
  /** Path from `/v1` on, without the query. */
  readonly path: string;
  /** Scheme, host and port. */
  readonly origin: string;
}

/** Facts that {@linkcode responseError} needs beside the response. */
export interface FailureContext {
  readonly redact: Redact;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  readonly request?: RequestFacts;
}

/**
 * Makes the error for a response whose status is not 2xx.
 *
 * @param text the response's body, or as much of it as could be read
 */
export function responseError(
  response: Response,
  text: string,
  { redact, nowMs, request }: FailureContext,
): ApiError {
  const { status, headers } = response;
  const envelope = isPage(headers, text) ? {} : cleanErrorBody(parseLeniently(text), redact);
  const shouldRetry = headers.get("x-should-retry");
  const message = status >= 300 && status < 400
    ? redirectMessage(response)
    : presentable(envelope.message ?? plainText(headers, text), redact) ??
      (isPage(headers, text)
        ? pageMessage(response, text, redact)
        : `The API returned status ${status} and no message`);
  return new ApiError(message, {
    kind: "http",
    status,
    type: envelope.type,
    errorCode: envelope.errorCode,
    requestId: apiRequestIdOf(headers) ?? envelope.requestId,
    retryAfterMs: retryAfterMs(headers, nowMs),
    author: authorOf(response, text, envelope, request),
    ...(request && { origin: request.origin }),
    shouldRetry: shouldRetry === "true" ? true : shouldRetry === "false" ? false : undefined,
  });
}

function pageMessage({ status }: Response, text: string, redact: Redact): string {
  const title = presentable(titleOf(text), redact, MAX_TITLE_CHARS);
  return `A web page came instead of the API's response (status ${status}${
    title ? `: ${title}` : ""
  })`;
}

/**
 * Makes the error for a response of status 2xx that has the wrong type: a sign-in page, a proxy's
 * page, or a server that is no Managed Agents API.
 *
 * @param wanted the type it should have, such as `JSON`
 * @param text the body, as far as it was read
 */
export function typeError(
  { status, headers }: Response,
  wanted: string,
  origin: string,
  text = "",
): ApiError {
  const type = label(mediaType(headers).match(/^[\w.+-]+\/[\w.+-]+$/)?.[0] ?? "of no known type");
  return new ApiError(`The API's response is not ${wanted} (${type}): check the base URL`, {
    kind: "decode",
    status,
    requestId: apiRequestIdOf(headers),
    origin,
    ...(isPage(headers, text) && { author: "other" }),
  });
}

/**
 * Reads the error that some gateways put into a response of status 2xx; undefined where there is
 * none. It is treated like the same error with its own status.
 */
export function errorInside(
  { status, headers }: Response,
  value: unknown,
  redact: Redact,
  origin: string,
): ApiError | undefined {
  if (!isFields(value) || "id" in value || "data" in value) return undefined;
  const { type, errorCode, requestId, message, hasError } = cleanErrorBody(value, redact);
  if (!hasError || (message === undefined && type === undefined)) return undefined;
  const own = statusOfType(type);
  return new ApiError(
    presentable(message, redact) ?? `The API returned status ${status} and an error`,
    {
      ...{ kind: own === undefined ? "decode" : "http", status: own ?? status, type, errorCode },
      requestId: apiRequestIdOf(headers) ?? requestId,
      author: "api",
      origin,
    },
  );
}

/** Says that redirects are not followed: the credential would go to the new address. */
function redirectMessage(response: Response): string {
  const location = response.headers.get("location");
  const base = response.url || undefined;
  const target = location && URL.canParse(location, base) ? new URL(location, base) : undefined;
  return `The API returned a redirect (${response.status})` +
    (target ? ` to ${label(target.origin)}` : "") + ", which is not followed: check the base URL";
}

/** Statuses that the API documents for its error types. */
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

function statusOfType(type = ""): number | undefined {
  return Object.hasOwn(STATUS_OF_TYPE, type) ? STATUS_OF_TYPE[type] : undefined;
}

/**
 * Makes the error that a stream reports in an `error` frame. Its status is the one that the API
 * documents for the type, so that it is treated like the same error in a response.
 *
 * @param data the frame's data: an envelope, or anything else
 */
export function frameError(data: string, redact: Redact): ApiError {
  const envelope = cleanErrorBody(parseLeniently(data), redact);
  const message = presentable(envelope.message, redact) ?? "The event stream reported an error";
  const status = statusOfType(envelope.type);
  const { type, errorCode, requestId } = envelope;
  return new ApiError(message, {
    ...{ kind: "http", status, type, errorCode, requestId },
    author: "api",
  });
}
