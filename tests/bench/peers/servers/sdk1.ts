/**
 * The peers' tools with the official SDK 1.x, as its examples have it: over HTTP stateless, a server
 * and a transport per request.
 *
 * @module
 */

import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { contentOf, type PeerTool } from "./tools.ts";

/** Makes a server. */
export function createServer(tools: readonly PeerTool[]): McpServer {
  const server = new McpServer({ name: "peer", version: "1.0.0" });
  for (const { name, description, input, run } of tools) {
    const call = async (args: Record<string, unknown>) => contentOf(await run(args));
    server.registerTool(name, { description, inputSchema: input }, call);
  }
  return server;
}

/** Serves the process's streams. */
export async function serveStreams(tools: readonly PeerTool[]): Promise<void> {
  await createServer(tools).connect(new StdioServerTransport());
}

/** Responds to a request over HTTP. */
export async function respond(tools: readonly PeerTool[], request: Request): Promise<Response> {
  const transport = new WebStandardStreamableHTTPServerTransport();
  await createServer(tools).connect(transport);
  return await transport.handleRequest(request);
}
