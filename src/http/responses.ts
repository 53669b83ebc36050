/**
 * Responses to requests that never become a call, and the request id that every response carries.
 *
 * @module
 */

import { STATUS_CODE, type StatusCode } from "@std/http";
import { jsonRpcError, type MessageId } from "../mcp/messages.ts";

/** Code of a server's own error: JSON-RPC 2.0, section 5.1, reserves the range from -32000. */
const SERVER_ERROR = -32_000;

/**
 * Makes an error response outside of any call: a JSON-RPC error, which every client can read.
 *
 * @param code of the JSON-RPC error
 * @param id of the request, where it is known
 */
export function errorResponse(
  status: StatusCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
  code = SERVER_ERROR,
  id: MessageId = null,
): Response {
  const body = jsonRpcError(id, { code, message });
  return Response.json(body, { status, headers });
}

/**
 * Makes the response 405.
 *
 * @param allow its `allow` header, which begins with the method to use
 */
export function methodNotAllowed(allow: string): Response {
  const message = `Method not allowed: use ${allow.replace(/,.*/, "")}.`;
  return errorResponse(STATUS_CODE.MethodNotAllowed, message, { allow });
}

/** Value of the `retry-after` header with 503, in seconds. */
export const RETRY_AFTER_SEC = "5";

/** Header that carries the id of a request, in and out: one search finds a request in every log. */
const REQUEST_ID_HEADER = "x-request-id";

/** Request ids that are accepted: any other could forge or flood log lines. */
const SANE = /^[A-Za-z0-9._~:+/=-]{1,128}$/;

/** Returns the request's own id if it is acceptable, else a new one. */
export function requestIdFor(headers: Headers): string {
  const given = headers.get(REQUEST_ID_HEADER);
  return given !== null && SANE.test(given) ? given : crypto.randomUUID();
}

/** Returns the response with the id in its headers. */
export function withRequestId(response: Response, requestId: string): Response {
  response.headers.set(REQUEST_ID_HEADER, requestId);
  return response;
}
