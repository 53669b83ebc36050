/**
 * A token bucket, which keeps background work to a rate.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** Options of {@linkcode createTokenBucket}. */
export interface TokenBucketOptions {
  readonly clock: Clock;
  /** Tokens that come back every minute, evenly. */
  readonly perMinute: number;
  /** Tokens that can be spent at once after a rest. */
  readonly burst: number;
  /** Most tokens that {@linkcode TokenBucket.spend} may take beyond an empty bucket; default 0. */
  readonly maxDebt?: number;
}

/** Hands out tokens in the order in which they were asked for. */
export interface TokenBucket {
  /**
   * Resolves when `tokens` are there, and spends them.
   *
   * @param options `patient` lets all other callers go first, and leaves half a burst for later
   * ones
   * @throws the signal's reason when it aborts first; nothing is spent then
   */
  take(tokens: number, signal: AbortSignal, options?: { patient?: boolean }): Promise<void>;
  /** Spends tokens whether they are there or not, for work that could not wait. */
  spend(tokens: number): void;
  /** Grants nothing for `ms` milliseconds, and then starts with an empty bucket. */
  hold(ms: number): void;
}

/** A pending call of `take`. */
interface Claim {
  readonly tokens: number;
  readonly grant: () => void;
}

/** Makes a bucket that is full. */
export function createTokenBucket(options: TokenBucketOptions): TokenBucket {
  const { clock, burst, maxDebt = 0 } = options;
  const perMs = options.perMinute / 60_000;
  const urgent = new Set<Claim>();
  const patient = new Set<Claim>();
  let tokens = burst;
  let filledAt = clock.now();
  let heldUntil = -Infinity;
  let cancel: (() => void) | undefined;

  function fill(): void {
    const now = clock.now();
    const from = Math.max(filledAt, heldUntil);
    if (now > from) tokens = Math.min(burst, tokens + (now - from) * perMs);
    filledAt = now;
  }

  function serve(): void {
    cancel?.();
    cancel = undefined;
    fill();
    const heldMs = Math.max(0, heldUntil - filledAt);
    for (const queue of [urgent, patient]) {
      const reserve = queue === patient ? Math.floor(burst / 2) : 0;
      for (const claim of queue) {
        // A claim for more than the bucket holds is granted from a full bucket, on credit.
        const missing = Math.min(claim.tokens + reserve, burst) - tokens;
        if (heldMs > 0 || missing > 0) {
          cancel = clock.after(heldMs + Math.ceil(Math.max(0, missing) / perMs), serve);
          return;
        }
        tokens -= claim.tokens;
        queue.delete(claim);
        claim.grant();
      }
    }
  }

  function take(
    wanted: number,
    signal: AbortSignal,
    options: { patient?: boolean } = {},
  ): Promise<void> {
    const queue = options.patient ? patient : urgent;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        queue.delete(claim);
        serve();
        reject(signal.reason);
      };
      const claim: Claim = {
        tokens: wanted,
        grant: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      queue.add(claim);
      serve();
    });
  }

  return {
    take,
    spend(count) {
      fill();
      // A claim on credit may already have taken the bucket further below.
      tokens = Math.min(tokens, Math.max(tokens - count, -maxDebt));
    },
    hold(ms) {
      fill();
      tokens = Math.min(tokens, 0);
      heldUntil = Math.max(heldUntil, filledAt + ms);
      serve();
    },
  };
}
