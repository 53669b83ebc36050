/**
 * Reading response bodies: bounded, and ended at once by a signal.
 *
 * @module
 */

import { openByteSource } from "../core/byte_source.ts";

/** A body turned out longer than allowed. */
export class BodyTooLargeError extends Error {
  override name = "BodyTooLargeError";
}

/** Reads a body chunk by chunk. */
export interface ChunkReader {
  /**
   * @returns the next chunk, or undefined at the end
   * @throws the signal's reason when it aborts, however long the body stays silent
   */
  read(): Promise<Uint8Array | undefined>;
  /** Drops what is left of the body, and the listener. Idempotent. */
  close(): void;
}

/** What a read holds, in bytes: of an answer, which is mostly short, and of a silent stream. */
const ANSWER_BUFFER_BYTES = 16 * 1024;
const STREAM_BUFFER_BYTES = 1024;

/**
 * Takes a body over; `close` must be called, also after its end or an error.
 *
 * @param options `stream` for bodies that stay silent for long: a pending read holds little memory
 */
export function openReader(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  options: { readonly stream?: boolean } = {},
): ChunkReader {
  const source = openByteSource(body, options.stream ? STREAM_BUFFER_BYTES : ANSWER_BUFFER_BYTES);
  // Cancelling settles a read that is under way, whether or not the source cares for the signal.
  const drop = () => source.cancel(signal.reason);
  signal.addEventListener("abort", drop, { once: true });
  if (signal.aborted) drop();
  return {
    async read() {
      try {
        const chunk = await source.read();
        signal.throwIfAborted();
        return chunk;
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      }
    },
    close() {
      signal.removeEventListener("abort", drop);
      drop();
    },
  };
}

/** Lets go of a body that nobody will read. */
export function discardBody(response: Response): void {
  if (!response.body || response.body.locked) return;
  response.body.cancel().catch(() => {/* it broke already */});
}

/**
 * A body as text.
 *
 * @param options `maxBytes` bounds the (decompressed) size; `onChunk` is told whenever bytes come
 * @throws {@linkcode BodyTooLargeError}; the signal's reason; whatever the source rejects with
 */
export async function readText(
  response: Response,
  { signal, maxBytes, onChunk }: {
    readonly signal: AbortSignal;
    readonly maxBytes: number;
    readonly onChunk?: () => void;
  },
): Promise<string> {
  if (!response.body) return "";
  const reader = openReader(response.body, signal);
  try {
    const decoder = new TextDecoder();
    const parts: string[] = [];
    let bytes = 0;
    for (let chunk = await reader.read(); chunk; chunk = await reader.read()) {
      onChunk?.();
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw new BodyTooLargeError(`More than ${maxBytes} bytes`);
      parts.push(decoder.decode(chunk, { stream: true }));
    }
    parts.push(decoder.decode());
    return parts.join("");
  } finally {
    reader.close();
  }
}
