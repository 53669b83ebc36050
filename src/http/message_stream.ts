/**
 * An answer that is a stream of JSON-RPC messages as server-sent events.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { singleLineJson } from "../core/text.ts";

/** Messages, less what all of them have. */
export type StreamedMessage = Readonly<Record<string, unknown>>;

/** See {@linkcode createMessageStream}. */
export interface MessageStream {
  /** The answer; its head can leave at once. Once only. */
  open(): Response;
  /** Sends a message, while the stream is open. */
  send(message: StreamedMessage): void;
  /** Sends the last message, and ends the stream. */
  close(message: StreamedMessage): void;
}

const HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  // Proxies that buffer would hold back what is sent to show a sign of life.
  "x-accel-buffering": "no",
};

const encoder = new TextEncoder();

/**
 * @param keepAliveMs how often a comment goes out while it is open, in milliseconds
 * @param onGone told when the client leaves before the end
 */
export function createMessageStream(
  clock: Clock,
  keepAliveMs: number,
  onGone: () => void,
): MessageStream {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let stopKeepAlive = () => {};
  const write = (text: string) => controller?.enqueue(encoder.encode(text));
  const send = (message: StreamedMessage) =>
    write(
      `event: message\ndata: ${singleLineJson(JSON.stringify({ jsonrpc: "2.0", ...message }))}\n\n`,
    );
  const keepAlive = () => {
    stopKeepAlive = clock.after(keepAliveMs, () => {
      write(": keepalive\n\n");
      keepAlive();
    });
  };
  const end = () => {
    stopKeepAlive();
    controller = undefined;
  };
  return {
    open() {
      const body = new ReadableStream<Uint8Array>({
        start: (opened) => void (controller = opened),
        cancel: () => {
          end();
          onGone();
        },
      });
      keepAlive();
      return new Response(body, { headers: HEADERS });
    },
    send,
    close(message) {
      const open = controller;
      if (!open) return;
      send(message);
      end();
      open.close();
    },
  };
}
