/**
 * Reading response bodies: bounded, and ended at once by a signal.
 *
 * @module
 */

import { type Redact, redactValue } from "../core/redact.ts";
import { blockText } from "./events.ts";
import { BodyTooLargeError, type ListBounds, ListScanner } from "./list_scanner.ts";
import { isFields } from "./read.ts";

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

/** Longest text that is parsed in one piece, nothing left out, in UTF-16 units. */
const MAX_WHOLE_CHARS = 1024 * 1024;
/** The beginning of a body is kept so far, in characters. */
const BEGINNING_CHARS = 64 * 1024;

/** Makes a value of the text of a JSON body as it comes; a long list is cut short within `bounds`. */
export class JsonParser implements TextSink {
  /** The beginning of the text, which tells what a body is that is no JSON. */
  beginning = "";
  readonly #bounds: ListBounds;
  readonly #parse: (json: string) => unknown;
  /** All of a short body. */
  #pieces: string[] = [];
  #chars = 0;
  /** The newest piece that is no white space. */
  #last = "";
  #scanner: ListScanner | undefined;

  /**
   * @param parse makes a value of JSON text: of the whole, or of each entry and of what is around
   *   them
   */
  constructor(bounds: ListBounds, parse: (json: string) => unknown) {
    this.#bounds = bounds;
    this.#parse = parse;
  }

  /** Entries of a long list that are complete. */
  get entries(): number {
    return this.#scanner?.entries.length ?? 0;
  }

  /** True when the text stops in the middle: its connection broke where no length was given. */
  get isCut(): boolean {
    return /^\s*[{[]/.test(this.beginning) && !/[}\]]\s*$/.test(this.#last);
  }

  push(text: string): void {
    if (this.beginning.length < BEGINNING_CHARS) this.beginning += text;
    if (text.trim() !== "") this.#last = text;
    this.#chars += text.length;
    if (!this.#scanner && this.#chars <= MAX_WHOLE_CHARS) {
      this.#pieces.push(text);
      return;
    }
    this.#scanner ??= new ListScanner(this.#bounds, this.#parse);
    for (const piece of this.#pieces) this.#scanner.push(piece);
    this.#pieces = [];
    this.#scanner.push(text);
  }

  skip(bytes: Uint8Array): number | undefined {
    return this.#scanner?.skip(bytes);
  }

  /**
   * Returns the value; undefined for an empty body.
   *
   * @throws `SyntaxError`
   */
  end(): unknown {
    if (this.#scanner) return this.#scanner.end();
    const text = this.#pieces.join("");
    return text.trim() === "" ? undefined : this.#parse(text);
  }
}

/** Escapes by which JSON can spell a character that needs none, as Go and PHP do: `\u003c`, `\/`. */
const ODD_ESCAPES = ["\\u", "\\/"] as const;

/**
 * Parses a response, or the data of a stream's frame. Known secrets and full keys are hidden in every
 * text; in errors that sessions report also what looks like a credential.
 *
 * @throws `SyntaxError` when the text is not JSON
 */
export function parseClean(text: string, redact: Redact): unknown {
  const value: unknown = JSON.parse(text);
  const isOdd = ODD_ESCAPES.some((escape) => text.includes(escape));
  // First: of a key that is cut in two, one part alone may pass for a whole one.
  if (isOdd || text.includes('"content"') || text.includes('error"')) cleanEvents(value, redact);
  return redact.isClean(text) && !isOdd ? value : redactValue(value, redact);
}

/** Events are looked for so deep in lists and wrappers. */
const MAX_DEPTH = 5;

/** Cleans all events in a value: itself, the entries of a list, what lies in wrappers. */
function cleanEvents(value: unknown, redact: Redact, depth = 0): void {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return;
  cleanEvent(value, redact);
  if (isEvent(value)) return;
  for (const part of Object.values(value)) cleanEvents(part, redact, depth + 1);
}

/** Events hold no others. */
function isEvent(value: object): boolean {
  return "type" in value && typeof value.type === "string" && value.type.includes(".");
}

/** Cleans in place what reaches beyond one text. */
function cleanEvent(event: unknown, redact: Redact): void {
  if (!isFields(event)) return;
  const { type, content } = event;
  if (typeof content === "object" && content !== null) cleanBlocks({ ...content }, content, redact);
  if (typeof type !== "string" || !type.endsWith("error")) return;
  // The API's own words, such as the address of an MCP server that cannot be reached.
  for (const [name, field] of Object.entries(event)) {
    Reflect.set(event, name, redactValue(field, redact.loose));
  }
}

/** Text blocks are read as one text, so a secret may begin in one and end in another. */
function cleanBlocks(
  blocks: Readonly<Record<string, unknown>>,
  content: object,
  redact: Redact,
): void {
  const texts = Object.entries(blocks)
    .map(([key, block]) => ({ key, block, text: blockText(block) }))
    .filter(({ text }) => text !== "");
  if (texts.length < 2) return;
  const joined = texts.map(({ text }) => text).join("");
  let left = redact(joined);
  if (left === joined) return;
  for (const { key, block } of texts) {
    Reflect.set(content, key, isFields(block) ? { ...block, text: left } : left);
    left = "";
  }
}
