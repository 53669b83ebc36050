/**
 * Reading streams of bytes with buffers no larger than needed. Left alone, the runtime reads a body
 * into 64 KiB at a time, which costs more than all else about a short answer, and which a silent
 * stream holds as long as it is open.
 *
 * @module
 */

/** A stream that is being read; nobody else can read it any more. */
export interface ByteSource {
  /** The next bytes, which are valid until the next read; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Ends every read, also one under way. Does nothing after the end. */
  cancel(reason?: unknown): void;
}

/** While more comes than fits into the first buffer. */
const BUSY_BUFFER_BYTES = 64 * 1024;

/**
 * Starts to read a stream.
 *
 * @param firstBufferBytes what a read holds while little comes, in bytes. Without it the stream is
 *   read as it is, and so is one that does not let its reader bring the buffers: finding that out
 *   costs more than reading a short one
 */
export function openByteSource(
  body: ReadableStream<Uint8Array>,
  firstBufferBytes?: number,
): ByteSource {
  const thrifty = firstBufferBytes === undefined ? undefined : openThrifty(body, firstBufferBytes);
  const read = thrifty ?? openPlain(body);
  let ended = false;
  return {
    async read() {
      const { done, value } = await read.next();
      ended = done || value === undefined;
      return ended ? undefined : value;
    },
    cancel(reason) {
      if (!ended) read.cancel(reason).catch(() => {/* it broke already */});
    },
  };
}

interface Reading {
  next(): Promise<ReadableStreamReadResult<Uint8Array>>;
  cancel(reason: unknown): Promise<void>;
}

function openPlain(body: ReadableStream<Uint8Array>): Reading {
  const reader = body.getReader();
  return { next: () => reader.read(), cancel: (reason) => reader.cancel(reason) };
}

function openThrifty(
  body: ReadableStream<Uint8Array>,
  firstBufferBytes: number,
): Reading | undefined {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
  let buffer = new ArrayBuffer(firstBufferBytes);
  return {
    async next() {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done || !value) return { done: true, value: undefined };
      const isFull = value.byteLength === value.buffer.byteLength;
      const bytes = isFull ? BUSY_BUFFER_BYTES : firstBufferBytes;
      // What was read into is handed back, and does for the next time.
      buffer = bytes === value.buffer.byteLength ? value.buffer : new ArrayBuffer(bytes);
      return { done: false, value };
    },
    cancel: (reason) => reader.cancel(reason),
  };
}
