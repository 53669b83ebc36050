/**
 * Reading a session's log forward from any event.
 *
 * The API pages by opaque cursors and has no "after this event" filter. So the way to an event is
 * remembered where the log was read before, and otherwise found by going back from the newest
 * event: the cost grows with what is new, not with the log.
 *
 * @module
 */

import type { CallOptions, ManagedAgentsApi } from "../api/types.ts";
import { CursorTrail } from "../api/pages.ts";
import { isQueued, type SessionEvent } from "../api/events.ts";
import { leftOutOf } from "../api/list_body.ts";
import { ApiError } from "../api/errors.ts";
import { ToolError } from "../core/errors.ts";
import type { TokenBucket } from "../core/token_bucket.ts";
import { cursorIds, textPlaceOf } from "./cursor.ts";
import { type EventStretch, EventWindow, type Position } from "./event_window.ts";
import { LruMap } from "../core/lru.ts";

/** What to read. */
export interface ReadQuery {
  readonly sessionId: string;
  /**
   * A cursor: only what comes after the event that it names. One into a text: that event, which has
   * the rest of it, and what comes after.
   */
  readonly afterId?: string;
  /** Most events to return, 1 to 500. */
  readonly limit: number;
  /** Event types to return; all when absent. */
  readonly types?: readonly string[];
}

/** Reads logs; remembers positions of recent readers. One per process. */
export interface EventReader {
  /**
   * @throws `ToolError` `unknown_event` when `afterId` is not in the log; `ApiError`
   */
  read(query: ReadQuery, options?: ReadBounds): Promise<EventStretch>;
  /** Remembers where an event of a stretch stands, so that reading on from it is one request. */
  remember(query: ReadQuery, stretch: EventStretch, eventId: string): void;
}

/** Bounds of a read. */
export interface ReadBounds extends CallOptions {
  /** Asked before each page of a long look for `afterId`; what it throws ends the read. */
  readonly onLongLook?: () => void;
}

/** What a {@linkcode EventReader} works with. */
export interface EventReaderOptions {
  /** The rate that long looks of all callers together keep; none when absent. */
  readonly bucket?: TokenBucket;
  /** How many readers' positions are remembered. */
  readonly maxPositions?: number;
}

type EventsApi = Pick<ManagedAgentsApi, "events">;

const MAX_POSITIONS = 2_000;
/** The first look back is small, since mostly little is new; then pages as large as the API has. */
const FIRST_SCAN_LIMIT = 100;
const SCAN_LIMIT = 1_000;
const MAX_SCAN_PAGES = 101;
/** Pages of a look that are read at once; further ones keep to a rate, and count against the caller. */
const SWIFT_PAGES = 3;
/** Longer texts are read again, should the answer show them: most of a long look it does not. */
const SCAN_TEXT_CHARS = 2_000;
/** Cursors of which it is remembered that they name nothing. */
const MAX_UNKNOWN = 1_000;
/** Pages that one call reads on from a remembered position. */
const MAX_RESUME_PAGES = 3;
/** Pages of nothing but queued events that are gone past. */
const MAX_QUEUED_PAGES = 20;

/** A reader of the logs behind `api`. */
export function createEventReader(
  api: EventsApi,
  readerOptions: EventReaderOptions = {},
): EventReader {
  const { bucket, maxPositions = MAX_POSITIONS } = readerOptions;
  const positions = new LruMap<string, Position>(maxPositions);
  // By session and cursor: the newest event of a log that was looked through in vain.
  const unknown = new LruMap<string, string>(MAX_UNKNOWN);
  return {
    async read(query, options = {}) {
      const { afterId } = query;
      const ids = afterId === undefined ? [] : cursorIds(afterId);
      if (afterId === undefined || ids.length === 0) {
        return await readFromStart(api, query, options);
      }
      for (const id of ids) {
        const key = positionKey(query, id);
        const position = positions.get(key);
        const stretch = position && await resume(api, query, id, position, options);
        if (stretch) return stretch;
        positions.delete(key);
      }
      const key = JSON.stringify([query.sessionId, afterId]);
      const scan = { ids, bucket, knownTo: unknown.get(key) };
      const found = await scanBack(api, query, scan, options);
      if (!("newest" in found)) return found;
      if (found.newest !== undefined) unknown.set(key, found.newest);
      throw found.error;
    },
    remember(query, stretch, eventId) {
      const position = stretch.positionOf(eventId);
      if (position) positions.set(positionKey(query, eventId), position);
    },
  };
}

function positionKey(query: ReadQuery, eventId: string): string {
  return JSON.stringify([query.sessionId, eventId, query.types ?? null]);
}

async function readFromStart(
  api: EventsApi,
  query: ReadQuery,
  options: CallOptions,
): Promise<EventStretch> {
  const { sessionId, limit, types } = query;
  const window = new EventWindow(limit);
  const trail = new CursorTrail();
  let page: string | undefined;
  for (let count = 1;; count++) {
    const result = await api.events.list(sessionId, { order: "asc", limit, types, page }, options);
    const { data, next } = trail.take(result);
    for (const event of data) window.add(event, { order: "asc", page, limit });
    // Where a list begins with queued events, a small page may hold nothing else.
    if (!next || !window.isEmpty || count >= MAX_QUEUED_PAGES) {
      return window.stretch(next !== undefined || result.isCut === true);
    }
    page = next;
  }
}

/** Undefined when the remembered way no longer leads to the event. */
async function resume(
  api: EventsApi,
  query: ReadQuery,
  afterId: string,
  position: Position,
  options: CallOptions,
): Promise<EventStretch | undefined> {
  try {
    return position.order === "asc"
      ? await resumeAscending(api, query, afterId, position, options)
      : await resumeDescending(api, query, afterId, position, options);
  } catch (error) {
    // A cursor that the API no longer takes is a lost position, not a failed call.
    if (error instanceof ApiError && error.status === 400) return undefined;
    throw error;
  }
}

async function resumeAscending(
  api: EventsApi,
  query: ReadQuery,
  afterId: string,
  from: Extract<Position, { order: "asc" }>,
  options: CallOptions,
): Promise<EventStretch | undefined> {
  const { sessionId, types } = query;
  const window = windowAfter(query, afterId);
  let { page, limit } = from;
  const trail = new CursorTrail(page);
  for (let count = 0;; count++) {
    const result = await api.events.list(sessionId, { order: "asc", limit, types, page }, options);
    const { data, next } = trail.take(result);
    const at = count === 0 ? data.findIndex((event) => event.id === afterId) : -1;
    if (count === 0 && at < 0) return undefined;
    const first = at >= 0 && isIncluded(query, afterId) ? at : at + 1;
    for (const event of data.slice(first)) window.add(event, { order: "asc", page, limit });
    // What follows is out of reach this way; the way back says so, or knows another.
    if (result.isCut && window.isEmpty) return undefined;
    const isLast = count + 1 >= MAX_RESUME_PAGES;
    // Nothing to read on from: the way back finds a place behind what was left out.
    if (next && isLast && window.isEmpty && types) return undefined;
    if (!next || window.full || isLast) {
      return window.stretch(next !== undefined || result.isCut === true);
    }
    page = next;
    limit = query.limit;
  }
}

/**
 * Pages but the newest of a descending listing stay what they are as events come. So a stretch is
 * read from those alone; where they end, the way is lost and a new look back costs two pages.
 */
async function resumeDescending(
  api: EventsApi,
  query: ReadQuery,
  afterId: string,
  from: Extract<Position, { order: "desc" }>,
  options: CallOptions,
): Promise<EventStretch | undefined> {
  const window = windowAfter(query, afterId);
  const last = Math.max(1, from.index - MAX_RESUME_PAGES + 1);
  for (let index = from.index; index >= last && window.isEmpty; index--) {
    const page = from.pages[index];
    const params = { order: "desc", limit: SCAN_LIMIT, page } as const;
    const result = await api.events.list(query.sessionId, params, options);
    const at = index === from.index ? result.data.findIndex((event) => event.id === afterId) : -1;
    if (index === from.index && at < 0) return undefined;
    const end = isIncluded(query, afterId) ? at + 1 : at;
    const newer = at < 0 ? result.data : result.data.slice(0, end);
    for (const event of newer.toReversed()) place(window, query, event, { ...from, index });
  }
  return window.isEmpty && last === 1 ? undefined : window.stretch(true);
}

interface Scan {
  /** The event looked for has one of these, the likeliest first. */
  readonly ids: readonly string[];
  readonly bucket: TokenBucket | undefined;
  /** An event from which on, backwards, the log was looked through before. */
  readonly knownTo: string | undefined;
}

/** A look in vain: how far it went, and what to tell the caller. */
interface NotFound {
  /** The newest event of the log then. */
  readonly newest: string | undefined;
  readonly error: ToolError;
}

async function scanBack(
  api: EventsApi,
  query: ReadQuery,
  { ids, bucket, knownTo }: Scan,
  options: ReadBounds,
): Promise<EventStretch | NotFound> {
  const afterId = query.afterId ?? "";
  const { onLongLook, ...bounds } = options;
  let newest: string | undefined;
  const pages: (string | undefined)[] = [];
  const trail = new CursorTrail();
  let newer: Noted[] = [];
  let page: string | undefined;
  for (let index = 0; index < MAX_SCAN_PAGES; index++) {
    if (index >= SWIFT_PAGES) {
      onLongLook?.();
      await bucket?.take(1, options.signal ?? new AbortController().signal);
    }
    const limit = index === 0 ? FIRST_SCAN_LIMIT : SCAN_LIMIT;
    pages.push(page);
    const params = { order: "desc", limit, page } as const;
    const maxTextChars = index === 0 ? undefined : SCAN_TEXT_CHARS;
    const result = await api.events.list(
      query.sessionId,
      { ...params, ...(maxTextChars !== undefined && { maxTextChars }) },
      bounds,
    );
    const { data, next } = trail.take(result);
    newest ??= data.find(isPlace)?.id;
    const at = placeOf(data, ids);
    const named = data[at]?.id ?? undefined;
    const seen = at < 0 ? data : data.slice(0, isIncluded(query, named) ? at + 1 : at);
    for (const event of seen) note(newer, query, event, index);
    if (at >= 0) {
      const foundId = data[at]?.id ?? afterId;
      const isShortened = newer.some(({ event, index }) =>
        index > 0 && event && leftOutOf(event) > 0
      );
      const position = { order: "desc", pages, index } as const;
      const whole = isShortened && index > 0
        ? await resume(api, query, foundId, position, bounds)
        : undefined;
      if (whole) return whole;
      const window = windowAfter(query, foundId);
      for (const { event, id, index } of newer.toReversed()) {
        const position: Position = { order: "desc", pages, index };
        if (event) window.add(event, position);
        else window.pass(id, position);
      }
      // Whatever was let go is newer than more wanted events than the window takes: it sees that.
      return window.stretch(false);
    }
    const wasSeen = knownTo !== undefined && data.some(({ id }) => id === knownTo);
    if (next === undefined || wasSeen) return { newest, error: unknownEvent(afterId) };
    page = next;
    newer = oldestNeeded(newer, query.limit);
  }
  const error = new ToolError(
    "unknown_event",
    `after_id "${afterId}" is not among the session's newest 100,000 events. ` +
      "Leave after_id out to read from the beginning.",
  );
  return { newest: undefined, error };
}

/** Where the event that a cursor names stands, -1 where it is not. */
function placeOf(data: readonly SessionEvent[], ids: readonly string[]): number {
  for (const id of ids) {
    const at = data.findIndex((event) => event.id === id);
    if (at >= 0) return at;
  }
  return -1;
}

/** What is kept of the way back, newest first: wanted events, and one id of what lies between two. */
type Noted =
  | { readonly event: SessionEvent; readonly id?: undefined; readonly index: number }
  | { readonly event?: undefined; readonly id: string; readonly index: number };

function note(newer: Noted[], query: ReadQuery, event: SessionEvent, index: number): void {
  if (isWanted(query, event)) newer.push({ event, index });
  // Of what is left out, reading can go on from the newest before a wanted event only.
  else if (isPlace(event) && newer.at(-1)?.id === undefined) newer.push({ id: event.id, index });
}

/** The oldest that an answer can take, and a wanted one beyond: that shows that there is more. */
function oldestNeeded(newer: Noted[], limit: number): Noted[] {
  let wanted = 0;
  for (let at = newer.length - 1; at >= 0; at--) {
    if (newer[at]?.event) wanted++;
    if (wanted > limit) return newer.slice(at);
  }
  return newer;
}

function place(
  window: EventWindow,
  query: ReadQuery,
  event: SessionEvent,
  position: Position,
): void {
  if (isWanted(query, event)) window.add(event, position);
  else if (isPlace(event)) window.pass(event.id, position);
}

/** Whether reading can go on from an event. */
function isPlace(event: SessionEvent): event is SessionEvent & { id: string } {
  return Boolean(event.id) && !isQueued(event);
}

function isWanted(query: ReadQuery, event: SessionEvent): boolean {
  if (isIncluded(query, event.id)) return true;
  return !query.types || query.types.includes(event.type);
}

/** Whether the cursor stands in the text of this event, which then is part of the answer. */
function isIncluded({ afterId }: ReadQuery, id: string | null | undefined): boolean {
  return afterId !== undefined && id !== afterId && textPlaceOf(afterId)?.eventId === id;
}

function windowAfter(query: ReadQuery, id: string): EventWindow {
  return new EventWindow(query.limit, isIncluded(query, id) ? undefined : id);
}

function unknownEvent(afterId: string): ToolError {
  return new ToolError(
    "unknown_event",
    `after_id "${afterId}" is not an event of this session. Use a last_event_id or an event's id ` +
      "from the same session, or leave after_id out to read from the beginning.",
  );
}
