/**
 * When a failed request is tried again, and after what pause.
 *
 * @module
 */

import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { ApiError } from "./api_error.ts";
import { ResponseError } from "./failures.ts";

/** Tries of a safe request, the first included. */
export const MAX_TRIES = 3;

/** Pauses between tries, in milliseconds, where the API does not name one. */
const BACKOFF = { baseMs: 500, capMs: 8_000 } as const;

/** Whether the same safe request may succeed when repeated; `x-should-retry` has the last word. */
export function shouldRetry(error: unknown): error is ApiError {
  if (!(error instanceof ApiError)) return false;
  if (error.kind === "timeout") return false;
  if (error instanceof ResponseError && error.shouldRetry !== undefined) return error.shouldRetry;
  return error.retryable;
}

/**
 * A read that told nothing but that its connection may be dead: it fell silent, or broke when it
 * may have been used before.
 */
export class DeadConnectionError extends Error {
  override name = "DeadConnectionError";
  /** What the call fails with if a fresh connection does not help. */
  readonly error: ApiError;

  constructor(error: ApiError) {
    super(error.message, { cause: error });
    this.error = error;
  }
}

/** What {@linkcode withRetries} needs. */
export interface RetryOptions {
  /** Tries in all, ≥ 1, less the one that the first {@linkcode DeadConnectionError} gives. */
  readonly tries: number;
  readonly clock: Clock;
  /** Ends a pause. */
  readonly signal: AbortSignal;
  /** When the call's time is up, in milliseconds since the epoch. */
  readonly deadlineAt: number;
  /** Uniform random number in [0, 1). */
  readonly random?: () => number;
  /** Told before each pause. */
  readonly onRetry?: (error: ApiError, attempt: number, delayMs: number) => void;
}

/**
 * Runs until it succeeds, fails for good or has used its tries. The first dead connection is followed
 * by a try at once, which the caller sends on a fresh one. A pause that the deadline would
 * cut short is not begun: the failure at hand says more than a time-out later.
 *
 * @param run gets the number of the try, 0 for the first
 * @throws the last failure, or the signal's reason when it aborts a pause
 */
export async function withRetries<T>(
  run: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { tries, clock, signal, deadlineAt, random, onRetry } = options;
  let failures = 0;
  let triedAfresh = false;
  for (let attempt = 0;; attempt++) {
    try {
      return await run(attempt);
    } catch (thrown) {
      const dead = thrown instanceof DeadConnectionError;
      const error = dead ? thrown.error : thrown;
      if (dead && !triedAfresh && !signal.aborted) {
        triedAfresh = true;
        onRetry?.(thrown.error, attempt, 0);
        continue;
      }
      if (signal.aborted || ++failures >= tries || !shouldRetry(error)) throw error;
      const delayMs = error.retryAfterMs ?? backoffMs(failures - 1, { ...BACKOFF, random });
      if (clock.now() + delayMs >= deadlineAt) throw error;
      onRetry?.(error, attempt, delayMs);
      await clock.sleep(delayMs, signal);
    }
  }
}
