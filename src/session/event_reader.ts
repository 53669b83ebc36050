/**
 * Reads a session's events forward from any event, for `list_events`.
 *
 * The API pages by opaque cursors and has no "after this event" filter. So the page of an event is
 * remembered where it was read before, and otherwise found by going back from the newest event: the
 * cost grows with what is new, not with the session.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import { FULL_PAGE } from "../api/event_list.ts";
import { beginsTurn, fullerEvent, isQueued, type SessionEvent } from "../api/events.ts";
import { leftOutOf } from "../api/json.ts";
import { CursorTrail } from "../api/pages.ts";
import type { CallOptions, ListEventsParams, ManagedAgentsApi } from "../api/types.ts";
import { ToolError } from "../core/errors.ts";
import { LruMap } from "../core/lru.ts";
import type { TokenBucket } from "../core/token_bucket.ts";
import { cursorIds, textPlaceOf } from "./cursor.ts";

/** Says what to read. */
export interface ReadQuery {
  readonly sessionId: string;
  /**
   * A cursor (see `cursor.ts`): only what comes after the event that it names. One into a text: that
   * event, which has the rest of it, and what comes after.
   */
  readonly afterId?: string;
  /** Most events to return, 1 to 500. */
  readonly limit: number;
  /** Event types to return; all when absent. */
  readonly types?: readonly string[];
}

/** Bounds of a read. */
export interface ReadBounds extends CallOptions {
  /** Called before each page of a long search for `afterId`; what it throws ends the read. */
  readonly onLongSearch?: () => void;
}

/** Readers whose positions are remembered. */
const MAX_POSITIONS = 2_000;
/** The first page back is small, since mostly little is new; then pages as large as the API has. */
const FIRST_SEARCH_LIMIT = 100;
const MAX_SEARCH_PAGES = 101;
/** Pages of a search that are read at once; further ones keep to a rate, and count for the caller. */
const SWIFT_SEARCH_PAGES = 3;
/** Longer texts are cut in a long search, which shows few of them, and read again to be shown. */
const SEARCH_TEXT_CHARS = 2_000;
/** Cursors of which it is remembered that they name nothing. */
const MAX_UNKNOWN = 1_000;
/** Pages that one call reads on from a remembered position. */
const MAX_RESUME_PAGES = 3;
/** Pages of nothing but queued events that are gone past. */
const MAX_QUEUED_PAGES = 20;

/** An event that a search came past; `wanted` ones are to be shown. */
interface Passed {
  readonly event: SessionEvent;
  readonly wanted: boolean;
  /** The page on which it stands. */
  readonly index: number;
}

/** Reads sessions' events; remembers the positions of recent readers. One per process. */
export class EventReader {
  readonly #api: Pick<ManagedAgentsApi, "events">;
  readonly #bucket: TokenBucket | undefined;
  readonly #positions = new LruMap<string, Position>(MAX_POSITIONS);
  /** By session and cursor: the newest event there was when the cursor was searched for in vain. */
  readonly #unknown = new LruMap<string, string>(MAX_UNKNOWN);

  /** @param bucket the rate that long searches of all callers together keep; none when absent */
  constructor(api: Pick<ManagedAgentsApi, "events">, bucket?: TokenBucket) {
    this.#api = api;
    this.#bucket = bucket;
  }

  /** @throws `ToolError` `unknown_event` when the session has no event `afterId`; `ApiError` */
  async read(query: ReadQuery, bounds: ReadBounds = {}): Promise<EventStretch> {
    const ids = query.afterId === undefined ? [] : cursorIds(query.afterId);
    if (ids.length === 0) return await this.#readFromStart(query, bounds);
    for (const id of ids) {
      const key = positionKey(query, id);
      const position = this.#positions.get(key);
      const stretch = position && await this.#resume(query, id, position, bounds);
      if (stretch) return stretch;
      this.#positions.delete(key);
    }
    return await this.#searchBack(query, ids, bounds);
  }

  /** Remembers where an event of a stretch stands, so that reading on from it is one request. */
  remember(query: ReadQuery, stretch: EventStretch, eventId: string): void {
    const position = stretch.positionOf(eventId);
    if (position) this.#positions.set(positionKey(query, eventId), position);
  }

  #list(query: ReadQuery, params: ListEventsParams, { signal, timeoutMs }: CallOptions) {
    return this.#api.events.list(query.sessionId, params, { signal, timeoutMs });
  }

  async #readFromStart(query: ReadQuery, options: CallOptions): Promise<EventStretch> {
    const { limit, types } = query;
    const window = new EventWindow(limit);
    const trail = new CursorTrail();
    let page: string | undefined;
    for (let count = 1;; count++) {
      const result = await this.#list(query, { order: "asc", limit, types, page }, options);
      const { data, next } = trail.take(result);
      for (const event of data) window.add(event, { order: "asc", page, limit });
      // A list can begin with queued events, and a small page then hold nothing else.
      if (!next || !window.isEmpty || count >= MAX_QUEUED_PAGES) {
        return window.stretch(next !== undefined || result.isCut === true);
      }
      page = next;
    }
  }

  /** Returns undefined when the remembered position no longer leads to the event. */
  async #resume(
    query: ReadQuery,
    eventId: string,
    from: Position,
    options: CallOptions,
  ): Promise<EventStretch | undefined> {
    try {
      return from.order === "asc"
        ? await this.#resumeAscending(query, eventId, from, options)
        : await this.#resumeDescending(query, eventId, from, options);
    } catch (error) {
      // A cursor that the API no longer takes is a lost position, not a failed call.
      if (error instanceof ApiError && error.isInvalidRequest) return undefined;
      throw error;
    }
  }

  async #resumeAscending(
    query: ReadQuery,
    eventId: string,
    from: Extract<Position, { order: "asc" }>,
    options: CallOptions,
  ): Promise<EventStretch | undefined> {
    const { types } = query;
    const window = windowAfter(query, eventId);
    let { page, limit } = from;
    const trail = new CursorTrail(page);
    for (let count = 1;; count++) {
      const result = await this.#list(query, { order: "asc", limit, types, page }, options);
      const { data, next } = trail.take(result);
      const at = count === 1 ? data.findIndex((event) => event.id === eventId) : -1;
      if (count === 1 && at < 0) return undefined;
      const first = at >= 0 && isIncluded(query, eventId) ? at : at + 1;
      for (const event of data.slice(first)) window.add(event, { order: "asc", page, limit });
      // The server cut the list here. Searching back finds another way, or says that there is none.
      if (result.isCut && window.isEmpty) return undefined;
      const isLast = count >= MAX_RESUME_PAGES;
      // Nothing to read on from: searching back finds a place behind the events that were left out.
      if (next && isLast && window.isEmpty && types) return undefined;
      if (!next || window.full || isLast) {
        return window.stretch(next !== undefined || result.isCut === true);
      }
      page = next;
      limit = query.limit;
    }
  }

  /**
   * Pages but the newest of a descending list stay what they are as events come. So a stretch is
   * read from those alone; where they end, the position is lost and a new search costs two pages.
   */
  async #resumeDescending(
    query: ReadQuery,
    eventId: string,
    from: Extract<Position, { order: "desc" }>,
    options: CallOptions,
  ): Promise<EventStretch | undefined> {
    const window = windowAfter(query, eventId);
    const last = Math.max(1, from.index - MAX_RESUME_PAGES + 1);
    for (let index = from.index; index >= last && window.isEmpty; index--) {
      const params = { order: "desc", limit: FULL_PAGE, page: from.pages[index] } as const;
      const { data } = await this.#list(query, params, options);
      const isFirst = index === from.index;
      const at = isFirst ? data.findIndex((event) => event.id === eventId) : data.length;
      if (at < 0) return undefined;
      const newer = data.slice(0, isFirst && isIncluded(query, eventId) ? at + 1 : at);
      for (const event of newer.toReversed()) {
        if (isWanted(query, event)) window.add(event, { ...from, index });
        else if (canReadOnFrom(event)) window.pass(event.id, { ...from, index });
      }
    }
    return window.isEmpty && last === 1 ? undefined : window.stretch(true);
  }

  /** @param ids the event searched for has one of these, the likeliest first */
  async #searchBack(
    query: ReadQuery,
    ids: readonly string[],
    bounds: ReadBounds,
  ): Promise<EventStretch> {
    const cursor = query.afterId ?? "";
    const unknownKey = JSON.stringify([query.sessionId, cursor]);
    const searchedTo = this.#unknown.get(unknownKey);
    const pages: (string | undefined)[] = [];
    const trail = new CursorTrail();
    let newest: string | undefined;
    let newer: Passed[] = [];
    let page: string | undefined;
    for (let index = 0; index < MAX_SEARCH_PAGES; index++) {
      pages.push(page);
      const { data, next } = trail.take(await this.#searchPage(query, index, page, bounds));
      newest ??= data.find(canReadOnFrom)?.id;
      const found = passNewer(query, data, ids, index, newer);
      if (found !== undefined) {
        const isShortened = newer.some(({ event, wanted, index }) =>
          index > 0 && wanted && leftOutOf(event) > 0
        );
        const whole = isShortened &&
          await this.#resume(query, found, { order: "desc", pages, index }, bounds);
        return whole || stretchOf(query, found, newer, pages);
      }
      const wasSearched = searchedTo !== undefined && data.some(({ id }) => id === searchedTo);
      if (next === undefined || wasSearched) {
        if (newest !== undefined) this.#unknown.set(unknownKey, newest);
        throw new ToolError(
          "unknown_event",
          `after_id "${cursor}" is not an event of this session. Use a last_event_id or an event's ` +
            "id from the same session, or leave after_id out to read from the beginning.",
        );
      }
      page = next;
      newer = oldestNeeded(newer, query.limit);
    }
    throw new ToolError(
      "unknown_event",
      `after_id "${cursor}" is not among the session's newest 100,000 events. ` +
        "Leave after_id out to read from the beginning.",
    );
  }

  /** Reads the next page of a search; a long one keeps to the rate, and counts for the caller. */
  async #searchPage(
    query: ReadQuery,
    index: number,
    page: string | undefined,
    bounds: ReadBounds,
  ) {
    if (index >= SWIFT_SEARCH_PAGES) {
      bounds.onLongSearch?.();
      await this.#bucket?.take(1, bounds.signal ?? new AbortController().signal);
    }
    const params = index === 0
      ? { limit: FIRST_SEARCH_LIMIT }
      : { limit: FULL_PAGE, page, maxTextChars: SEARCH_TEXT_CHARS };
    return await this.#list(query, { order: "desc", ...params }, bounds);
  }
}

/**
 * Adds to `newer` what a search comes past on a page, newest first, up to the event that it is for.
 *
 * @returns the id of that event, where the page has it
 */
function passNewer(
  query: ReadQuery,
  data: readonly SessionEvent[],
  ids: readonly string[],
  index: number,
  newer: Passed[],
): string | undefined {
  const at = indexOfAny(data, ids);
  const found = data[at]?.id ?? undefined;
  const seen = at < 0 ? data : data.slice(0, isIncluded(query, found) ? at + 1 : at);
  for (const event of seen) {
    const wanted = isWanted(query, event);
    // Of what is left out, reading can go on from the newest before a wanted event only.
    const isLastBefore = !wanted && newer.at(-1)?.wanted !== false && canReadOnFrom(event);
    if (wanted || isLastBefore) newer.push({ event, wanted, index });
  }
  return found;
}

function positionKey(query: ReadQuery, eventId: string): string {
  return JSON.stringify([query.sessionId, eventId, query.types ?? null]);
}

/** @param newer what a search came past since the event `found`, newest first */
function stretchOf(
  query: ReadQuery,
  found: string,
  newer: readonly Passed[],
  pages: readonly (string | undefined)[],
): EventStretch {
  const window = windowAfter(query, found);
  for (const { event, wanted, index } of newer.toReversed()) {
    if (wanted) window.add(event, { order: "desc", pages, index });
    else window.pass(event.id ?? "", { order: "desc", pages, index });
  }
  // Whatever was let go is newer than more wanted events than the window takes: it sees that.
  return window.stretch(false);
}

/** Returns the index of the event with the likeliest of the ids that is there, -1 without one. */
function indexOfAny(data: readonly SessionEvent[], ids: readonly string[]): number {
  for (const id of ids) {
    const at = data.findIndex((event) => event.id === id);
    if (at >= 0) return at;
  }
  return -1;
}

/** Keeps the oldest that a stretch can take, and one wanted event more: it shows that there are more. */
function oldestNeeded(newer: Passed[], limit: number): Passed[] {
  let count = 0;
  const from = newer.findLastIndex(({ wanted }) => wanted && ++count > limit);
  return from < 0 ? newer : newer.slice(from);
}

/** Returns true for an event that keeps its place and has an id: reading can go on from there. */
function canReadOnFrom(event: SessionEvent): event is SessionEvent & { id: string } {
  return Boolean(event.id) && !isQueued(event);
}

function isWanted(query: ReadQuery, event: SessionEvent): boolean {
  if (isIncluded(query, event.id)) return true;
  return !query.types || query.types.includes(event.type);
}

/** Returns true when the cursor stands in the text of this event, which then is to be shown. */
function isIncluded({ afterId }: ReadQuery, id: string | null | undefined): boolean {
  return afterId !== undefined && id !== afterId && textPlaceOf(afterId)?.eventId === id;
}

function windowAfter(query: ReadQuery, id: string): EventWindow {
  return new EventWindow(query.limit, isIncluded(query, id) ? undefined : id);
}

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

/** A stretch of a session's events, oldest first. */
export interface EventStretch {
  readonly events: readonly SessionEvent[];
  readonly hasMore: boolean;
  /**
   * The newest event that the type filter left out after the last shown one: reading on from there
   * loses nothing.
   */
  readonly tailId?: string;
  /** Returns the page of an event of this stretch; undefined where the page will move. */
  positionOf(eventId: string): Position | undefined;
}

/** Gathers a stretch of at most `limit` events, each once. */
export class EventWindow {
  readonly #events: SessionEvent[] = [];
  /**
   * Not taken up yet: they have no lasting place, and are shown at the end only, or where
   * something that happened stands before and after them.
   */
  #queued: SessionEvent[] = [];
  /** Indexes in the stretch, by id. */
  readonly #indexes = new Map<string, number>();
  /** Pages of the events in the stretch, by id. */
  readonly #positions = new Map<string, Position>();
  readonly #limit: number;
  readonly #startId: string | undefined;
  #cut = false;
  #tail: { readonly id: string; readonly position: Position } | undefined;

  /** @param startId id of the event that the stretch comes after, if any; it is not part of it */
  constructor(limit: number, startId?: string) {
    this.#limit = limit;
    this.#startId = startId;
  }

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  /** True when no more events would be shown. */
  get full(): boolean {
    return this.#events.length >= this.#limit;
  }

  /** Adds an event to the stretch. */
  add(event: SessionEvent, position: Position): void {
    const { id } = event;
    if (id && (id === this.#startId || this.#isKnown(id, event))) return;
    if (isQueued(event)) {
      this.#queued.push(event);
      return;
    }
    // A session begins with an input: one that a turn follows is that one, never stamped.
    const isFirst = this.isEmpty && this.#startId === undefined;
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

  /** Returns true when the stretch has the event; it then has the fuller version of it. */
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

  /** Goes past an event that the stretch leaves out: only the last one is remembered. */
  pass(id: string, position: Position): void {
    if (!this.#cut) this.#tail = { id, position };
  }

  /** @param more whether events follow what was gathered */
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
