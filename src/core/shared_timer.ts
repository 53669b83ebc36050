/**
 * One timer for many waits of the same length, such as the time-outs of requests: nearly all of them
 * are cancelled, and one of the runtime's timers for each costs more than the rest of a time-out.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

interface Wait {
  readonly dueAt: number;
  readonly run: () => void;
}

/** Calls functions after a time that is the same for all of them; see the module. */
export class SharedTimer {
  readonly #clock: Pick<Clock, "now" | "after">;
  readonly #delayMs: number;
  /** In the order in which they are due. */
  readonly #waits = new Set<Wait>();
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Pick<Clock, "now" | "after">, delayMs: number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  /**
   * Calls `run` once when the time is up; the returned function cancels that. `run` must not throw,
   * and must not rely on the asynchronous context of the caller (`AsyncLocalStorage`).
   */
  start(run: () => void): () => void {
    const wait = { dueAt: this.#clock.now() + this.#delayMs, run };
    this.#waits.add(wait);
    if (!this.#cancelTimer) this.#arm(this.#delayMs);
    return () => {
      if (!this.#waits.delete(wait) || this.#waits.size > 0) return;
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
    };
  }

  /**
   * Does as {@linkcode start} does, but after `delayMs`, which is longer than the time of this timer:
   * only what takes that time needs a timer of its own.
   */
  startLonger(delayMs: number, run: () => void): () => void {
    let cancel = this.start(() => {
      cancel = this.#clock.after(delayMs - this.#delayMs, run);
    });
    return () => cancel();
  }

  #arm(delayMs: number): void {
    this.#cancelTimer = this.#clock.after(delayMs, () => this.#runDue());
  }

  #runDue(): void {
    const fired = this.#cancelTimer;
    const now = this.#clock.now();
    for (const wait of this.#waits) {
      if (wait.dueAt > now) break;
      this.#waits.delete(wait);
      wait.run();
    }
    // One that was set meanwhile is early enough for all that wait.
    if (this.#cancelTimer !== fired) return;
    this.#cancelTimer = undefined;
    const [next] = this.#waits;
    if (next) this.#arm(next.dueAt - now);
  }
}
