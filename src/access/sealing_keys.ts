/**
 * Sealing keys as operators keep them: a file with a key on each line.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import { isKey } from "../core/ids.ts";
import { isTokenSecret } from "../core/redact.ts";
import { toBase64Url } from "../core/text.ts";
import { MIN_SEALING_KEY_BYTES } from "./sealing.ts";

/** A sealing key: its bytes, and the text that the file has for it, which no output may show. */
export interface SealingKey {
  readonly text: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Most keys of a file: while one replaces another, there are two. */
const MAX_KEYS = 10;

/** Longest line that may be a key, in characters. */
const MAX_KEY_CHARS = 1_000;

/** Says how to make a file with a key, on every system. */
export const MAKE_SEALING_KEY = "make one with 'cma-mcp token sealing-key > sealing.key'";

/** Says what a server over HTTP cannot do without a sealing key, and how to give it one. */
export const NO_SEALING_KEY =
  "Without a sealing key, answers to questions that people were asked, their decisions in the " +
  "session view, links to files and idempotency keys count only in their own process: not after a " +
  "restart, and not at another replica";
export const NAME_SEALING_KEY = `${MAKE_SEALING_KEY}, and name it with --sealing-key-file`;

/**
 * Makes the text of a new key: never one that begins as an API key does, which would be refused.
 *
 * @param draw returns {@linkcode MIN_SEALING_KEY_BYTES} random bytes
 */
export function newSealingKey(draw: () => Uint8Array = drawBytes): string {
  for (;;) {
    const text = toBase64Url(draw());
    if (!isKey(text)) return text;
  }
}

function drawBytes(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(MIN_SEALING_KEY_BYTES));
}

/**
 * Reads the keys of a file: one on each line in base64, base64url or hex, the first seals, all open.
 * Empty lines and lines that begin with `#` are passed over.
 *
 * @param source how the user named the file, for errors
 * @throws UsageError one line that says what is wrong and how to make a key; never a key
 */
export function parseSealingKeys(text: string, source: string): readonly SealingKey[] {
  const keys = new Map<string, SealingKey>();
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
    const word = line.trim();
    if (word === "" || word.startsWith("#")) continue;
    const key = parseKey(word, `${source}, line ${index + 1},`);
    keys.set(toBase64Url(key.bytes), key);
  }
  if (keys.size === 0) throw new UsageError(`${source} holds no key: ${MAKE_SEALING_KEY}`);
  if (keys.size > MAX_KEYS) {
    throw new UsageError(`${source} holds more than ${MAX_KEYS} keys: take the oldest out`);
  }
  return [...keys.values()];
}

function parseKey(text: string, source: string): SealingKey {
  if (isKey(text) || isTokenSecret(text)) {
    const kind = isKey(text) ? "an API key" : "a bearer token";
    throw new UsageError(`${source} is ${kind}, which must seal nothing: ${MAKE_SEALING_KEY}`);
  }
  const bytes = text.length > MAX_KEY_CHARS ? undefined : bytesOf(text);
  if (!bytes) {
    throw new UsageError(`${source} is neither base64 nor hex: ${MAKE_SEALING_KEY}`);
  }
  if (bytes.byteLength < MIN_SEALING_KEY_BYTES) {
    throw new UsageError(
      `${source} is too short (${bytes.byteLength} bytes, at least ${MIN_SEALING_KEY_BYTES}): ` +
        MAKE_SEALING_KEY,
    );
  }
  if (!looksRandom(bytes)) throw new UsageError(`${source} is not random: ${MAKE_SEALING_KEY}`);
  return { text, bytes };
}

/** Decodes a key. Hex comes first: its digits are those of base64 as well. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (/^([\da-f]{2})+$/i.test(text)) {
    const pairs = text.match(/../g) ?? [];
    return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
  }
  const bare = text.replace(/={1,2}$/, "");
  if (!/^[\w+/-]+$/.test(bare) || bare.length % 4 === 1) return undefined;
  const binary = atob(bare.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (byte) => byte.charCodeAt(0));
}

/** Fewest different bytes of a key: 32 random ones have 30, and fewer than 20 never. */
const MIN_DISTINCT_BYTES = 16;

/** Returns false for bytes that nobody drew at random: few different ones, counted, or repeated. */
function looksRandom(bytes: Uint8Array): boolean {
  if (new Set(bytes).size < MIN_DISTINCT_BYTES) return false;
  const steps = bytes.slice(1).map((byte, index) => byte - (bytes[index] ?? 0));
  if (new Set(steps).size === 1) return false;
  const half = bytes.byteLength / 2;
  return !Array.from({ length: Math.floor(half) }, (_, index) => index + 1)
    .some((period) => bytes.every((byte, at) => at < period || byte === bytes[at - period]));
}
