/**
 * Ids and times in the API's format, and seeded random numbers.
 *
 * @module
 */

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

function base32(value: number, width: number): string {
  let text = "";
  for (let rest = value, i = 0; i < width; i++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/**
 * Makes a generator of whole numbers from 0 to 2^32 - 1.
 *
 * @param seed gives the same numbers each time; random when absent
 */
export function createNoise(seed = Math.floor(Math.random() * 2 ** 32)): () => number {
  let state = seed >>> 0;
  // Numerical Recipes' linear congruential generator: nothing here must be unguessable.
  return () => state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
}

/** Makes ids: a prefix, an underscore and 26 characters that sort by creation. */
export type MakeId = (prefix: string) => string;

/**
 * Makes a maker of ids.
 *
 * @param now milliseconds since the epoch
 * @param seed gives the same ids for the same times; random when absent
 */
export function createIds(now: () => number, seed?: number): MakeId {
  const noise = createNoise(seed);
  let latest = 0;
  let count = 0;
  return (prefix) => {
    latest = Math.max(latest, Math.floor(now()));
    const tail = base32(noise() >>> 7, 5) + base32(noise() >>> 7, 5);
    return `${prefix}_${base32(latest, 10)}${base32(count++, 6)}${tail}`;
  };
}

/**
 * Makes a source of strictly increasing times, in microseconds since the epoch.
 *
 * @param now milliseconds since the epoch
 */
export function createMicros(now: () => number): () => number {
  let latest = 0;
  return () => latest = Math.max(latest + 1, Math.floor(now() * 1000));
}

/** Formats a time as RFC 3339 in UTC with microseconds. */
export function formatMicros(micros: number): string {
  const millis = Math.floor(micros / 1000);
  const rest = String(micros - millis * 1000).padStart(3, "0");
  return new Date(millis).toISOString().replace("Z", `${rest}Z`);
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** Parses an RFC 3339 time to microseconds since the epoch; undefined for any other text. */
export function parseMicros(text: string): number | undefined {
  const match = RFC_3339.exec(text);
  if (!match) return undefined;
  const fraction = match[1] ?? "";
  const seconds = Date.parse(text.replace(fraction, ""));
  if (Number.isNaN(seconds)) return undefined;
  return seconds * 1000 + Number(fraction.slice(1, 7).padEnd(6, "0"));
}
