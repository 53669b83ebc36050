/**
 * The smallest server of `get_agent` with the official SDK 1.x, as its examples have it:
 * stateless, a server and a transport per request. With a second argument `stdio`: on stdio.
 *
 * @module
 */

import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { z } from "zod";
import { serveUntilStdinEnds } from "../../helpers/child_server.ts";
import { askUpstream, upstreamRequests } from "./upstream_requests.ts";

const upstream = upstreamRequests();

function createServer(): McpServer {
  const server = new McpServer({ name: "minimal", version: "1.0.0" });
  server.registerTool("get_agent", {
    description: "Show one agent.",
    inputSchema: { agent_id: z.string() },
  }, async ({ agent_id }: { agent_id: string }) => ({
    content: await askUpstream(upstream, agent_id),
  }));
  return server;
}

if (import.meta.main) {
  if (Deno.args[1] === "stdio") await createServer().connect(new StdioServerTransport());
  else {
    await serveUntilStdinEnds(async (request) => {
      const transport = new WebStandardStreamableHTTPServerTransport();
      await createServer().connect(transport);
      return await transport.handleRequest(request);
    });
  }
}
