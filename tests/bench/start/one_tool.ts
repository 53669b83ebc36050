/**
 * The smallest server that one can write with the SDK, on stdio with one trivial tool, so written that
 * it can be built as the program itself is: zod without its translations, and the process's streams
 * by name, which the build of the SDK that leaves ajv out does not know.
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
