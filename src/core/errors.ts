/**
 * The errors that cross module borders. A message here is written by this program or by the API,
 * never by an agent, so it may be shown to a model.
 *
 * @module
 */

/** The command line, the environment or a named file is wrong: one line, exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** A tool call that cannot be done, in words that tell the caller what to do about it. */
export class ToolError extends Error {
  override name = "ToolError";
  /** Stable, machine-readable: `not_available`, `invalid_argument`, `too_many_waits`, … */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Where a request failed:
 * `http` the API answered with an error status; `connect` no connection was made, so nothing was
 * delivered; `connection` it broke after it was made; `timeout` no answer in time; `decode` the
 * answer was not what the API documents.
 */
export type ApiErrorKind = "http" | "connect" | "connection" | "timeout" | "decode";

/** What is known of a failed API request. */
export interface ApiErrorInfo {
  readonly kind: ApiErrorKind;
  /** HTTP status; absent when no answer arrived. */
  readonly status?: number;
  /** The API's `error.type`, such as `not_found_error`; unknown types pass through. */
  readonly type?: string;
  /** The API's `error.details.error_code`, such as `workflow_run_open`. */
  readonly errorCode?: string;
  /** The `request-id` header or `request_id` of the envelope. */
  readonly requestId?: string;
  /** Milliseconds that the API asks to wait. */
  readonly retryAfterMs?: number;
}

/** A failed request to the Managed Agents API; `message` is the API's own where there is one. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly kind: ApiErrorKind;
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly errorCode: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, info: ApiErrorInfo, options?: ErrorOptions) {
    super(message, options);
    this.kind = info.kind;
    this.status = info.status;
    this.type = info.type;
    this.errorCode = info.errorCode;
    this.requestId = info.requestId;
    this.retryAfterMs = info.retryAfterMs;
  }

  /** Whether the same request may succeed later: no answer, 408, 409, 429 or a server error. */
  get retryable(): boolean {
    if (this.status === undefined) return this.kind !== "decode";
    return this.status >= 500 || this.status === 408 || this.status === 409 || this.status === 429;
  }
}

/**
 * The beginning of a foreign error's message, up to where it may quote what somebody sent: for logs,
 * which hold no message texts.
 */
export function unquoted(error: unknown): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return `${name}: ${/^[^"'`:{[\n]{0,100}/.exec(message)?.[0].trim() ?? ""}`;
}
