/**
 * How much room a text takes as JSON, where a control character is six characters long.
 *
 * @module
 */

/** Characters of the JSON text of a value. */
export function jsonLength(value: unknown): number {
  return JSON.stringify(value)?.length ?? 0;
}

/**
 * The longest end of a text whose JSON takes at most `room` characters, quotes not counted. Never
 * begins with half a character.
 */
export function jsonTail(text: string, room: number): string {
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

/** The beginning of a text, at most `maxChars` UTF-16 units, never ending with half a character. */
export function head(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  return text.slice(0, isPair(text, maxChars - 1) ? maxChars - 1 : maxChars);
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
