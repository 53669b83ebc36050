/**
 * A timer that is moved often, such as by every event or byte, at the cost of reading the clock: a
 * timer that fires too early is set again.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** A timer that is cheap to move; see the module. */
export class MovableTimer {
  readonly #clock: Clock;
  readonly #run: () => void;
  #dueAt = Infinity;
  #firesAt = Infinity;
  #cancel: () => void = () => {};

  constructor(clock: Clock, run: () => void) {
    this.#clock = clock;
    this.#run = run;
  }

  /** Runs once after `delayMs` milliseconds, in place of the time that was set before. */
  set(delayMs: number): void {
    this.#dueAt = this.#clock.now() + delayMs;
    if (this.#dueAt < this.#firesAt) this.#arm(delayMs);
  }

  /** Cancels the timer. */
  clear(): void {
    this.#cancel();
    this.#firesAt = Infinity;
  }

  #arm(delayMs: number): void {
    this.#cancel();
    this.#firesAt = this.#clock.now() + delayMs;
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#firesAt = Infinity;
      const earlyMs = this.#dueAt - this.#clock.now();
      if (earlyMs > 0) this.#arm(earlyMs);
      else this.#run();
    });
  }
}
