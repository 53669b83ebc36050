/**
 * Answers to requests that never become a call.
 *
 * @module
 */

import type { StatusCode } from "@std/http";
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
