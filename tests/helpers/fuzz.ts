/**
 * Gives property tests fast-check with a seed, so that every failure says how to repeat it. No
 * other file imports fast-check.
 *
 * ```sh
 * CMA_TEST_SEED=7 deno test -P=test tests/property/     # this seed
 * CMA_TEST_SEED=random deno test -P=test tests/property/ # another one each time
 * ```
 *
 * @module
 */

import fc from "fast-check";

export { fc };

const DEFAULT_SEED = 20_261_123;

/** Returns the seed that `CMA_TEST_SEED` asks for, a 32-bit integer. */
export function chooseSeed(given: string | undefined): number {
  if (given === undefined || given === "") return DEFAULT_SEED;
  if (given === "random") return Math.floor(Math.random() * 2 ** 31);
  const seed = Number(given);
  if (Number.isInteger(seed)) return seed | 0;
  throw new RangeError(`CMA_TEST_SEED is neither an integer nor "random": ${given}`);
}

/** The seed of property tests, and of everything else that is random in a test. */
export const FUZZ_SEED = chooseSeed(Deno.env.get("CMA_TEST_SEED"));

/** Returns the command that runs a test with this seed again. */
export function again(seed: number): string {
  return `Again: CMA_TEST_SEED=${seed} deno test -P=test <this file>`;
}

/** Makes the error of a property that fails: fast-check's report, and how to repeat it. */
export function failureReport<T>(details: fc.RunDetails<T>): Error {
  return new Error(`${fc.defaultReportMessage(details)}\n\n${again(details.seed)}`, {
    cause: details.errorInstance,
  });
}

fc.configureGlobal({
  seed: FUZZ_SEED,
  reporter: (details) => {
    if (details.failed) throw failureReport(details);
  },
});

/** Returns parameters that try a property on random input for at most `limitMs` milliseconds. */
export function fuzzRuns(limitMs: number): fc.Parameters<unknown> {
  return { numRuns: 2_000, interruptAfterTimeLimit: limitMs };
}

/**
 * Checks an asynchronous property, as `fc.assert` does, and then waits for the run that the time limit
 * cut off: what still goes on when a test ends counts as its leak.
 */
export async function assertAsync<T>(
  property: fc.IAsyncProperty<T>,
  parameters: fc.Parameters<unknown>,
): Promise<void> {
  const run = property.run.bind(property);
  let last: Promise<unknown> | undefined;
  property.run = (value) => {
    const running = run(value);
    last = running;
    return running;
  };
  try {
    await fc.assert(property, parameters);
  } finally {
    await last;
  }
}

/**
 * Any character, often an ASCII one. The unit "binary" of `fc.string` gives the same, but first
 * builds a table of all characters, which takes a second.
 */
export const anyCharacter: fc.Arbitrary<string> = fc.oneof(
  fc.nat({ max: 0x7f }),
  fc.nat({ max: 0x10_ffff - 0x800 }),
).map((place) => String.fromCodePoint(place < 0xd800 ? place : place + 0x800));

/**
 * Makes JSON values that survive the way to text and back: unlike `fc.jsonValue`, no negative zero,
 * which becomes 0.
 */
export function jsonValue(constraints?: fc.JsonSharedConstraints): fc.Arbitrary<fc.JsonValue> {
  return fc.jsonValue(constraints).map((value) => JSON.parse(JSON.stringify(value)));
}
