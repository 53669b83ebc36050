/**
 * The events of one session as far as they are known, in the API's order, each once.
 *
 * @module
 */

import type { LogEvent } from "./log_event.ts";

/**
 * Merges history and stream by id. An event that was queued (`processed_at` null) comes again
 * stamped, under the same id: both are kept, each at the place where it arrived, since the second
 * is news of its own. Everything else that comes again is dropped.
 */
export class EventLog {
  #entries: LogEvent[] = [];
  readonly #seen = new Map<string, { queued: boolean }>();
  #epoch = 0;

  /** In the API's order, oldest first. */
  get entries(): readonly LogEvent[] {
    return this.#entries;
  }

  /** Grows whenever entries are put before known ones: a fold must then start over. */
  get epoch(): number {
    return this.#epoch;
  }

  has(key: string): boolean {
    return this.#seen.has(key);
  }

  /** Adds an event at the end; false when it says nothing new. */
  add(event: LogEvent): boolean {
    const seen = this.#seen.get(event.key);
    if (seen && (event.queued || !seen.queued)) return false;
    this.#seen.set(event.key, { queued: event.queued });
    this.#entries.push(event);
    return true;
  }

  /** Puts older events, oldest first, before the known ones. */
  prepend(older: readonly LogEvent[]): void {
    const fresh = older.filter((event) => !this.#seen.has(event.key));
    for (const event of fresh) this.#seen.set(event.key, { queued: event.queued });
    this.#entries = [...fresh, ...this.#entries];
    this.#epoch++;
  }
}

/**
 * Queued events last: where a list puts them is not specified, and what is queued has by
 * definition not happened yet.
 */
export function queuedLast(events: readonly LogEvent[]): LogEvent[] {
  return [...events.filter((event) => !event.queued), ...events.filter((event) => event.queued)];
}
