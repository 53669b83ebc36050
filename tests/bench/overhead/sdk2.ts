/**
 * The smallest server of `get_agent` with the official SDK 2.x: both protocol eras from one
 * factory. With a second argument `stdio`: on stdio.
 *
 * @module
 */

import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { serveUntilStdinEnds } from "../../helpers/child_server.ts";
import { askUpstream, upstreamRequests } from "./upstream_requests.ts";

const upstream = upstreamRequests();
const inputSchema = z.object({ agent_id: z.string() });

function createServer(): McpServer {
  const server = new McpServer({ name: "minimal", version: "1.0.0" });
  server.registerTool("get_agent", {
    description: "Show one agent.",
    inputSchema,
  }, async ({ agent_id }) => ({ content: await askUpstream(upstream, agent_id) }));
  return server;
}

if (import.meta.main) {
  if (Deno.args[1] === "stdio") serveStdio(createServer);
  else {
    const handler = createMcpHandler(createServer);
    await serveUntilStdinEnds((request) => handler.fetch(request));
  }
}
