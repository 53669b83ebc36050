/**
 * Answers to requests that never become a call.
 *
 * @module
 */

import type { StatusCode } from "@std/http";

/** JSON-RPC 2.0, section 5.1: the range from -32000 is the server's own. */
const SERVER_ERROR = -32_000;

/**
 * An answer outside of any call: a JSON-RPC error without an id, which every client can read.
 *
 * @param code of the JSON-RPC error
 */
export function refusal(
  status: StatusCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
  code = SERVER_ERROR,
): Response {
  const body = { jsonrpc: "2.0", error: { code, message }, id: null };
  return Response.json(body, { status, headers });
}
