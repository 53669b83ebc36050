/**
 * Time as a dependency: all code of the simulator that waits takes a clock.
 *
 * @module
 */

/** A source of time, in milliseconds. */
export interface SimulatorClock {
  /** Monotonic time; only differences are meaningful. */
  now(): number;
  /** Time since the Unix epoch, for the dates that the API shows. */
  wallTime(): number;
  /**
   * Resolves after `ms` milliseconds.
   *
   * @throws the signal's reason when it is, or becomes, aborted
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` once after `ms` milliseconds; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
}

/**
 * Settles like the promise, unless the signal aborts first.
 *
 * @throws the signal's reason; the abandoned promise's own rejection is then ignored
 */
export function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

/** The clock of the machine. */
export const realClock: SimulatorClock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after,
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    let cancel = () => {};
    const slept = new Promise<void>((resolve) => cancel = after(Math.max(0, ms), resolve));
    try {
      await (signal ? raceAbort(slept, signal) : slept);
    } finally {
      cancel();
    }
  },
};
