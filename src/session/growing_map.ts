/**
 * A map that only grows, of which every version stays what it is. Versions share what they hold, so
 * that adding to the newest costs the same however large it is: a turn's state is copied for every
 * event, and long sessions have many.
 *
 * @module
 */

interface Entry<V> {
  readonly index: number;
  readonly value: V;
}

/** See the module. Entries are in the order in which they were added. */
export class GrowingMap<V> {
  /** Also holds what later versions have added. */
  readonly #shared: Map<string, Entry<V>>;
  readonly size: number;

  private constructor(shared: Map<string, Entry<V>>, size: number) {
    this.#shared = shared;
    this.size = size;
  }

  static empty<V>(): GrowingMap<V> {
    return new GrowingMap<V>(new Map(), 0);
  }

  has(key: string): boolean {
    return this.#entry(key) !== undefined;
  }

  get(key: string): V | undefined {
    return this.#entry(key)?.value;
  }

  /** The map with one entry more; this one if it has the key already. */
  with(key: string, value: V): GrowingMap<V> {
    if (this.has(key)) return this;
    // Another version has gone on from here: its entries are not this one's.
    const shared = this.#shared.size === this.size
      ? this.#shared
      : new Map([...this.#shared].slice(0, this.size));
    shared.set(key, { index: this.size, value });
    return new GrowingMap(shared, this.size + 1);
  }

  *keys(): Generator<string> {
    for (const [key, { index }] of this.#shared) {
      if (index >= this.size) return;
      yield key;
    }
  }

  #entry(key: string): Entry<V> | undefined {
    const entry = this.#shared.get(key);
    return entry && entry.index < this.size ? entry : undefined;
  }
}
