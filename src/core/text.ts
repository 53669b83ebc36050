/**
 * Every cut and every escape of a text.
 *
 * A cut can leave a part of a secret that no pattern recognises any more, so secrets are removed
 * first: from the API's texts where they come in (`parseClean` in `api/json.ts`), from all others
 * by the caller. No function here splits a surrogate pair. Lengths are UTF-16 units.
 *
 * @module
 */

/**
 * Longest JSON text of a tool's result, in UTF-16 units: hosts cut, spill or refuse what is too long
 * for a model.
 */
export const MAX_RESULT_CHARS = 40_000;

/** Returns the beginning of a text, at most `maxChars` long. */
export function firstChars(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  return text.slice(0, isPair(text, maxChars - 1) ? maxChars - 1 : maxChars);
}

/** Returns the text, or its beginning and an ellipsis, which comes on top of `maxChars`. */
export function shorten(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${firstChars(text, maxChars)}…`;
}

/** Returns the text, or its beginning and how much is missing, which comes on top of `maxChars`. */
export function clipText(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const kept = firstChars(text, maxChars);
  return `${kept}… [${text.length - kept.length} more characters]`;
}

/** Returns the length of a value as JSON, where a control character takes six characters. */
export function jsonLength(value: unknown): number {
  return JSON.stringify(value)?.length ?? 0;
}

/** Returns the longest beginning whose JSON takes at most `room` characters, without its quotes. */
export function firstJsonChars(text: string, room: number): string {
  let end = 0;
  let left = room;
  while (end < text.length) {
    const units = isPair(text, end) ? 2 : 1;
    const cost = units === 2 ? 2 : unitCost(text.charCodeAt(end));
    if (cost > left) break;
    left -= cost;
    end += units;
  }
  return text.slice(0, end);
}

/** Returns the end of a text, at most `maxChars` long, as a copy that keeps no longer text alive. */
export function lastChars(text: string, maxChars: number): string {
  const from = text.length - maxChars;
  const value: unknown = JSON.parse(
    JSON.stringify(text.slice(isPair(text, from - 1) ? from + 1 : from)),
  );
  return String(value);
}

/** Returns the longest end whose JSON takes at most `room` characters, without its quotes. */
export function lastJsonChars(text: string, room: number): string {
  let start = text.length;
  let left = room;
  while (start > 0) {
    const units = isPair(text, start - 2) ? 2 : 1;
    const cost = units === 2 ? 2 : unitCost(text.charCodeAt(start - 1));
    if (cost > left) break;
    left -= cost;
    start -= units;
  }
  return text.slice(start);
}

function isPair(text: string, at: number): boolean {
  return isHighSurrogate(text.charCodeAt(at)) && isLowSurrogate(text.charCodeAt(at + 1));
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

const SHORT_ESCAPES = new Set([...'\b\t\n\f\r"\\'].map((char) => char.charCodeAt(0)));

function unitCost(unit: number): number {
  if (SHORT_ESCAPES.has(unit)) return 2;
  return unit < 0x20 || isHighSurrogate(unit) || isLowSurrogate(unit) ? 6 : 1;
}

/**
 * Commands to a terminal (ECMA-48): CSI with its parameters, the strings of OSC, DCS, SOS, PM and
 * APC up to their terminator, and escapes of two characters.
 */
const TERMINAL_COMMANDS =
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]/g;

/** Control characters of both sets, and other characters that readers take for a line end. */
const BREAKS = /[\p{Cc}\u2028\u2029]+/gu;

/**
 * Characters that show nothing, or change how others show: zero-width and bidirectional controls,
 * tags, fillers, annotations, and lone surrogates. The two selectors that tell an emoji from a
 * plain sign stay.
 */
const INVISIBLE = /(?![\ufe0e\ufe0f])[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb\p{Cs}]/gu;

/** A text with nothing to strip, as nearly all are. */
const PLAIN = /^[\x20-\x7e]*$/;

/**
 * Returns a foreign text as one line that shows what it says, for progress, terminals, text logs
 * and sentences of this program. Terminal commands and invisible characters are removed; control
 * characters and line ends become a blank.
 */
export function plainLine(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(TERMINAL_COMMANDS, "").replace(BREAKS, " ").replace(INVISIBLE, "");
}

/** Returns a foreign text of many lines as {@linkcode plainLine} does; line ends and tabs stay. */
export function plainText(text: string): string {
  const plainTabs = (line: string) => line.split("\t").map(plainLine).join("\t");
  return text.split("\n").map(plainTabs).join("\n");
}

/** Longest type, code or name that the API gives to a thing; the documented ones are shorter. */
const MAX_LABEL_CHARS = 100;

/**
 * Returns a type, code or name from the API in a form that is safe in results, logs and metrics.
 */
export function label(text: string): string {
  return shorten(plainLine(text), MAX_LABEL_CHARS);
}

const ESCAPED =
  /[\x7f-\x9f\u2028\u2029]|(?![\ufe0e\ufe0f])[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;

/**
 * Escapes in JSON text the characters that JSON allows but a terminal or a log viewer acts on; the
 * value stays the same. JSON itself escapes the first set of control characters.
 */
export function printableJson(json: string): string {
  return json.replace(ESCAPED, escapeUnits);
}

/**
 * Escapes U+0085, U+2028 and U+2029 in JSON text; the value stays the same. Readers that split by
 * lines, such as Python's `splitlines`, take them for line ends, which end a message.
 */
export function singleLineJson(json: string): string {
  return json.replace(/[\x85\u2028\u2029]/g, escapeUnits);
}

/**
 * Every character but the blank that shows nothing, shows as one, or changes how others show:
 * controls, formats (bidirectional, zero-width, tags), separators, lone surrogates, private and
 * unassigned code points, variation selectors, fillers, and the empty Braille pattern.
 */
const UNSEEN = /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Marks beyond those that one letter of any script has: stacked, they would cover other lines. */
const STACKED_MARKS = /(?<=\p{M}{4})\p{M}+/gu;

/**
 * Escapes as `\uXXXX` each character that a reader would not see, or that would hide others, and
 * drops none: for texts that a person decides on. In JSON text the value stays the same.
 */
export function escapeUnseen(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(UNSEEN, escapeUnits).replace(STACKED_MARKS, escapeUnits);
}

/** What {@linkcode showUnseen} escapes: controls but the tab, and what {@linkcode INVISIBLE} has. */
const UNSEEN_IN_LINE =
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]|(?![\ufe0e\ufe0f])[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb\p{Cs}]/gu;

/**
 * Escapes as `\uXXXX` each control, each character that is invisible or changes how others show,
 * and marks that would cover other lines, and drops none: for a line of a text that is read. Tabs
 * and the blanks of all scripts stay.
 */
export function showUnseen(line: string): string {
  if (PLAIN.test(line)) return line;
  return line.replace(UNSEEN_IN_LINE, escapeUnits).replace(STACKED_MARKS, escapeUnits);
}

/**
 * Returns a text without line ends, or its beginning and its end. A line between the two says how
 * many characters are left out: the text cannot forge it.
 */
export function clipMiddle(
  text: string,
  headChars: number,
  tailChars: number,
): { readonly text: string; readonly leftOut: number } {
  if (text.length <= headChars + tailChars) return { text, leftOut: 0 };
  const head = firstChars(text, headChars);
  const tail = lastChars(text, tailChars);
  const leftOut = text.length - head.length - tail.length;
  return { text: `${head}\n[${leftOut} characters left out]\n${tail}`, leftOut };
}

function escapeUnits(char: string): string {
  return char.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/** Bytes that are encoded at once, a multiple of three: a function takes only so many arguments. */
const PIECE_BYTES = 3 * 4_096;

/** Encodes bytes as base64 (RFC 4648, section 4); Node 24 has no `toBase64()`. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + PIECE_BYTES)));
  }
  return text;
}

/** Encodes bytes as base64url (RFC 4648, section 5) without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/**
 * Decodes base64url without padding.
 *
 * @throws if {@linkcode toBase64Url} does not make such a text
 */
export function fromBase64Url(text: string): Uint8Array {
  if (!/^[\w-]*$/.test(text)) throw new SyntaxError("Not base64url");
  const bytes = Uint8Array.from(
    atob(text.replaceAll("-", "+").replaceAll("_", "/")),
    (byte) => byte.charCodeAt(0),
  );
  // The last character may have bits beyond the last byte, which `atob` passes over.
  if (toBase64Url(bytes) !== text) throw new SyntaxError("Not base64url");
  return bytes;
}
