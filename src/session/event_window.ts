/**
 * The part of a log that one answer shows, gathered oldest event first.
 *
 * @module
 */

import { beginsTurn, fullerEvent } from "../api/event_pages.ts";
import { isQueued, type SessionEvent } from "../api/events.ts";

/**
 * The page on which an event stands. Of an ascending listing its cursor and size; of a descending
 * one the cursors of all pages from the newest on, and which of them it is.
 */
export type Position =
  | { readonly order: "asc"; readonly page: string | undefined; readonly limit: number }
  | {
    readonly order: "desc";
    readonly pages: readonly (string | undefined)[];
    readonly index: number;
  };

/** A stretch of the log, oldest event first. */
export interface EventStretch {
  readonly events: readonly SessionEvent[];
  readonly hasMore: boolean;
  /**
   * The newest event that the type filter left out after the last shown one: reading on from there
   * loses nothing.
   */
  readonly tailId?: string;
  /** Where an event of this stretch stands; undefined where that will not last. */
  positionOf(eventId: string): Position | undefined;
}

/** Gathers a stretch of at most `limit` events, each once. */
export class EventWindow {
  readonly #events: SessionEvent[] = [];
  /**
   * Not taken up yet: they have no lasting place, and are shown at the end of the log only, or where
   * something that happened stands before and after them.
   */
  #queued: SessionEvent[] = [];
  /** Where the events of the answer that have an id stand in it. */
  readonly #indexes = new Map<string, number>();
  /** Of the events of the answer. */
  readonly #positions = new Map<string, Position>();
  readonly #limit: number;
  readonly #afterId: string | undefined;
  #cut = false;
  #tail: { readonly id: string; readonly position: Position } | undefined;

  /** @param afterId the event that the stretch comes after, if any; it is not part of it */
  constructor(limit: number, afterId?: string) {
    this.#limit = limit;
    this.#afterId = afterId;
  }

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  /** Whether more events would not be shown. */
  get full(): boolean {
    return this.#events.length >= this.#limit;
  }

  /** Adds an event of the answer. */
  add(event: SessionEvent, position: Position): void {
    const { id } = event;
    if (id && (id === this.#afterId || this.#isKnown(id, event))) return;
    if (isQueued(event)) {
      this.#queued.push(event);
      return;
    }
    // A log begins with an input: one that a turn follows is that one, never stamped.
    const isFirst = this.isEmpty && this.#afterId === undefined;
    const between = isFirst && !beginsTurn(event) ? [] : this.#queued;
    if (this.#events.length + between.length >= this.#limit) {
      this.#cut = true;
      return;
    }
    for (const placed of [...between, event]) {
      if (placed.id) this.#indexes.set(placed.id, this.#events.length);
      this.#events.push(placed);
    }
    if (between.length > 0) this.#queued = [];
    this.#tail = undefined;
    if (id) this.#positions.set(id, position);
  }

  /** Whether the answer has the event; it then has the fuller version of it. */
  #isKnown(id: string, event: SessionEvent): boolean {
    const index = this.#indexes.get(id);
    const known = index === undefined ? undefined : this.#events[index];
    if (index !== undefined && known) {
      this.#events[index] = fullerEvent(known, event);
      return true;
    }
    const queued = this.#queued.findIndex((other) => other.id === id);
    if (queued < 0) return false;
    if (isQueued(event)) return true;
    this.#queued.splice(queued, 1);
    return false;
  }

  /** Goes past an event that the answer leaves out: only the last one is remembered. */
  pass(id: string, position: Position): void {
    if (!this.#cut) this.#tail = { id, position };
  }

  /** @param more whether the log goes on after what was gathered */
  stretch(more: boolean): EventStretch {
    const room = this.#limit - this.#events.length;
    const alone = this.isEmpty && this.#queued.length > 0;
    // Queued events have no cursor to read on from: they are shown when all of them fit, or alone.
    const fit = alone || this.#queued.length <= room;
    const goesOn = more || this.#cut;
    return {
      events: fit && (alone || !goesOn)
        ? [...this.#events, ...this.#queued.slice(0, room)]
        : this.#events,
      hasMore: !alone && (goesOn || !fit),
      ...(this.#tail && { tailId: this.#tail.id }),
      positionOf: (eventId) => {
        const position = this.#tail?.id === eventId
          ? this.#tail.position
          : this.#positions.get(eventId);
        // The newest page of a descending listing moves as events come.
        return position?.order === "desc" && position.index === 0 ? undefined : position;
      },
    };
  }
}
