import {
  type CallToolResult,
  createMcpHandler,
  isInputRequiredResult,
  type McpServerFactory,
} from "@modelcontextprotocol/server";
import type { Principal } from "../../src/access/principal.ts";
import { callTool as callToolOrAsk } from "../../src/mcp/boundary.ts";
import { authInfoOf } from "../../src/mcp/server.ts";

/** Calls a tool of which the test knows that it ends with a result, and with no question. */
export async function callTool(
  ...args: Parameters<typeof callToolOrAsk>
): Promise<CallToolResult> {
  const result = await callToolOrAsk(...args);
  if (isInputRequiredResult(result)) throw new Error(`A question: ${JSON.stringify(result)}`);
  return result;
}

/** Serves one request of a caller over the newer protocol, and returns its result. */
export async function resultFor(
  factory: McpServerFactory,
  principal: Principal,
  method: string,
  params: Record<string, unknown> = {},
): Promise<Record<string, unknown>> {
  const handler = createMcpHandler(factory, {});
  const request = new Request("http://localhost/mcp", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(typeof params.name === "string" && { "mcp-name": params.name }),
    },
    body: JSON.stringify({
      ...{ jsonrpc: "2.0", id: 1, method },
      params: {
        ...params,
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
          "io.modelcontextprotocol/clientCapabilities": {},
        },
      },
    }),
  });
  const response = await handler.fetch(request, { authInfo: authInfoOf(principal) });
  const { result, error } = await response.json();
  await handler.close();
  return result ?? error;
}
