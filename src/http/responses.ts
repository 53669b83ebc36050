/**
 * Responses to requests that never become a call, and the id that every response carries.
 *
 * @module
 */

import { STATUS_CODE, type StatusCode } from "@std/http";
import { jsonRpcError, type MessageId } from "../mcp/messages.ts";

/** JSON-RPC 2.0, section 5.1: the range from -32000 is the server's own. */
const SERVER_ERROR = -32_000;

/**
 * An answer outside of any call: a JSON-RPC error, which every client can read.
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

/** The response 405; `allow` is its header, and begins with the method to use. */
export function methodNotAllowed(allow: string): Response {
  const message = `Method not allowed: use ${allow.replace(/,.*/, "")}.`;
  return errorResponse(STATUS_CODE.MethodNotAllowed, message, { allow });
}

/** When to try again, with 503: the `retry-after` header, in seconds. */
export const RETRY_AFTER_SEC = "5";

/** Carries the id of a request, in and out: one search finds a request in every log. */
const REQUEST_ID_HEADER = "x-request-id";

/** What is taken over: anything else could forge or flood log lines. */
const SANE = /^[A-Za-z0-9._~:+/=-]{1,128}$/;

/** The request's own id where it is a sane one, else a new one. */
export function requestIdFor(headers: Headers): string {
  const given = headers.get(REQUEST_ID_HEADER);
  return given !== null && SANE.test(given) ? given : crypto.randomUUID();
}

/** The response, with the id in its headers. */
export function withRequestId(response: Response, requestId: string): Response {
  response.headers.set(REQUEST_ID_HEADER, requestId);
  return response;
}
