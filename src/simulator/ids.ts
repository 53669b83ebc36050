/**
 * Ids and times as the API writes them, and the numbers that a seed repeats.
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
 * Makes whole numbers from 0 to 2^32 - 1, the same for the same seed.
 *
 * @param seed random when absent
 */
export function createNoise(seed = Math.floor(Math.random() * 2 ** 32)): () => number {
  let state = seed >>> 0;
  // Numerical Recipes' linear congruential generator: nothing here needs to be unguessable.
  return () => state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
}

/** Makes ids: a prefix, an underscore and 26 characters that sort by creation. */
export type MakeId = (prefix: string) => string;

/**
 * @param now milliseconds since the epoch
 * @param seed the same seed and times give the same ids; random when absent
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
 * Strictly increasing times, in microseconds since the epoch.
 *
 * @param now milliseconds since the epoch
 */
export function createMicros(now: () => number): () => number {
  let latest = 0;
  return () => latest = Math.max(latest + 1, Math.floor(now() * 1000));
}

/** RFC 3339 in UTC with microseconds. */
export function formatMicros(micros: number): string {
  const millis = Math.floor(micros / 1000);
  const rest = String(micros - millis * 1000).padStart(3, "0");
  return new Date(millis).toISOString().replace("Z", `${rest}Z`);
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** Microseconds since the epoch, or undefined when the text is not an RFC 3339 time. */
export function parseMicros(text: string): number | undefined {
  const match = RFC_3339.exec(text);
  if (!match) return undefined;
  const fraction = match[1] ?? "";
  const seconds = Date.parse(text.replace(fraction, ""));
  if (Number.isNaN(seconds)) return undefined;
  return seconds * 1000 + Number(fraction.slice(1, 7).padEnd(6, "0"));
}
