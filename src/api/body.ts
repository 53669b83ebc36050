/**
 * Reads response bodies, within a bound of size; a signal ends a read at once.
 *
 * @module
 */

/** Thrown for a body that is larger than allowed. */
export class BodyTooLargeError extends Error {
  override name = "BodyTooLargeError";
}

/** Buffer of a read while few bytes come, in bytes: for a response, which is mostly short. */
const RESPONSE_BUFFER_BYTES = 16 * 1024;
/** The same for an event stream, which stays silent for long. */
export const STREAM_BUFFER_BYTES = 1024;
/** The same while more bytes come than fit into the first buffer. */
const BUSY_BUFFER_BYTES = 64 * 1024;

/**
 * Takes over a body and reads it chunk by chunk; the owner must call `close`, also after the body's
 * end or an error. The reader brings its own buffers: left alone, the runtime reads 64 KiB at a
 * time, which costs more than all else about a short response, and a silent stream holds that
 * memory as long as it is open.
 */
export class BodyReader {
  readonly #signal: AbortSignal;
  readonly #bufferBytes: number;
  readonly #reader: ReadableStreamBYOBReader | undefined;
  /** Reader of a body that accepts no buffers. */
  readonly #plainReader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #buffer: ArrayBuffer;
  #isOver = false;

  /** @param bufferBytes size of the buffer while few bytes come */
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

  /** Drops the body when the signal aborts, which settles a pending read. */
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

/** Drops a body that nobody is going to read. */
export function discardBody(response: Response): void {
  if (!response.body || response.body.locked) return;
  response.body.cancel().catch(() => {/* it broke already */});
}

/** Receives a body's text piece by piece. */
export interface TextSink {
  /**
   * Adds a piece.
   *
   * @throws `BodyTooLargeError` when it would keep too much, `SyntaxError`
   */
  push(text: string): void;
  /**
   * Passes over unwanted bytes that come next: decoding them costs memory.
   *
   * @returns how many; undefined while all bytes are wanted
   */
  skip?(bytes: Uint8Array): number | undefined;
}

/** Bytes that are decoded at a time when a part to skip may follow. */
const WINDOW_BYTES = 2 * 1024;

/** Bounds of reading a body. */
export interface ReadBodyOptions {
  readonly signal: AbortSignal;
  /** Bound of the (decompressed) size, in bytes. */
  readonly maxBytes: number;
  /** Called whenever bytes come. */
  readonly onChunk?: () => void;
}

/**
 * Reads a body piece by piece.
 *
 * @throws {@linkcode BodyTooLargeError}; the signal's reason; any error of the source or of `into`
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

/** Reads a body as text; see {@linkcode readPieces}. */
export async function readText(response: Response, options: ReadBodyOptions): Promise<string> {
  const parts: string[] = [];
  await readPieces(response, options, { push: (text) => void parts.push(text) });
  return parts.join("");
}
