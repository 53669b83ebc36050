/**
 * The server with one tool, built as the program itself is: see `scripts/compile/plan.ts` for what
 * the program's bundle leaves out, and `src/transport/stdio.ts` for what it therefore names.
 *
 * @module
 */

import process from "node:process";
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import * as z from "zod";

serveStdio(() => {
  const server = new McpServer({ name: "one-tool", version: "1.0.0" });
  server.registerTool(
    "greet",
    { description: "Greets", inputSchema: z.object({ name: z.string() }) },
    ({ name }) => ({ content: [{ type: "text", text: `Hello, ${name}` }] }),
  );
  return server;
}, { transport: new StdioServerTransport(process.stdin, process.stdout) });
