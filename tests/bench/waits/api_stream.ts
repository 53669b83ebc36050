/**
 * Reads a session's event stream as the API gives it, with nothing of ours in between.
 *
 * @module
 */

import { z } from "zod";

/** Headers of every request to the simulated API. */
export const API_HEADERS = {
  "x-api-key": "bench-key",
  "anthropic-version": "2023-06-01",
  "anthropic-beta": "managed-agents-2026-04-01",
} as const;

const IDLE = "event: session.status_idle\n";
const SAID = /^event: agent\.message\ndata: (.*)$/m;

const saidSchema = z.object({ content: z.tuple([z.object({ text: z.string() })]) });

/** A text that a reader has seen, and when, by `performance.now()`. */
export interface Seen {
  readonly at: number;
  readonly text: string;
}

/** Opens the stream; resolves with its body when its head has arrived. */
export async function openStream(
  apiUrl: string,
  sessionId: string,
  client?: Deno.HttpClient,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const response = await fetch(`${apiUrl}/v1/sessions/${sessionId}/events/stream`, {
    headers: API_HEADERS,
    client,
  });
  if (!response.ok || !response.body) throw new Error(`The stream: status ${response.status}`);
  return response.body;
}

/**
 * Reads until a whole frame with `mark` in it is there, and no further.
 *
 * @throws Error when the body ends before
 */
export async function readUntil(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  mark: string,
): Promise<Seen> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes(mark) && text.endsWith("\n\n")) return { at: performance.now(), text };
  }
  throw new Error(`A stream ended without '${mark}': ${text}`);
}

/** Reads a session's stream to the end of its turn, and leaves it. */
export async function readTurn(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<Seen> {
  return await readUntil(body, IDLE);
}

/** Returns what the agent said in a text of the stream. */
export function replyIn(text: string): string {
  const { content: [{ text: reply }] } = saidSchema.parse(JSON.parse(SAID.exec(text)?.[1] ?? ""));
  return reply;
}
