import { type Clock, sleepWith } from "../../src/core/clock.ts";

/** A clock that runs faster than real time, and counts its timers. */
export interface FastClock extends Clock {
  /** The number of timers that are set and have not run. */
  readonly pendingTimers: number;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** While timers are set, the clock is read this often, in real milliseconds. */
const TICK_MS = 10;
/**
 * Most real milliseconds that pass for the clock between two readings. A process that comes late to
 * its tick was held up, and what came over its sockets meanwhile has not been read: were the time
 * counted, bounds would run out before that, the sooner the faster the clock is.
 */
export const MAX_STEP_MS = 2 * TICK_MS;

/**
 * Makes a clock on which `speed` seconds pass in one real second, or fewer: time in which the process
 * is held up does not count.
 */
export function fastClock(speed: number): FastClock {
  let readAt = performance.now();
  let time = performance.timeOrigin + readAt;
  let tick: ReturnType<typeof setTimeout> | undefined;
  const timers = new Set<Timer>();
  const now = () => {
    const real = performance.now();
    time += Math.min(real - readAt, MAX_STEP_MS) * speed;
    readAt = real;
    return time;
  };
  const plan = () => {
    clearTimeout(tick);
    tick = undefined;
    if (timers.size === 0) return;
    let next = Infinity;
    for (const { at } of timers) next = Math.min(next, at);
    tick = setTimeout(runDue, Math.min(TICK_MS, Math.max(0, (next - now()) / speed)));
  };
  const runDue = () => {
    const reached = now();
    const due = [...timers].filter(({ at }) => at <= reached).sort((a, b) => a.at - b.at);
    try {
      for (const timer of due) if (timers.delete(timer)) timer.run();
    } finally {
      plan();
    }
  };
  const after = (ms: number, run: () => void): () => void => {
    const timer = { at: now() + ms, run };
    timers.add(timer);
    plan();
    return () => {
      if (timers.delete(timer) && timers.size === 0) plan();
    };
  };
  return {
    now,
    wallTime: now,
    after,
    sleep: (ms, signal) => sleepWith(after, ms, signal),
    get pendingTimers() {
      return timers.size;
    },
  };
}

/**
 * Makes a clock for what uses real sockets: durations are real but for time in which the process is
 * held up, and dates are the machine's.
 */
export function steadyClock(): FastClock {
  const clock = fastClock(1);
  return {
    ...clock,
    wallTime: () => Date.now(),
    get pendingTimers() {
      return clock.pendingTimers;
    },
  };
}
