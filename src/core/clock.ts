/**
 * Time as a dependency: all code that waits takes a {@linkcode Clock}, so that tests never sleep.
 *
 * @module
 */

/** A source of time. Durations are milliseconds. */
export interface Clock {
  /**
   * Milliseconds of monotonic time. Only differences are meaningful: the system clock may have been
   * corrected since the process began, and on Linux this time stands still while the machine
   * sleeps.
   */
  now(): number;
  /**
   * Milliseconds since the Unix epoch by the system clock: for dates from elsewhere and for log
   * lines. It may jump either way, so it measures no duration.
   */
  wallTime(): number;
  /**
   * Resolves after `ms` milliseconds (at once for values ≤ 0).
   *
   * @throws the signal's reason when it is, or becomes, aborted; no timer is left behind
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` once after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** Builds `sleep` from `after`, so that every clock treats signals alike. */
export function sleepWith(
  after: Clock["after"],
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = after(Math.max(0, ms), () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function afterRealTime(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  wallTime: () => Date.now(),
  sleep: (ms, signal) => sleepWith(afterRealTime, ms, signal),
  after: afterRealTime,
};
