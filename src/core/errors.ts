/**
 * The errors that cross module borders. A message here is written by this program or by the API,
 * never by an agent, so it may be shown to a model.
 *
 * @module
 */

import { type ApiErrorInfo, type ApiErrorKind, faultOf } from "./api_faults.ts";

export type { ApiErrorInfo, ApiErrorKind };

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

/** A failed request to the Managed Agents API; `message` is the API's own where there is one. */
export class ApiError extends Error {
  override name = "ApiError";
  readonly kind: ApiErrorKind;
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly errorCode: string | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly answeredBy: "api" | "other" | undefined;
  readonly origin: string | undefined;
  readonly remedy: string | undefined;
  readonly lasting: boolean | undefined;

  constructor(message: string, info: ApiErrorInfo, options?: ErrorOptions) {
    super(message, options);
    this.kind = info.kind;
    this.status = info.status;
    this.type = info.type;
    this.errorCode = info.errorCode;
    this.requestId = info.requestId;
    this.retryAfterMs = info.retryAfterMs;
    this.answeredBy = info.answeredBy;
    this.origin = info.origin;
    this.remedy = info.remedy;
    this.lasting = info.lasting;
  }

  /** Whether the same request may succeed later without anybody's doing. */
  get retryable(): boolean {
    return faultOf(this).retry;
  }

  /** Whether the API asks for slower requests; a spent budget also has status 429, but is none. */
  get isRateLimit(): boolean {
    return this.status === 429 && this.retryable;
  }

  /**
   * Whether the API itself says that there is no such thing, in any form of its errors; the 404 of
   * a proxy, or of a server that is no Managed Agents API, says nothing of the kind.
   */
  get isNotFound(): boolean {
    const { status, answeredBy, type } = this;
    return status === 404 &&
      (answeredBy ?? (type === "not_found_error" ? "api" : "other")) === "api";
  }
}

/**
 * The beginning of a foreign error's message, in whole words, up to where it may quote what somebody
 * sent: for logs, which hold no message texts.
 */
export function unquoted(error: unknown): string {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return `${name}: ${/^[^"'`:{[\n]{0,100}(?=[\s"'`:{[]|$)/.exec(message)?.[0].trim() ?? ""}`;
}
