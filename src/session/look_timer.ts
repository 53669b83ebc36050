/**
 * The time of the next look at a session. Every event moves it, so moving it costs nothing: a timer
 * that fires too early is set again.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";

/** See the module. */
export class LookTimer {
  readonly #clock: Clock;
  readonly #look: (signal: AbortSignal) => void;
  #dueAt: number | undefined;
  #firesAt = Infinity;
  #cancelTimer: () => void = () => {};
  #begun: AbortController | undefined;

  /** @param look begins a look; its signal aborts when another time is set, or none */
  constructor(clock: Clock, look: (signal: AbortSignal) => void) {
    this.#clock = clock;
    this.#look = look;
  }

  /** Looks after so many milliseconds, and not at the time set before. */
  set(delayMs: number): void {
    this.#giveUp();
    this.#dueAt = this.#clock.now() + delayMs;
    if (this.#firesAt > this.#dueAt) this.#arm(delayMs);
  }

  /** Sets no time, and leaves no timer. */
  clear(): void {
    this.#giveUp();
    this.#dueAt = undefined;
    this.#firesAt = Infinity;
    this.#cancelTimer();
  }

  #giveUp(): void {
    // A reason of its own would be an error with a stack, for nobody.
    this.#begun?.abort("superseded");
    this.#begun = undefined;
  }

  #arm(delayMs: number): void {
    this.#cancelTimer();
    this.#firesAt = this.#clock.now() + delayMs;
    this.#cancelTimer = this.#clock.after(delayMs, () => this.#fired());
  }

  #fired(): void {
    this.#firesAt = Infinity;
    if (this.#dueAt === undefined) return;
    const earlyMs = this.#dueAt - this.#clock.now();
    if (earlyMs > 0) return this.#arm(earlyMs);
    this.#dueAt = undefined;
    this.#begun = new AbortController();
    this.#look(this.#begun.signal);
  }
}
