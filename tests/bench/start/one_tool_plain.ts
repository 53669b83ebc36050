/**
 * The same server as `one_tool.ts`, as the documentation of the SDK has it: its default build, with
 * ajv, and all of zod.
 *
 * @module
 */

import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";

serveStdio(() => {
  const server = new McpServer({ name: "one-tool", version: "1.0.0" });
  server.registerTool(
    "greet",
    { description: "Greets", inputSchema: z.object({ name: z.string() }) },
    ({ name }) => ({ content: [{ type: "text", text: `Hello, ${name}` }] }),
  );
  return server;
});
