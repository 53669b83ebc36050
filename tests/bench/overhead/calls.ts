/**
 * Makes the call that is measured, as clients of both protocol eras send it, and checks the response.
 *
 * @module
 */

import { TOKEN } from "../../helpers/http_program.ts";
import { AGENT_ID, NAME } from "./canned.ts";
import { postBytes } from "./raw_client.ts";

/** Protocol revisions: `legacy` with a handshake and `modern` without one. */
export const REVISIONS = { legacy: "2025-11-25", modern: "2026-07-28" } as const;

/** The era of the protocol that a client speaks. */
export type Era = keyof typeof REVISIONS;

/** What each request of the `modern` era says of its client. */
export const MODERN_META = {
  "io.modelcontextprotocol/protocolVersion": REVISIONS.modern,
  "io.modelcontextprotocol/clientCapabilities": {},
  "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1.0.0" },
} as const;

const TOOL = "get_agent";

/** Makes a JSON-RPC message of `tools/call`. */
export function callMessage(id: number, era: Era = "legacy"): string {
  const params = { name: TOOL, arguments: { agent_id: AGENT_ID } };
  return JSON.stringify({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: era === "modern" ? { ...params, _meta: MODERN_META } : params,
  });
}

/** Makes the call as an HTTP request to `url`. */
export function callRequest(url: string, era: Era): Uint8Array {
  const headers = {
    // Baselines ask for none, and are sent it as well.
    "authorization": `Bearer ${TOKEN}`,
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": REVISIONS[era],
    ...(era === "modern" && { "mcp-method": "tools/call", "mcp-name": TOOL }),
  };
  return postBytes(url, headers, callMessage(1, era));
}

/**
 * Checks that a response is the agent that was asked for.
 *
 * @throws Error with the beginning of what came instead
 */
export function checkResponse(response: string, era: Era = "legacy"): void {
  const isGood = response.includes(AGENT_ID) && response.includes(NAME) &&
    !response.includes('"isError":true') &&
    // Results of the modern protocol say what kind they are; older ones do not.
    response.includes('"resultType":') === (era === "modern");
  if (!isGood) throw new Error(`A call failed: ${response.slice(0, 500)}`);
}
