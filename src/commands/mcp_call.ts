/**
 * Calls the tools of an MCP server in the same process, as a host does over HTTP.
 *
 * @module
 */

import { EventSourceParserStream } from "eventsource-parser/stream";
import * as z from "zod";
import type { Fields } from "../api/read.ts";

/** A server: its handler's `fetch`, and a token that it accepts. */
export interface McpEndpoint {
  readonly fetch: (request: Request) => Promise<Response>;
  readonly token: string;
}

/** Options of a call. */
export interface FollowOptions {
  readonly signal?: AbortSignal;
  /** Called with every progress message; with it, a tool may take longer. */
  readonly onProgress?: (message: string) => void;
}

const REQUEST_ID = 1;

const messageSchema = z.union([
  z.object({
    method: z.literal("notifications/progress"),
    params: z.object({ message: z.string().optional() }),
  }),
  z.object({ id: z.literal(REQUEST_ID), result: z.looseObject({}) }),
  z.object({ id: z.unknown(), error: z.object({ message: z.string() }) }),
]);

const toolResultSchema = z.object({
  isError: z.boolean().optional(),
  structuredContent: z.record(z.string(), z.unknown()).optional(),
  content: z.array(z.looseObject({ text: z.string().optional() })),
});

async function* messagesOf(
  response: Response,
  signal: AbortSignal | undefined,
): AsyncGenerator<unknown> {
  if (!response.body || !response.headers.get("content-type")?.includes("event-stream")) {
    yield await response.json();
    return;
  }
  const frames = response.body.pipeThrough(new TextDecoderStream(), { signal })
    .pipeThrough(new EventSourceParserStream());
  for await (const { data } of frames) if (data) yield JSON.parse(data);
}

/**
 * Sends one JSON-RPC request and follows it to its result.
 *
 * @throws Error with the server's own message when it returns an error, and when it ends without a
 * response
 */
export async function callMethod(
  endpoint: McpEndpoint,
  method: string,
  params: Fields = {},
  { signal, onProgress }: FollowOptions = {},
): Promise<Fields> {
  const _meta = onProgress ? { _meta: { progressToken: "progress" } } : {};
  const message = { jsonrpc: "2.0", id: REQUEST_ID, method, params: { ...params, ..._meta } };
  const response = await endpoint.fetch(
    new Request("http://localhost/mcp", {
      method: "POST",
      headers: {
        host: "localhost",
        authorization: `Bearer ${endpoint.token}`,
        accept: "application/json, text/event-stream",
        "content-type": "application/json",
      },
      body: JSON.stringify(message),
      signal,
    }),
  );
  for await (const message of messagesOf(response, signal)) {
    const parsed = messageSchema.safeParse(message);
    if (!parsed.success) continue;
    if ("method" in parsed.data) onProgress?.(parsed.data.params.message ?? "");
    else if ("error" in parsed.data) throw new Error(parsed.data.error.message);
    else return parsed.data.result;
  }
  throw new Error(`No answer to ${method}: the server ended with status ${response.status}`);
}

/**
 * Calls a tool.
 *
 * @returns its structured result
 * @throws Error with the tool's or the server's own message when the call fails
 */
export async function callServedTool(
  endpoint: McpEndpoint,
  name: string,
  args: Fields,
  options: FollowOptions = {},
): Promise<Fields> {
  const result = await callMethod(endpoint, "tools/call", { name, arguments: args }, options);
  const { isError, structuredContent, content } = toolResultSchema.parse(result);
  if (isError) throw new Error(content.map(({ text }) => text ?? "").join(" "));
  return structuredContent ?? {};
}
