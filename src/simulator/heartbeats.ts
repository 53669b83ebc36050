/**
 * Periodic calls for many streams with few timers: those that are due together share one.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";

interface Bucket {
  readonly due: number;
  readonly beats: Set<() => void>;
  readonly cancel: () => void;
}

/** Calls each added function every `periodMs` milliseconds; a period of 0 calls none. */
export class Heartbeats {
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #byDue = new Map<number, Bucket>();
  readonly #byBeat = new Map<() => void, Bucket>();

  constructor(clock: Clock, periodMs: number) {
    this.#clock = clock;
    this.#periodMs = periodMs;
  }

  /** Begins calling `beat`, first after one period; the returned function ends it. */
  add(beat: () => void): () => void {
    if (this.#periodMs <= 0) return () => {};
    this.#schedule(beat);
    return () => this.#remove(beat);
  }

  #schedule(beat: () => void): void {
    const now = this.#clock.now();
    const due = Math.ceil(now + this.#periodMs);
    let bucket = this.#byDue.get(due);
    if (!bucket) {
      bucket = {
        due,
        beats: new Set(),
        cancel: this.#clock.after(due - now, () => this.#ring(due)),
      };
      this.#byDue.set(due, bucket);
    }
    bucket.beats.add(beat);
    this.#byBeat.set(beat, bucket);
  }

  #ring(due: number): void {
    const bucket = this.#byDue.get(due);
    if (!bucket) return;
    this.#byDue.delete(due);
    for (const beat of bucket.beats) this.#schedule(beat);
    for (const beat of bucket.beats) beat();
  }

  #remove(beat: () => void): void {
    const bucket = this.#byBeat.get(beat);
    if (!bucket) return;
    this.#byBeat.delete(beat);
    bucket.beats.delete(beat);
    if (bucket.beats.size > 0) return;
    bucket.cancel();
    this.#byDue.delete(bucket.due);
  }
}
