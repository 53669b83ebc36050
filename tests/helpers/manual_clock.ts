import { type Clock, sleepWith } from "../../src/core/clock.ts";
import { steadyClock } from "./fast_clock.ts";
import { threadsRest } from "./thread_work.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * Real milliseconds, but for those in which the process is held up, until a promise has to settle with
 * nothing due: the runtime imports modules, and reads from sockets.
 */
const PATIENCE_MS = 20_000;

/**
 * A clock that moves only when a test moves it; timers due at the same time run in the order set.
 */
export class ManualClock implements Clock {
  #now: number;
  #correctionMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(startMs = Date.parse("2026-11-23T09:00:00.000Z")) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now + this.#correctionMs;
  }

  /** Moves the wall clock forward, or back, without time passing: a correction, a suspend. */
  correct(ms: number): void {
    this.#correctionMs += ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepWith((delay, run) => this.after(delay, run), ms, signal);
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Counts the timers that are set and have not run: 0 after a clean end. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Moves time forward by `ms`, runs what falls due, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    await settle();
    for (let timer = this.#next(target); timer; timer = this.#next(target)) {
      this.#now = Math.max(this.#now, timer.at);
      this.#timers.delete(timer);
      timer.run();
      await settle();
    }
    // Another one may have moved it further meanwhile.
    this.#now = Math.max(this.#now, target);
  }

  /**
   * Advances, timer by timer, until `promise` settles or `limitMs` have passed.
   *
   * @param settles how often promises may settle before time moves: more where much is done at once
   */
  async runUntil<T>(promise: Promise<T>, limitMs = 3_600_000, settles = 2): Promise<T> {
    let settled = false;
    promise.then(() => settled = true, () => settled = true);
    const end = this.#now + limitMs;
    const calm = async () => {
      for (let times = 0; times < settles && !settled; times++) await settle();
    };
    await calm();
    while (!settled) {
      const timer = this.#next(end);
      if (!timer) {
        // What is read from a stream may take some turns of the event loop, and then set a timer.
        const real = steadyClock();
        const givenUpAt = real.now() + PATIENCE_MS;
        while (real.now() < givenUpAt && !settled && !this.#next(end)) {
          await settle();
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        if (settled || this.#next(end)) continue;
        throw new Error(`The promise has not settled at ${this.#now}, and no timer is due`);
      }
      await this.advance(timer.at - this.#now);
      await calm();
    }
    return await promise;
  }

  #next(limit: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > limit) continue;
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }
}

/** Lets every promise and stream callback that is ready run to its end, and what threads do for them. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    for (let i = 0; i < 12; i++) await Promise.resolve();
    await threadsRest();
    await new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        port2.close();
        resolve();
      };
      port2.postMessage(0);
    });
  }
}
