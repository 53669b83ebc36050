/**
 * Calls `wait_for_idle` over HTTP, with a client so light that it hides nothing of the server.
 *
 * @module
 */

import { z } from "zod";
import { TOKEN } from "../../helpers/http_program.ts";
import { streamsAre, type UpstreamState } from "../../helpers/upstream_process.ts";
import { type Era, MODERN_META, REVISIONS } from "../overhead/calls.ts";

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

/** A JSON-RPC request that calls a tool. */
export interface ToolRequest {
  readonly method: string;
  readonly params: { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> };
}

/** Makes the JSON-RPC request that calls a tool. */
export function toolCall(
  name: string,
  args: Readonly<Record<string, unknown>>,
  id = 1,
): ToolRequest {
  const request = { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } };
  return request;
}

/** Makes the JSON-RPC request that waits on a session. */
export function waitCall(sessionId: string, id = 1): ToolRequest {
  return toolCall("wait_for_idle", { session_id: sessionId, timeout_sec: TIMEOUT_SEC }, id);
}

/**
 * Sends a request to an MCP endpoint, as a client of an era does; resolves with the body of the response
 * when its head has arrived.
 */
export async function post(
  url: string,
  { method, params, ...request }: ToolRequest,
  era: Era = "legacy",
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const isModern = era === "modern";
  const response = await fetch(url, {
    method: "POST",
    headers: {
      authorization: `Bearer ${TOKEN}`,
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-protocol-version": REVISIONS[era],
      ...(isModern && { "mcp-method": method, "mcp-name": params.name }),
    },
    body: JSON.stringify({
      ...request,
      method,
      params: { ...params, ...(isModern && { _meta: MODERN_META }) },
    }),
  });
  if (response.ok && response.body) return response.body;
  await response.body?.cancel();
  throw new Error(`The server: status ${response.status}`);
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

/** Has the turns that are waited for. */
export interface Turns {
  /** Begins turns of new sessions. */
  begin(count: number): Promise<string[]>;
  /** Tells how many are waited for. */
  state(): Promise<Pick<UpstreamState, "openStreams">>;
  finish(sessionIds: readonly string[]): Promise<unknown>;
}

/** Opens waits at an MCP endpoint, on sessions of their own; nobody reads them until they end. */
export async function holdWaits(
  url: string,
  turns: Turns,
  count: number,
  era: Era = "legacy",
): Promise<HeldWaits> {
  const { openStreams } = await turns.state();
  const sessionIds = await turns.begin(count);
  let failure: { readonly error: unknown } | undefined;
  const unlessFailed = {
    state: async () => {
      if (failure) throw failure.error;
      return await turns.state();
    },
  };
  const bodies: Promise<ReadableStream<Uint8Array<ArrayBuffer>>>[] = [];
  for (let from = 0; from < count; from += BATCH) {
    const batch = sessionIds.slice(from, from + BATCH).map((id) => post(url, waitCall(id), era));
    // Not every server begins its response before the end, so nothing waits for that here.
    for (const body of batch) body.catch((error) => failure ??= { error });
    bodies.push(...batch);
    await streamsAre(unlessFailed, openStreams + bodies.length);
  }
  const ends = sessionIds.map((sessionId, index) => ({ sessionId, body: bodies[index] ?? null }));
  return {
    async end() {
      await turns.finish(sessionIds);
      await Promise.all(ends.map(async ({ sessionId, body }) => {
        wholeReply(messageIn(await new Response(await body).text()), sessionId);
      }));
      await streamsAre(turns, openStreams);
    },
  };
}
