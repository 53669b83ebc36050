/**
 * A session's event history.
 *
 * @module
 */

import { formatMicros } from "./ids.ts";
import { type Place, SortedList } from "./sorted.ts";
import type { WireEvent } from "./wire.ts";

interface Entry extends Place {
  readonly event: WireEvent;
  /** Microseconds of `processed_at`; undefined while queued. */
  readonly micros: number | undefined;
}

/** Options of a read of a {@linkcode SimulatedHistory}. */
export interface EventQuery {
  readonly order: "asc" | "desc";
  readonly limit: number;
  readonly after?: Place;
  /** Event types wanted; all when absent. */
  readonly types?: ReadonlySet<string>;
  /** Bounds of `processed_at` in microseconds, inclusive; a queued event is outside any bounds. */
  readonly minMicros?: number;
  readonly maxMicros?: number;
}

/** A page of events, and the place where the next one begins. */
export interface EventPage {
  readonly events: WireEvent[];
  readonly next: Place | undefined;
}

/** Options of a {@linkcode SimulatedHistory}: its order. */
export interface HistoryOptions {
  /**
   * `processed_at`: sorted by it, so that an event moves when it is stamped; `appended`: in order
   * of arrival.
   */
  readonly order: "processed_at" | "appended";
  /** Place of queued events in the order of `processed_at`. */
  readonly queued: "first" | "last";
}

/** Events by id and in order. Appending is cheap at any length. */
export class SimulatedHistory {
  readonly #options: HistoryOptions;
  readonly #entries = new SortedList<Entry>();
  readonly #byId = new Map<string, Entry>();
  #appended = 0;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Yields every event, in ascending order. */
  *events(): Generator<WireEvent> {
    for (const entry of this.#entries.items) yield entry.event;
  }

  find(id: string): WireEvent | undefined {
    return this.#byId.get(id)?.event;
  }

  /** Adds an event; `micros` is the time in its `processed_at`. */
  append(event: WireEvent, micros: number | undefined): void {
    this.#put(event, micros, this.#appended++);
  }

  /** Stamps a queued event and returns its new version; undefined when no such event is queued. */
  stamp(id: string, micros: number): WireEvent | undefined {
    const entry = this.#byId.get(id);
    if (!entry || entry.micros !== undefined) return undefined;
    this.#entries.remove(entry);
    const event = { ...entry.event, processed_at: formatMicros(micros) };
    this.#put(event, micros, entry.seq);
    return event;
  }

  read(query: EventQuery): EventPage {
    const { types, minMicros, maxMicros } = query;
    const bounded = minMicros !== undefined || maxMicros !== undefined;
    const wanted = ({ event, micros }: Entry) =>
      (!types || types.has(event.type)) &&
      (!bounded || (micros !== undefined && micros >= (minMicros ?? 0) &&
        micros <= (maxMicros ?? Infinity)));
    const sortedByTime = this.#options.order === "processed_at";
    const { items, more } = this.#entries.read({
      order: query.order,
      limit: query.limit,
      after: query.after,
      minRank: sortedByTime ? minMicros : undefined,
      filter: types || bounded ? wanted : undefined,
    });
    const last = items.at(-1);
    return {
      events: items.map((entry) => entry.event),
      next: more && last ? { rank: last.rank, seq: last.seq } : undefined,
    };
  }

  #put(event: WireEvent, micros: number | undefined, seq: number): void {
    const entry = { event, micros, seq, rank: this.#rank(micros, seq) };
    this.#entries.insert(entry);
    this.#byId.set(event.id, entry);
  }

  #rank(micros: number | undefined, seq: number): number {
    if (this.#options.order === "appended") return seq;
    if (micros !== undefined) return micros;
    return this.#options.queued === "last" ? Number.MAX_SAFE_INTEGER : -1;
  }
}

/** A history that shows each change some time after it was made. */
export class TrailingHistory {
  readonly #history: SimulatedHistory;
  readonly #lagMs: number;
  readonly #now: () => number;
  readonly #pending: { readonly from: number; readonly apply: () => void }[] = [];

  /**
   * @param lagMs milliseconds from a change until it shows
   * @param now milliseconds since the epoch
   */
  constructor(options: HistoryOptions, lagMs: number, now: () => number) {
    this.#history = new SimulatedHistory(options);
    this.#lagMs = lagMs;
    this.#now = now;
  }

  append(event: WireEvent, micros: number | undefined): void {
    this.#later(() => this.#history.append(event, micros));
  }

  stamp(id: string, micros: number): void {
    this.#later(() => this.#history.stamp(id, micros));
  }

  /** Returns the history as it shows now. */
  now(): SimulatedHistory {
    const now = this.#now();
    while (this.#pending[0] && this.#pending[0].from <= now) this.#pending.shift()?.apply();
    return this.#history;
  }

  #later(apply: () => void): void {
    this.now();
    this.#pending.push({ from: this.#now() + this.#lagMs, apply });
  }
}
