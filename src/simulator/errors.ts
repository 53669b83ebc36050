/**
 * Errors as the API writes them: status, envelope, request id.
 *
 * @module
 */

/** An error response in the API's format. */
export class SimulatorError extends Error {
  override name = "SimulatorError";
  /** HTTP status. */
  readonly status: number;
  /** `error.type` of the envelope. */
  readonly type: string;
  /** `error.details.error_code` of the envelope. */
  readonly errorCode: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    type: string,
    message: string,
    options: { errorCode?: string; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.status = status;
    this.type = type;
    this.errorCode = options.errorCode;
    this.headers = options.headers ?? {};
  }
}

/** Makes a 400 `invalid_request_error`. */
export function invalid(message: string, errorCode?: string): SimulatorError {
  return new SimulatorError(400, "invalid_request_error", message, { errorCode });
}

/** Makes a 404 `not_found_error`. */
export function notFound(message: string, errorCode?: string): SimulatorError {
  return new SimulatorError(404, "not_found_error", message, { errorCode });
}

const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  408: "request_timeout",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

/** Returns the `error.type` of an HTTP status. */
export function errorTypeOf(status: number): string {
  return TYPES[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
}

/** Makes the response with the error envelope. */
export function errorEnvelope(error: SimulatorError, requestId: string): Response {
  const details = error.errorCode ? { details: { error_code: error.errorCode } } : {};
  const body = {
    type: "error",
    error: { type: error.type, message: error.message, ...details },
    request_id: requestId,
  };
  return new Response(JSON.stringify(body), {
    status: error.status,
    headers: { "content-type": "application/json", "request-id": requestId, ...error.headers },
  });
}
