/**
 * Calls tools of an MCP server in the same process, the way a host does over HTTP.
 *
 * @module
 */

import { EventSourceParserStream } from "eventsource-parser/stream";
import { z } from "zod";

/** Where requests go: a handler's `fetch`. */
export interface McpEndpoint {
  readonly fetch: (request: Request) => Promise<Response>;
  readonly token: string;
}

/** One call of a tool. */
export interface ToolRequest {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  /** Told of every progress message; asking for them lets the tool take longer. */
  readonly onProgress?: (message: string) => void;
}

const URL_OF_ENDPOINT = "http://localhost/mcp";
const REQUEST_ID = 1;

const messageSchema = z.union([
  z.object({
    method: z.literal("notifications/progress"),
    params: z.object({ message: z.string().optional() }),
  }),
  z.object({
    id: z.literal(REQUEST_ID),
    result: z.object({
      isError: z.boolean().optional(),
      structuredContent: z.record(z.string(), z.unknown()).optional(),
      content: z.array(z.looseObject({ text: z.string().optional() })),
    }),
  }),
  z.object({ id: z.unknown(), error: z.object({ message: z.string() }) }),
]);

function requestOf(endpoint: McpEndpoint, call: ToolRequest): Request {
  const progress = call.onProgress ? { _meta: { progressToken: "progress" } } : {};
  return new Request(URL_OF_ENDPOINT, {
    method: "POST",
    headers: {
      authorization: `Bearer ${endpoint.token}`,
      host: "localhost",
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: REQUEST_ID,
      method: "tools/call",
      params: { name: call.name, arguments: call.arguments, ...progress },
    }),
    signal: call.signal,
  });
}

async function* messagesOf(response: Response): AsyncGenerator<unknown> {
  if (!response.body || !response.headers.get("content-type")?.includes("event-stream")) {
    yield await response.json();
    return;
  }
  const frames = response.body.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream());
  for await (const { data } of frames) if (data) yield JSON.parse(data);
}

/**
 * Calls a tool.
 *
 * @returns its structured result
 * @throws Error with the tool's or the server's own words when the call fails
 */
export async function callTool(
  endpoint: McpEndpoint,
  call: ToolRequest,
): Promise<Record<string, unknown>> {
  const response = await endpoint.fetch(requestOf(endpoint, call));
  for await (const message of messagesOf(response)) {
    const parsed = messageSchema.safeParse(message);
    if (!parsed.success) continue;
    if ("method" in parsed.data) {
      call.onProgress?.(parsed.data.params.message ?? "");
      continue;
    }
    if ("error" in parsed.data) throw new Error(parsed.data.error.message);
    const { isError, structuredContent, content } = parsed.data.result;
    if (isError) throw new Error(content.map(({ text }) => text ?? "").join(" "));
    return structuredContent ?? {};
  }
  throw new Error(`No answer to ${call.name}: the server ended with status ${response.status}`);
}
