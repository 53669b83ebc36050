/**
 * Suggestions for misspelt names.
 *
 * @module
 */

/** Counts the edits (insert, delete, replace, swap neighbours) that turn one text into the other. */
export function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number) => rows[row]?.[column] ?? Infinity;
  for (let i = 1; i <= from.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1));
      if (i > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        best = Math.min(best, at(i - 2, j - 2) + 1);
      }
      rows[i]?.push(best);
    }
  }
  return at(from.length, to.length);
}

/** Returns the candidate nearest to `typed`, if one is near enough to be meant. */
export function nearest(typed: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(typed.length / 3));
  let best: { name: string; distance: number } | undefined;
  for (const name of candidates) {
    // Part of a name is a better match than its distance says.
    const distance = typed.length > 2 && name.includes(typed) ? 1 : editDistance(typed, name);
    if (distance <= limit && (!best || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
}

/**
 * Returns true for a name that was probably meant for the real one: two edits away, its beginning,
 * with more or fewer words before or behind it, in other cases or signs, or with another unit of
 * time.
 *
 * @param real words of lower case with `_` between them
 */
export function looksLike(name: string, real: string): boolean {
  const words = wordsOf(name);
  const key = words.join("_");
  if (key.length >= MIN_ABBREVIATION && real.startsWith(key)) return true;
  if (Math.abs(key.length - real.length) <= MAX_EDITS && editDistance(key, real) <= MAX_EDITS) {
    return true;
  }
  const realWords = wordsOf(real);
  const [short, long] = words.length < realWords.length ? [words, realWords] : [realWords, words];
  const isSame = (word: string, other: string | undefined) =>
    word === other || (UNIT.test(word) && UNIT.test(other ?? ""));
  return short.length > 0 &&
    (short.every((word, at) => isSame(word, long[at])) ||
      short.every((word, at) => isSame(word, long[long.length - short.length + at])));
}

const MAX_EDITS = 2;
const MIN_ABBREVIATION = 3;

/** Units of time, as names of durations end. */
const UNIT = /^(s|secs?|seconds?|ms|msecs?|millis|milliseconds?|mins?|minutes?)$/;

/** Splits a name, however it is put together, into its words in lower case. */
export function wordsOf(name: string): string[] {
  return name.replace(/([a-z\d])([A-Z])/g, "$1_$2").toLowerCase().split(/[^a-z\d]+/)
    .filter(Boolean);
}
