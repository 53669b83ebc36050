/**
 * Reads JSON from clients, within bounds of shape: a short text can hold enough values, or levels of
 * them, to keep the process busy for seconds.
 *
 * @module
 */

import { INVALID_REQUEST, type MessageError, PARSE_ERROR } from "./messages.ts";

/** How deep arrays and objects may be nested. Tool arguments are flat; around them are five levels. */
const MAX_DEPTH = 64;

/** How many values a text may hold: a batch of the largest honest calls has about 3,000. */
const MAX_VALUES = 10_000;

/** What a text says, or why it is not read. */
export type ParsedJson = { readonly value: unknown } | { readonly error: MessageError };

/**
 * Parses JSON in UTF-8, with or without a byte order mark. Depth and number of values are looked at
 * before: whatever walks the value later may do so recursively.
 */
export function parseJson(bytes: Uint8Array): ParsedJson {
  const excess = findExcess(bytes, MAX_DEPTH, MAX_VALUES);
  if (excess !== undefined) {
    const what = excess === "depth"
      ? `it is nested too deep: at most ${MAX_DEPTH} levels`
      : `it has too many values: at most ${MAX_VALUES}`;
    return { error: { code: INVALID_REQUEST, message: `Invalid request: ${what}` } };
  }
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) };
  } catch {
    return { error: { code: PARSE_ERROR, message: "Parse error: this is not JSON in UTF-8" } };
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
/** What brackets and braces have in common: `[` and `{` differ in this bit, and so do `]` and `}`. */
const BRACE = 0x20;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/**
 * The bound that a JSON text exceeds, if any: the number of arrays and objects that it opens within
 * one another, or the number of its values, which are at most one more than its commas and opening
 * brackets. Bytes of UTF-8 that belong to longer characters are never mistaken for these.
 */
export function findExcess(
  bytes: Uint8Array,
  maxDepth: number,
  maxValues: number,
): "depth" | "values" | undefined {
  // Shorter texts cannot even open so many.
  if (bytes.length <= Math.min(maxDepth, maxValues)) return undefined;
  let depth = 0;
  let values = 1;
  let inText = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (inText) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === COMMA) values++;
    else if ((byte | BRACE) === OPENING) {
      values++;
      if (++depth > maxDepth) return "depth";
    } else if ((byte | BRACE) === CLOSING) depth--;
    if (values > maxValues) return "values";
  }
  return undefined;
}
