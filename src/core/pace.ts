/**
 * A token bucket in time: work that nobody asked for right now keeps to a rate.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** The rate that {@linkcode createPace} keeps. */
export interface PaceOptions {
  readonly clock: Clock;
  /** Tokens that come back every minute, evenly. */
  readonly perMinute: number;
  /** Tokens that can be spent at once after a rest. */
  readonly burst: number;
}

/** Hands out tokens in the order in which they were asked for. */
export interface Pace {
  /**
   * Resolves when `tokens` are there, and spends them.
   *
   * @throws the signal's reason when it aborts first; nothing is spent then
   */
  take(tokens: number, signal: AbortSignal): Promise<void>;
}

interface Turn {
  readonly tokens: number;
  readonly grant: () => void;
}

/** A pace that begins with a full bucket. */
export function createPace(options: PaceOptions): Pace {
  const { clock, burst } = options;
  const perMs = options.perMinute / 60_000;
  const queue = new Set<Turn>();
  let tokens = burst;
  let filledAt = clock.now();
  let cancel: (() => void) | undefined;

  function serve(): void {
    cancel?.();
    cancel = undefined;
    const now = clock.now();
    tokens = Math.min(burst, tokens + (now - filledAt) * perMs);
    filledAt = now;
    for (const turn of queue) {
      // More than the bucket holds is granted from a full one, on credit.
      const needed = Math.min(turn.tokens, burst);
      if (tokens < needed) {
        cancel = clock.after(Math.ceil((needed - tokens) / perMs), serve);
        return;
      }
      tokens -= turn.tokens;
      queue.delete(turn);
      turn.grant();
    }
  }

  function take(wanted: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        queue.delete(turn);
        serve();
        reject(signal.reason);
      };
      const turn: Turn = {
        tokens: wanted,
        grant: () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      queue.add(turn);
      serve();
    });
  }

  return { take };
}
