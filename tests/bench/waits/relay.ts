/**
 * The smallest server that can stand between the API and a client: it reads a session's stream
 * and responds with a JSON-RPC result when the turn is over. It checks nothing, reads no history and
 * survives no drop. Arguments: the API's base URL. Prints its own.
 */
import { serveUntilStdinEnds } from "../../helpers/child_server.ts";
import { openStream, readTurn, replyIn } from "./api_stream.ts";

interface Call {
  readonly id: number;
  readonly params: { readonly arguments: { readonly session_id: string } };
}

async function relay(apiUrl: string, request: Request): Promise<Response> {
  const { id, params }: Call = await request.json();
  const { session_id } = params.arguments;
  const stream = await openStream(apiUrl, session_id);
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async start(controller) {
      const { text } = await readTurn(stream);
      const structuredContent = { session_id, status: "idle", reply: replyIn(text) };
      const content = [{ type: "text", text: JSON.stringify(structuredContent) }];
      const message = { jsonrpc: "2.0", id, result: { content, structuredContent } };
      controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(message)}\n\n`));
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

if (import.meta.main) {
  const [apiUrl = ""] = Deno.args;
  await serveUntilStdinEnds((request) => relay(apiUrl, request));
}
