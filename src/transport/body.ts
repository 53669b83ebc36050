/**
 * The body of a request: read within bounds of size and time, and parsed within bounds of shape.
 *
 * @module
 */

import { STATUS_CODE } from "@std/http";
import type { Clock } from "../core/clock.ts";
import { openByteSource } from "../core/byte_source.ts";
import { refusal } from "./refusal.ts";

/** What {@linkcode readJson} puts up with. */
export interface BodyLimits {
  /** Largest body, in bytes. */
  readonly maxBytes: number;
  /** How long a body may take to arrive, in milliseconds. */
  readonly timeoutMs: number;
  /** How deep arrays and objects may be nested. */
  readonly maxDepth: number;
  /** How many messages a JSON-RPC batch may hold. */
  readonly maxBatch: number;
}

/** JSON-RPC 2.0, section 5.1. */
const PARSE_ERROR = -32_700;
const INVALID_REQUEST = -32_600;

const JSON_TYPE = /^application\/json\s*(;|$)/i;

/** A parsed body, or the answer to a request whose body is none. */
export type JsonBody = { readonly value: unknown } | { readonly refused: Response };

/**
 * Reads and parses the body of a request.
 *
 * Refused with 415 unless it is said to be JSON, 413 when it is too large, 408 when it does not
 * arrive in time, 400 when it breaks off, is not JSON in UTF-8, is nested too deep or is too long a batch. Nesting is looked at before
 * the text is parsed: whatever walks the value later may do so recursively.
 */
export async function readJson(
  request: Request,
  clock: Clock,
  limits: BodyLimits,
): Promise<JsonBody> {
  if (!JSON_TYPE.test(request.headers.get("content-type") ?? "")) {
    return refused(STATUS_CODE.UnsupportedMediaType, "Send the body as application/json.");
  }
  const bytes = await readBytes(request, clock, limits);
  if (bytes === "too large") return { refused: tooLarge(limits.maxBytes) };
  if (bytes === "late") {
    return refused(STATUS_CODE.RequestTimeout, "The request's body did not arrive in time.");
  }
  if (bytes === "broken off") return badRequest(PARSE_ERROR, "The request's body broke off.");
  if (isNestedDeeper(bytes, limits.maxDepth)) {
    return badRequest(
      INVALID_REQUEST,
      `The request is nested too deep: at most ${limits.maxDepth} levels.`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return badRequest(PARSE_ERROR, "Parse error: the request's body is not JSON.");
  }
  if (Array.isArray(value) && (value.length > limits.maxBatch || value.length === 0)) {
    return badRequest(INVALID_REQUEST, `A batch holds 1 to ${limits.maxBatch} messages.`);
  }
  return { value };
}

/** The answer to a body that is too large, in bytes. */
export function tooLarge(maxBytes: number): Response {
  return refusal(
    STATUS_CODE.ContentTooLarge,
    `The body is too large: at most ${maxBytes} bytes.`,
  );
}

function refused(...args: Parameters<typeof refusal>): JsonBody {
  return { refused: refusal(...args) };
}

function badRequest(code: number, message: string): JsonBody {
  return refused(STATUS_CODE.BadRequest, message, {}, code);
}

async function readBytes(
  { body }: Request,
  clock: Clock,
  { maxBytes, timeoutMs }: BodyLimits,
): Promise<Uint8Array | "too large" | "late" | "broken off"> {
  if (!body) return new Uint8Array();
  // The runtime's own server hands out bodies that bring their own buffers, as short as they are.
  const source = openByteSource(body);
  let late = false;
  // A cancelled stream ends every read, also one that waits for a client that sends nothing.
  const cancelTimer = clock.after(timeoutMs, () => {
    late = true;
    source.cancel();
  });
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const chunk = await source.read();
      if (late) return "late";
      if (!chunk) return concat(chunks, length);
      chunks.push(chunk);
      length += chunk.byteLength;
      if (length <= maxBytes) continue;
      source.cancel();
      return "too large";
    }
  } catch {
    return late ? "late" : "broken off";
  } finally {
    cancelTimer();
  }
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = chunks;
  if (first && first.byteLength === length) return first;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What brackets and braces have in common: `[` and `{` differ in this bit, and so do `]` and `}`. */
const BRACE = 0x20;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/**
 * Whether JSON text opens more than `maxDepth` arrays and objects within one another. Bytes of
 * UTF-8 that belong to longer characters are never mistaken for brackets or quotes.
 */
export function isNestedDeeper(bytes: Uint8Array, maxDepth: number): boolean {
  // Shorter texts cannot even open so many.
  if (bytes.length <= maxDepth) return false;
  let depth = 0;
  let inText = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (inText) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if ((byte | BRACE) === OPENING && ++depth > maxDepth) return true;
    else if ((byte | BRACE) === CLOSING) depth--;
  }
  return false;
}
