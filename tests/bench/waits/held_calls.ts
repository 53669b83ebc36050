/**
 * The smallest server with the official SDK 2.x whose tool holds its call open: both protocol eras from
 * one factory. Arguments: `calls` or `streams`, and the API's base URL. With `streams` the tool reads
 * the session's stream to the end of the turn; with `calls` it waits until {@linkcode FINISH_PATH} is
 * requested, and {@linkcode STATE_PATH} tells how many calls wait. Prints its URL.
 */

import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { serveUntilStdinEnds } from "../../helpers/child_server.ts";
import { openStream, readTurn, replyIn } from "./api_stream.ts";

export const FINISH_PATH = "/finish";
export const STATE_PATH = "/state";

const inputSchema = z.object({ session_id: z.string(), timeout_sec: z.number() });

if (import.meta.main) {
  const [mode, apiUrl = ""] = Deno.args;
  const client = Deno.createHttpClient({ http1: true, http2: false });
  let finished = Promise.withResolvers<string>();
  let openStreams = 0;

  const replyOf = async (sessionId: string): Promise<string> =>
    mode === "calls"
      ? await finished.promise
      : replyIn((await readTurn(await openStream(apiUrl, sessionId, client))).text);

  const createServer = (): McpServer => {
    const server = new McpServer({ name: "minimal", version: "1.0.0" });
    server.registerTool("wait_for_idle", {
      description: "Wait for the reply.",
      inputSchema,
    }, async ({ session_id }) => {
      openStreams++;
      const reply = await replyOf(session_id);
      openStreams--;
      const structuredContent = { session_id, status: "idle", reply };
      return {
        content: [{ type: "text", text: JSON.stringify(structuredContent) }],
        structuredContent,
      };
    });
    return server;
  };

  const handler = createMcpHandler(createServer);
  await serveUntilStdinEnds((request) => {
    switch (new URL(request.url).pathname) {
      case STATE_PATH:
        return Response.json({ openStreams });
      case FINISH_PATH:
        finished.resolve(String(Date.now()));
        finished = Promise.withResolvers();
        return Response.json(null);
      default:
        return handler.fetch(request);
    }
  });
}
