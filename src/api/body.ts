/**
 * Reading response bodies: bounded, and ended at once by a signal.
 *
 * @module
 */

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
  /** Drops what is left of the body, the lock and the listener. Idempotent. */
  close(): void;
}

/** While nothing comes; the runtime's own buffer is 64 KiB, which thousands of streams would hold. */
const IDLE_BUFFER_BYTES = 1024;
/** While more comes than fits. */
const BUSY_BUFFER_BYTES = 64 * 1024;

interface Source {
  read(): Promise<ReadableStreamReadResult<Uint8Array>>;
  cancel(reason: unknown): Promise<void>;
  releaseLock(): void;
}

/** A source whose pending read holds a small buffer, where the body lets its reader bring one. */
function openThriftySource(body: ReadableStream<Uint8Array>): Source {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    return body.getReader();
  }
  let size = IDLE_BUFFER_BYTES;
  return {
    async read() {
      const { done, value } = await reader.read(new Uint8Array(size));
      if (done || !value) return { done: true, value: undefined };
      size = value.byteLength === size ? BUSY_BUFFER_BYTES : IDLE_BUFFER_BYTES;
      return { done: false, value };
    },
    cancel: (reason) => reader.cancel(reason),
    releaseLock: () => reader.releaseLock(),
  };
}

/**
 * Takes a body over; `close` must be called, also after its end or an error.
 *
 * @param options `thrifty` for bodies that stay silent for long: a pending read holds little memory
 */
export function openReader(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  options: { readonly thrifty?: boolean } = {},
): ChunkReader {
  const reader: Source = options.thrifty ? openThriftySource(body) : body.getReader();
  // Cancelling settles a read that is under way, whether or not the source cares for the signal.
  const drop = () => void reader.cancel(signal.reason).catch(() => {/* it broke already */});
  signal.addEventListener("abort", drop, { once: true });
  if (signal.aborted) drop();
  return {
    async read() {
      try {
        const { done, value } = await reader.read();
        signal.throwIfAborted();
        return done ? undefined : value;
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      }
    },
    close() {
      signal.removeEventListener("abort", drop);
      drop();
      reader.releaseLock();
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
 * @param maxBytes bound of the (decompressed) size
 * @throws {@linkcode BodyTooLargeError}; the signal's reason; whatever the source rejects with
 */
export async function readText(
  response: Response,
  { signal, maxBytes }: { readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<string> {
  if (!response.body) return "";
  const reader = openReader(response.body, signal);
  try {
    const decoder = new TextDecoder();
    const parts: string[] = [];
    let bytes = 0;
    for (let chunk = await reader.read(); chunk; chunk = await reader.read()) {
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
