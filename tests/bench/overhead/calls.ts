/**
 * The call that is measured, as clients of both protocol eras send it.
 *
 * @module
 */

import { AGENT_ID, NAME } from "./canned.ts";
import { postBytes } from "./raw_client.ts";

/** Protocol revisions: `legacy` with a handshake and `modern` without one. */
export const REVISIONS = { legacy: "2025-11-25", modern: "2026-07-28" } as const;

/** How a client speaks. */
export type Era = keyof typeof REVISIONS;

/** Bearer token of the program under test; baselines ask for none, and are sent it as well. */
export const TOKEN = "overhead-bench-token-overhead-bench";

const TOOL = "get_agent";

/** A JSON-RPC message of `tools/call`. */
export function callMessage(id: number, era: Era = "legacy"): string {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": REVISIONS.modern,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1.0.0" },
  };
  const params = { name: TOOL, arguments: { agent_id: AGENT_ID } };
  return JSON.stringify({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: era === "modern" ? { ...params, _meta } : params,
  });
}

/** The call as an HTTP request to `url`. */
export function callRequest(url: string, era: Era): Uint8Array {
  const headers = {
    "authorization": `Bearer ${TOKEN}`,
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": REVISIONS[era],
    ...(era === "modern" && { "mcp-method": "tools/call", "mcp-name": TOOL }),
  };
  return postBytes(url, headers, callMessage(1, era));
}

/**
 * Looks whether an answer is the agent that was asked for.
 *
 * @throws Error with the beginning of what came instead
 */
export function checkAnswer(answer: string, era: Era = "legacy"): void {
  const isGood = answer.includes(AGENT_ID) && answer.includes(NAME) &&
    !answer.includes('"isError":true') &&
    // Results of the modern protocol say what kind they are; older ones do not.
    answer.includes('"resultType":') === (era === "modern");
  if (!isGood) throw new Error(`A call failed: ${answer.slice(0, 500)}`);
}
