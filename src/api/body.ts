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

/** Makes a value of a body as it comes in. */
export interface BodyReader {
  /** Entries of a list that are complete; 0 where it is no list, or that is not known. */
  readonly entries: number;
  /** @throws `BodyTooLargeError` when it would keep too much, `SyntaxError` */
  push(text: string): void;
  /**
   * Passes over bytes that come next and that nothing is wanted of: decoding them costs memory.
   *
   * @returns how many; undefined while all that comes is wanted
   */
  skip(bytes: Uint8Array): number | undefined;
  /**
   * The value; undefined for an empty body.
   *
   * @throws `SyntaxError`
   */
  end(): unknown;
}

const WINDOW_BYTES = 2 * 1024;

/** How a body is read. */
export interface ReadBodyOptions {
  readonly signal: AbortSignal;
  /** Bound of the (decompressed) size, in bytes. */
  readonly maxBytes: number;
  /** Told whenever bytes come. */
  readonly onChunk?: () => void;
}

/**
 * Reads a body piece by piece.
 *
 * @throws {@linkcode BodyTooLargeError}; the signal's reason; whatever the source rejects with or
 *   `into` throws
 */
export async function readPieces(
  response: Response,
  { signal, maxBytes, onChunk }: ReadBodyOptions,
  into: Pick<BodyReader, "push" | "skip">,
): Promise<void> {
  if (!response.body) return;
  const reader = openReader(response.body, signal);
  try {
    const decoder = new TextDecoder();
    let bytes = 0;
    for (let chunk = await reader.read(); chunk; chunk = await reader.read()) {
      onChunk?.();
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw new BodyTooLargeError(`More than ${maxBytes} bytes`);
      for (let at = 0; at < chunk.byteLength;) {
        const skipped = into.skip(chunk.subarray(at));
        at += skipped ?? 0;
        // What may be followed by something to skip is decoded little by little.
        const end = skipped === undefined ? chunk.byteLength : at + WINDOW_BYTES;
        into.push(decoder.decode(chunk.subarray(at, end), { stream: true }));
        at = end;
      }
    }
    into.push(decoder.decode());
  } finally {
    reader.close();
  }
}

/** A body as text; as {@linkcode readPieces}. */
export async function readText(response: Response, options: ReadBodyOptions): Promise<string> {
  const parts: string[] = [];
  const push = (text: string) => void parts.push(text);
  await readPieces(response, options, { push, skip: () => undefined });
  return parts.join("");
}
