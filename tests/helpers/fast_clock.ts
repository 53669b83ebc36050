import { type Clock, sleepWith } from "../../src/core/clock.ts";

/** A clock that runs faster than real time, and counts its timers. */
export interface FastClock extends Clock {
  /** The number of timers that are set and have not run. */
  readonly pendingTimers: number;
}

/** Makes a clock on which `speed` seconds pass in one real second. */
export function fastClock(speed: number): FastClock {
  const startedAt = performance.now();
  const epochMs = performance.timeOrigin + startedAt;
  let pendingTimers = 0;
  const after = (ms: number, run: () => void): () => void => {
    let pending = true;
    const settle = () => {
      if (!pending) return false;
      pending = false;
      pendingTimers--;
      return true;
    };
    pendingTimers++;
    const timer = setTimeout(() => settle() && run(), ms / speed);
    return () => {
      if (settle()) clearTimeout(timer);
    };
  };
  const now = () => epochMs + (performance.now() - startedAt) * speed;
  return {
    now,
    wallTime: now,
    after,
    sleep: (ms, signal) => sleepWith(after, ms, signal),
    get pendingTimers() {
      return pendingTimers;
    },
  };
}
