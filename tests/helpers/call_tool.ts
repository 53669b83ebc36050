import { type CallToolResult, isInputRequiredResult } from "@modelcontextprotocol/server";
import { callTool as callToolOrAsk } from "../../src/mcp/boundary.ts";

/** Calls a tool of which the test knows that it ends with a result, and with no question. */
export async function callTool(
  ...args: Parameters<typeof callToolOrAsk>
): Promise<CallToolResult> {
  const result = await callToolOrAsk(...args);
  if (isInputRequiredResult(result)) throw new Error(`A question: ${JSON.stringify(result)}`);
  return result;
}
