/**
 * How often each token may call.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";

/** Counts requests by token name. */
export interface RateLimiter {
  /**
   * Spends requests if there are enough.
   *
   * @param perMinute what comes back every minute, evenly, and the most that can be saved up
   * @param requests how many are spent at once, or none of them: at most `perMinute`, and 1 by
   *   default
   * @returns 0 when they were spent, else the milliseconds after which there will be enough
   */
  take(name: string, perMinute: number, requests?: number): number;
}

const TOLERANCE = 1e-6;

interface Bucket {
  requests: number;
  filledAt: number;
}

/** A token bucket for each name; each begins full. */
export function createRateLimiter(clock: Pick<Clock, "now">): RateLimiter {
  // Names come from the operator's file only, so there are few.
  const buckets = new Map<string, Bucket>();
  return {
    take(name, perMinute, requests = 1) {
      const now = clock.now();
      const perMs = perMinute / 60_000;
      const bucket = buckets.get(name) ?? { requests: perMinute, filledAt: now };
      const refilled = bucket.requests + Math.max(0, now - bucket.filledAt) * perMs;
      bucket.requests = Math.min(perMinute, refilled);
      bucket.filledAt = now;
      buckets.set(name, bucket);
      // Rounding must not refuse who has waited as long as told.
      const missing = requests - bucket.requests - TOLERANCE;
      if (missing > 0) return Math.ceil(missing / perMs);
      bucket.requests -= requests;
      return 0;
    },
  };
}
