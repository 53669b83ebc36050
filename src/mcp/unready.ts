/**
 * The MCP server of a program that a setting keeps from working: it says so wherever a host or a
 * model looks.
 *
 * @module
 */

import type { McpServerFactory } from "@modelcontextprotocol/server";
import { forOperator } from "./errors.ts";
import { PlainServer } from "./invalid_params.ts";
import { toolList, toolNamed } from "./server.ts";

/** What {@linkcode createUnreadyFactory} tells. */
export interface UnreadyOptions {
  /** Version of this program. */
  readonly version: string;
  /** What is wrong and what to type, without a full stop; no secret is in it. */
  readonly message: string;
}

/**
 * A factory of servers that answer the handshake and list the tools as ever; their instructions and
 * each call of a tool say what has to be set.
 */
export function createUnreadyFactory({ version, message }: UnreadyOptions): McpServerFactory {
  const text = "This server is not set up right, so nothing was done. " +
    forOperator(message, true) +
    " Settings are where the server was added, such as in this host's configuration; they count " +
    "after it has been started again.";
  const options = {
    capabilities: { tools: { listChanged: false } },
    instructions: `NOT SET UP: ${text} Tell the user so; calling the tools is in vain until then.`,
  };
  return () => {
    const server = new PlainServer(
      { name: "cma-mcp", title: "Claude Managed Agents (NOT SET UP)", version },
      options,
    );
    server.setRequestHandler("tools/list", () => toolList());
    server.setRequestHandler("tools/call", ({ params }) => {
      toolNamed(params.name);
      return { content: [{ type: "text", text }], isError: true };
    });
    return server;
  };
}
