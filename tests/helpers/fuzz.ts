import type fc from "fast-check";

/** Overridden with the environment variable CMA_TEST_SEED; a failure prints the seed to give. */
export const FUZZ_SEED = Number(Deno.env.get("CMA_TEST_SEED") ?? 20261123);

/** Parameters of a property that is tried on random input for at most `limitMs`. */
export function fuzzRuns(limitMs: number): fc.Parameters<unknown> {
  return { seed: FUZZ_SEED, numRuns: 2_000, interruptAfterTimeLimit: limitMs };
}
