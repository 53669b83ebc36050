/**
 * Reading response bodies: bounded, and ended at once by a signal.
 *
 * @module
 */

/** A body turned out longer than allowed. */
export class BodyTooLargeError extends Error {
  override name = "BodyTooLargeError";
}

/** Bytes that a read holds while little comes: of a response, which is mostly short. */
const RESPONSE_BUFFER_BYTES = 16 * 1024;
/** The same of an event stream, which stays silent for long. */
export const STREAM_BUFFER_BYTES = 1024;
/** The same while more comes than fits into the first buffer. */
const BUSY_BUFFER_BYTES = 64 * 1024;

/**
 * Takes a body over and reads it chunk by chunk; `close` must be called, also after its end or an
 * error. It brings its own buffers: left alone, the runtime reads 64 KiB at a time, which costs more
 * than all else about a short response, and which a silent stream holds as long as it is open.
 */
export class BodyReader {
  readonly #signal: AbortSignal;
  readonly #bufferBytes: number;
  readonly #reader: ReadableStreamBYOBReader | undefined;
  /** Of a body that does not let its reader bring the buffers. */
  readonly #plainReader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #buffer: ArrayBuffer;
  #isOver = false;

  /** @param bufferBytes memory that a read holds while little comes, in bytes */
  constructor(body: ReadableStream<Uint8Array>, signal: AbortSignal, bufferBytes: number) {
    this.#signal = signal;
    this.#bufferBytes = bufferBytes;
    this.#buffer = new ArrayBuffer(bufferBytes);
    try {
      this.#reader = body.getReader({ mode: "byob" });
    } catch {
      this.#plainReader = body.getReader();
    }
    if (signal.aborted) this.handleEvent();
    else signal.addEventListener("abort", this);
  }

  /**
   * Reads the next chunk.
   *
   * @returns bytes that are valid until the next read; undefined at the end
   * @throws the signal's reason when it aborts, however long the body stays silent
   */
  async read(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = this.#reader
        ? await this.#reader.read(new Uint8Array(this.#buffer))
        : await this.#plainReader?.read() ?? { done: true, value: undefined };
      this.#signal.throwIfAborted();
      this.#isOver = done || value === undefined;
      if (this.#isOver) return undefined;
      if (this.#reader && value) this.#reuse(value as Uint8Array<ArrayBuffer>);
      return value;
    } catch (error) {
      this.#signal.throwIfAborted();
      throw error;
    }
  }

  /** Takes the memory of a chunk for the next read, unless another size fits better. */
  #reuse({ byteLength, buffer }: Uint8Array<ArrayBuffer>): void {
    const isFull = byteLength === buffer.byteLength;
    const bytes = isFull ? BUSY_BUFFER_BYTES : this.#bufferBytes;
    this.#buffer = bytes === buffer.byteLength ? buffer : new ArrayBuffer(bytes);
  }

  /** Drops the body when the signal aborts: that settles a read that is under way. */
  handleEvent(): void {
    if (this.#isOver) return;
    const reader = this.#reader ?? this.#plainReader;
    reader?.cancel(this.#signal.reason).catch(() => {/* it broke already */});
  }

  /** Drops what is left of the body, and the listener. Idempotent. */
  close(): void {
    this.#signal.removeEventListener("abort", this);
    this.handleEvent();
  }
}

/** Drops a body that is not going to be read. */
export function discardBody(response: Response): void {
  if (!response.body || response.body.locked) return;
  response.body.cancel().catch(() => {/* it broke already */});
}

/** Takes a body's text as it comes in. */
export interface TextSink {
  /** @throws `BodyTooLargeError` when it would keep too much, `SyntaxError` */
  push(text: string): void;
  /**
   * Passes over bytes that come next and that nothing is wanted of: decoding them costs memory.
   *
   * @returns how many; undefined while all that comes is wanted
   */
  skip?(bytes: Uint8Array): number | undefined;
}

/** So much is decoded at a time of what may be followed by something to skip. */
const WINDOW_BYTES = 2 * 1024;

/** Bounds of reading a body. */
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
  into: TextSink,
): Promise<void> {
  if (!response.body) return;
  const reader = new BodyReader(response.body, signal, RESPONSE_BUFFER_BYTES);
  try {
    const decoder = new TextDecoder();
    let bytes = 0;
    for (let chunk = await reader.read(); chunk; chunk = await reader.read()) {
      onChunk?.();
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw new BodyTooLargeError(`More than ${maxBytes} bytes`);
      for (let at = 0; at < chunk.byteLength;) {
        const skipped = into.skip?.(chunk.subarray(at));
        at += skipped ?? 0;
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
  await readPieces(response, options, { push: (text) => void parts.push(text) });
  return parts.join("");
}
