/**
 * What is running, so that an end can wait for it.
 *
 * @module
 */

/** Counts work that is under way. */
export class InFlight {
  #count = 0;
  readonly #idle = new Set<() => void>();

  get size(): number {
    return this.#count;
  }

  /** Counts `run` until it has settled, and passes on how it does. */
  async track<T>(run: () => Promise<T>): Promise<T> {
    this.#count++;
    try {
      return await run();
    } finally {
      if (--this.#count === 0) {
        for (const resolve of this.#idle) resolve();
        this.#idle.clear();
      }
    }
  }

  /** Resolves when nothing is running, at once when that is so now. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.add(resolve));
  }
}
