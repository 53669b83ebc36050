/**
 * The error of a failed request to the API.
 *
 * @module
 */

import { type ApiErrorInfo, type ApiErrorKind, faultOf } from "./faults.ts";

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
