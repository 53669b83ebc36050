/**
 * A list sorted by (rank, seq), read in pages.
 *
 * @module
 */

/** A place in the order: by rank, and by seq where ranks are equal. */
export interface Place {
  readonly rank: number;
  readonly seq: number;
}

/** Options of a read of a {@linkcode SortedList}. */
export interface SortedReadOptions<T> {
  readonly order: "asc" | "desc";
  readonly limit: number;
  /** Reads after this place, exclusive, in reading direction. */
  readonly after?: Place;
  /** Least rank wanted; the read begins or stops there. */
  readonly minRank?: number;
  readonly filter?: (item: T) => boolean;
}

function precedes(a: Place, b: Place): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.seq < b.seq);
}

/** A sorted list. Appending and reading a page copy no list, whatever its length. */
export class SortedList<T extends Place> {
  readonly #items: T[] = [];

  get length(): number {
    return this.#items.length;
  }

  get items(): readonly T[] {
    return this.#items;
  }

  insert(item: T): void {
    const last = this.#items.at(-1);
    if (!last || precedes(last, item)) this.#items.push(item);
    else this.#items.splice(this.#firstNotBefore(item), 0, item);
  }

  /** Removes an item; its place must be the one it was inserted with. */
  remove(item: T): void {
    const index = this.#firstNotBefore(item);
    if (this.#items[index] === item) this.#items.splice(index, 1);
  }

  /** Returns the wanted items, at most `limit`, and whether there are more. */
  read(options: SortedReadOptions<T>): { items: T[]; more: boolean } {
    const found: T[] = [];
    const step = options.order === "asc" ? 1 : -1;
    for (let i = this.#start(options); i >= 0 && i < this.#items.length; i += step) {
      const item = this.#items[i];
      if (!item) break;
      if (options.minRank !== undefined && item.rank < options.minRank) {
        if (step < 0) break;
        continue;
      }
      if (options.filter && !options.filter(item)) continue;
      if (found.length === options.limit) return { items: found, more: true };
      found.push(item);
    }
    return { items: found, more: false };
  }

  #start(options: SortedReadOptions<T>): number {
    const { after, minRank } = options;
    if (options.order === "desc") {
      return (after ? this.#firstNotBefore(after) : this.#items.length) - 1;
    }
    const behind = after ? this.#firstNotBefore({ rank: after.rank, seq: after.seq + 1 }) : 0;
    if (minRank === undefined) return behind;
    return Math.max(behind, this.#firstNotBefore({ rank: minRank, seq: -1 }));
  }

  /** Returns the index of the first item that does not precede `place`. */
  #firstNotBefore(place: Place): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const item = this.#items[middle];
      if (item && precedes(item, place)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
