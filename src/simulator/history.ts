/**
 * A session's event history.
 *
 * @module
 */

import { formatMicros } from "./ids.ts";
import { type Place, SortedList } from "./sorted.ts";
import type { WireEvent, WireObject } from "./wire.ts";

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

  /** Changes fields of an event, which keeps its place. */
  rewrite(id: string, fields: WireObject): void {
    const entry = this.#byId.get(id);
    if (!entry) return;
    this.#entries.remove(entry);
    this.#put({ ...entry.event, ...fields, id, type: entry.event.type }, entry.micros, entry.seq);
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

const CALLS = new Set(["agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use"]);

/** Options of a {@linkcode TrailingHistory}. Durations are milliseconds. */
export interface TrailingOptions {
  /** Time from a change until it shows. */
  readonly listLagMs: number;
  /** Time by which tool calls show later than that. */
  readonly callLagMs: number;
  /** Returns milliseconds since the epoch. */
  readonly now: () => number;
}

/** A history that shows each change some time after it was made. */
export class TrailingHistory {
  readonly #history: SimulatedHistory;
  readonly #lags: TrailingOptions;
  /** Changes to come, by the time when they show. */
  readonly #pending: { readonly from: number; readonly apply: () => void }[] = [];

  constructor(options: HistoryOptions, lags: TrailingOptions) {
    this.#history = new SimulatedHistory(options);
    this.#lags = lags;
  }

  append(event: WireEvent, micros: number | undefined): void {
    const more = CALLS.has(event.type) ? this.#lags.callLagMs : 0;
    this.#later(() => this.#history.append(event, micros), more);
  }

  rewrite(id: string, fields: WireObject): void {
    this.#later(() => this.#history.rewrite(id, fields), this.#lags.callLagMs);
  }

  stamp(id: string, micros: number): void {
    this.#later(() => this.#history.stamp(id, micros));
  }

  /** Returns the history as it shows now. */
  now(): SimulatedHistory {
    const now = this.#lags.now();
    while (this.#pending[0] && this.#pending[0].from <= now) this.#pending.shift()?.apply();
    return this.#history;
  }

  #later(apply: () => void, moreMs = 0): void {
    this.now();
    const from = this.#lags.now() + this.#lags.listLagMs + moreMs;
    const after = this.#pending.findLastIndex((change) => change.from <= from);
    this.#pending.splice(after + 1, 0, { from, apply });
  }
}
