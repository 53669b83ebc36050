/**
 * Pauses between retries.
 *
 * @module
 */

/** Bounds of an exponential back-off, in milliseconds. */
export interface BackoffOptions {
  /** Pause after the first failure, before jitter. */
  readonly baseMs: number;
  /** Longest pause. */
  readonly capMs: number;
  /** Uniform random number in [0, 1); inject for tests. */
  readonly random?: () => number;
}

/**
 * Returns the pause before a retry: `base · 2^attempt`, capped. The upper half is random, so that
 * callers that failed together do not retry together.
 *
 * @param attempt failures so far, 0 for the first
 * @returns milliseconds in [ceiling / 2, ceiling]
 */
export function backoffMs(attempt: number, options: BackoffOptions): number {
  const ceiling = Math.min(options.capMs, options.baseMs * 2 ** Math.min(attempt, 30));
  const random = options.random ?? Math.random;
  return ceiling / 2 + (ceiling / 2) * random();
}

/** Returns a pause in whole seconds, for texts and headers that say when to try again: at least 1. */
export function retrySeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}
