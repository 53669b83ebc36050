/**
 * Reads lines from a stream of bytes, in bounded memory and in time that grows with their length.
 *
 * @module
 */

import { ByteBuffer } from "./byte_buffer.ts";

/**
 * A line without its line end. Of a line that is too long, only the beginning and the end are kept.
 */
export type ByteLine =
  | { readonly kind: "line"; readonly bytes: Uint8Array }
  | {
    readonly kind: "too_long";
    /** Length of the whole line. */
    readonly byteLength: number;
    readonly head: Uint8Array;
    readonly tail: Uint8Array;
  };

/** Bytes kept of the beginning, and of the end, of a line that is too long. */
const EDGE_BYTES = 1024;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Reads lines that end in LF or CR LF. Text after the last line end is a line too.
 *
 * @param maxBytes longest line that is kept whole
 */
export async function* byteLines(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<ByteLine> {
  let line = new LineBuffer(maxBytes);
  for await (const chunk of source) {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      line.add(chunk.subarray(from, at));
      yield line.end();
      line = new LineBuffer(maxBytes);
      from = at + 1;
    }
    line.add(chunk.subarray(from));
  }
  if (line.byteLength > 0) yield line.end();
}

class LineBuffer {
  readonly #maxBytes: number;
  #buffer: ByteBuffer;
  #head: Uint8Array | undefined;
  #byteLength = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#buffer = new ByteBuffer();
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  add(bytes: Uint8Array): void {
    this.#byteLength += bytes.byteLength;
    if (this.#byteLength <= this.#maxBytes) return this.#buffer.add(bytes);
    this.#head ??= concatenated([this.#buffer.bytes(), bytes]).slice(0, EDGE_BYTES);
    const kept = concatenated([last(this.#buffer.bytes()), last(bytes)]);
    this.#buffer = new ByteBuffer();
    this.#buffer.add(last(kept));
  }

  end(): ByteLine {
    const bytes = withoutCarriageReturn(this.#buffer.bytes());
    if (this.#head === undefined) return { kind: "line", bytes };
    return { kind: "too_long", byteLength: this.#byteLength, head: this.#head, tail: bytes };
  }
}

function last(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(Math.max(0, bytes.byteLength - EDGE_BYTES));
}

function withoutCarriageReturn(bytes: Uint8Array): Uint8Array {
  return bytes.at(-1) === CARRIAGE_RETURN ? bytes.subarray(0, -1) : bytes;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const buffer = new ByteBuffer();
  for (const part of parts) buffer.add(part);
  return buffer.bytes();
}
