/**
 * Calls `wait_for_idle` over HTTP, with a client so light that it hides nothing of the server.
 *
 * @module
 */

import { z } from "zod";
import { TOKEN } from "../../helpers/http_program.ts";
import type { UpstreamProcess } from "../../helpers/upstream_process.ts";

/** Longer than a bench takes, in seconds. */
const TIMEOUT_SEC = 600;
/** Waits that are opened at once. */
const BATCH = 100;
/** The turns of the upstream end with the time, in milliseconds since the epoch. */
const TIME = /^\d{13}(\.\d+)?$/;

/** Tells whether a text is a whole reply of an agent of the upstream. */
export function isReply(text: string): boolean {
  return TIME.test(text);
}

const responseSchema = z.object({
  result: z.object({
    isError: z.literal(false).optional(),
    structuredContent: z.record(z.string(), z.unknown()),
  }),
});

const waitSchema = z.object({
  session_id: z.string(),
  status: z.literal("idle"),
  reply: z.string().refine(isReply),
});

/** Makes the JSON-RPC request that calls a tool. */
export function toolCall(name: string, args: Readonly<Record<string, unknown>>, id = 1): object {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } };
}

/** Makes the JSON-RPC request that waits on a session. */
export function waitCall(sessionId: string, id = 1): object {
  return toolCall("wait_for_idle", { session_id: sessionId, timeout_sec: TIMEOUT_SEC }, id);
}

/**
 * Sends a request to an MCP endpoint; resolves with the body of the response when its head has arrived.
 */
export async function post(
  url: string,
  request: object,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      authorization: `Bearer ${TOKEN}`,
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
    },
    body: JSON.stringify(request),
  });
  if (!response.ok || !response.body) throw new Error(`The server: status ${response.status}`);
  return response.body;
}

/** Returns the last message of a response, which is JSON or an event stream. */
export function messageIn(text: string): unknown {
  if (text.startsWith("{")) return JSON.parse(text);
  const data = text.split("\n").filter((line) => line.startsWith("data: ")).at(-1);
  return JSON.parse(data?.slice("data: ".length) ?? "");
}

/** Returns the result of a tool. @throws Error when it failed */
export function toolResult(message: unknown): Record<string, unknown> {
  const { success, data } = responseSchema.safeParse(message);
  if (!success) throw new Error(`A call failed: ${JSON.stringify(message)}`);
  return data.result.structuredContent;
}

/**
 * Returns the reply in the response to a wait.
 *
 * @throws Error when the wait did not end well, with the session's turn and all of its reply
 */
export function wholeReply(message: unknown, sessionId: string): string {
  const { success, data } = waitSchema.safeParse(toolResult(message));
  if (success && data.session_id === sessionId) return data.reply;
  throw new Error(`A wait on ${sessionId} returned ${JSON.stringify(message)}`);
}

/** Waits that are open. */
export interface HeldWaits {
  /** Ends the turns of all; every wait must return its reply. */
  end(): Promise<void>;
}

/** Opens waits at an MCP endpoint, on sessions of their own; nobody reads them until they end. */
export async function holdWaits(
  url: string,
  upstream: UpstreamProcess,
  count: number,
): Promise<HeldWaits> {
  const { openStreams } = await upstream.state();
  const sessionIds = await upstream.begin(count);
  const bodies: ReadableStream<Uint8Array<ArrayBuffer>>[] = [];
  await upstream.openInBatches(sessionIds, BATCH, async (batch) => {
    bodies.push(...await Promise.all(batch.map((id) => post(url, waitCall(id)))));
  });
  const ends = sessionIds.map((sessionId, index) => ({ sessionId, body: bodies[index] ?? null }));
  return {
    async end() {
      await upstream.finish(sessionIds);
      await Promise.all(ends.map(async ({ sessionId, body }) => {
        wholeReply(messageIn(await new Response(body).text()), sessionId);
      }));
      await upstream.streamsAre(openStreams);
    },
  };
}
