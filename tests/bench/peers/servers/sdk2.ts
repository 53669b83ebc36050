/**
 * The peers' tools with the official SDK 2.x, as its documents have it: both protocol eras from one
 * factory.
 *
 * @module
 */

import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { contentOf, type PeerTool } from "./tools.ts";

function factoryOf(tools: readonly PeerTool[]): () => McpServer {
  const schemas = new Map(tools.map(({ name, input }) => [name, z.object(input)]));
  return () => {
    const server = new McpServer({ name: "peer", version: "1.0.0" });
    for (const { name, description, run } of tools) {
      const inputSchema = schemas.get(name);
      server.registerTool(name, { description, inputSchema }, async (args) => {
        return contentOf(await run(args));
      });
    }
    return server;
  };
}

/** Serves the process's streams. */
export function serveStreams(tools: readonly PeerTool[]): void {
  serveStdio(factoryOf(tools));
}

/** Returns what responds to requests over HTTP. */
export function handlerOf(
  tools: readonly PeerTool[],
): { fetch(request: Request): Promise<Response> } {
  return createMcpHandler(factoryOf(tools));
}
