/**
 * Reading a session's log forward from any event.
 *
 * The API pages by opaque cursors and has no "after this event" filter. So the way to an event is
 * remembered where the log was read before, and otherwise found by going back from the newest
 * event: the cost grows with what is new, not with the log.
 *
 * @module
 */

import type { CallOptions, ManagedAgentsApi } from "../api/api.ts";
import { CursorTrail } from "../api/cursor_trail.ts";
import { isQueued, type SessionEvent } from "../api/events.ts";
import { ApiError, ToolError } from "../core/errors.ts";
import { type LogStretch, LogWindow, type Position } from "./log_window.ts";
import { LruMap } from "../core/lru.ts";

/** What to read. */
export interface LogQuery {
  readonly sessionId: string;
  /** Only what comes after this event. */
  readonly afterId?: string;
  /** Most events to return, 1 to 500. */
  readonly limit: number;
  /** Event types to return; all when absent. */
  readonly types?: readonly string[];
}

/** Reads logs; remembers positions of recent readers. One per process. */
export interface LogReader {
  /**
   * @throws `ToolError` `unknown_event` when `afterId` is not in the log; `ApiError`
   */
  read(query: LogQuery, options?: CallOptions): Promise<LogStretch>;
  /** Remembers where an event of a stretch stands, so that reading on from it is one request. */
  remember(query: LogQuery, stretch: LogStretch, eventId: string): void;
}

type EventsApi = Pick<ManagedAgentsApi, "events">;

const MAX_POSITIONS = 2_000;
/** The first look back is small, since mostly little is new; then pages as large as the API has. */
const FIRST_SCAN_LIMIT = 100;
const SCAN_LIMIT = 1_000;
const MAX_SCAN_PAGES = 101;
/** Pages that one call reads on from a remembered position. */
const MAX_RESUME_PAGES = 3;
/** Pages of nothing but queued events that are gone past. */
const MAX_QUEUED_PAGES = 20;

/** @param maxPositions how many readers' positions are remembered */
export function createLogReader(api: EventsApi, maxPositions = MAX_POSITIONS): LogReader {
  const positions = new LruMap<string, Position>(maxPositions);
  return {
    async read(query, options) {
      const { afterId } = query;
      if (afterId === undefined) return await readFromStart(api, query, options);
      const key = positionKey(query, afterId);
      const position = positions.get(key);
      const stretch = position && await resume(api, query, afterId, position, options);
      if (stretch) return stretch;
      positions.delete(key);
      return await scanBack(api, query, afterId, options);
    },
    remember(query, stretch, eventId) {
      const position = stretch.positionOf(eventId);
      if (position) positions.set(positionKey(query, eventId), position);
    },
  };
}

function positionKey(query: LogQuery, eventId: string): string {
  return JSON.stringify([query.sessionId, eventId, query.types ?? null]);
}

async function readFromStart(
  api: EventsApi,
  query: LogQuery,
  options?: CallOptions,
): Promise<LogStretch> {
  const { sessionId, limit, types } = query;
  const window = new LogWindow(limit);
  const trail = new CursorTrail();
  let page: string | undefined;
  for (let count = 1;; count++) {
    const result = await api.events.list(sessionId, { order: "asc", limit, types, page }, options);
    const { data, next } = trail.take(result);
    for (const event of data) window.add(event, { order: "asc", page, limit });
    // Where a list begins with queued events, a small page may hold nothing else.
    if (!next || !window.isEmpty || count >= MAX_QUEUED_PAGES) return window.stretch(Boolean(next));
    page = next;
  }
}

/** Undefined when the remembered way no longer leads to the event. */
async function resume(
  api: EventsApi,
  query: LogQuery,
  afterId: string,
  position: Position,
  options?: CallOptions,
): Promise<LogStretch | undefined> {
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
  query: LogQuery,
  afterId: string,
  from: Extract<Position, { order: "asc" }>,
  options?: CallOptions,
): Promise<LogStretch | undefined> {
  const { sessionId, types } = query;
  const window = new LogWindow(query.limit, afterId);
  let { page, limit } = from;
  const trail = new CursorTrail(page);
  for (let count = 0;; count++) {
    const result = await api.events.list(sessionId, { order: "asc", limit, types, page }, options);
    const { data, next } = trail.take(result);
    const at = count === 0 ? data.findIndex((event) => event.id === afterId) : -1;
    if (count === 0 && at < 0) return undefined;
    for (const event of data.slice(at + 1)) window.add(event, { order: "asc", page, limit });
    if (!next || window.full || count + 1 >= MAX_RESUME_PAGES) return window.stretch(Boolean(next));
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
  query: LogQuery,
  afterId: string,
  from: Extract<Position, { order: "desc" }>,
  options?: CallOptions,
): Promise<LogStretch | undefined> {
  const window = new LogWindow(query.limit, afterId);
  const last = Math.max(1, from.index - MAX_RESUME_PAGES + 1);
  for (let index = from.index; index >= last && window.isEmpty; index--) {
    const page = from.pages[index];
    const params = { order: "desc", limit: SCAN_LIMIT, page } as const;
    const result = await api.events.list(query.sessionId, params, options);
    const at = index === from.index ? result.data.findIndex((event) => event.id === afterId) : -1;
    if (index === from.index && at < 0) return undefined;
    const newer = at < 0 ? result.data : result.data.slice(0, at);
    for (const event of newer.toReversed()) place(window, query, event, { ...from, index });
  }
  return window.isEmpty && last === 1 ? undefined : window.stretch(true);
}

async function scanBack(
  api: EventsApi,
  query: LogQuery,
  afterId: string,
  options?: CallOptions,
): Promise<LogStretch> {
  const pages: (string | undefined)[] = [];
  const trail = new CursorTrail();
  let newer: Noted[] = [];
  let page: string | undefined;
  for (let index = 0; index < MAX_SCAN_PAGES; index++) {
    const limit = index === 0 ? FIRST_SCAN_LIMIT : SCAN_LIMIT;
    pages.push(page);
    const result = await api.events.list(query.sessionId, { order: "desc", limit, page }, options);
    const { data, next } = trail.take(result);
    const at = data.findIndex((event) => event.id === afterId);
    const seen = at < 0 ? data : data.slice(0, at);
    for (const event of seen) note(newer, query, event, index);
    if (at >= 0) {
      const window = new LogWindow(query.limit, afterId);
      for (const { event, id, index } of newer.toReversed()) {
        const position: Position = { order: "desc", pages, index };
        if (event) window.add(event, position);
        else window.pass(id, position);
      }
      // Whatever was let go is newer than more wanted events than the window takes: it sees that.
      return window.stretch(false);
    }
    if (next === undefined) throw unknownEvent(afterId);
    page = next;
    newer = oldestNeeded(newer, query.limit);
  }
  throw new ToolError(
    "unknown_event",
    `after_id "${afterId}" is not among the session's newest 100,000 events. ` +
      "Leave after_id out to read from the beginning.",
  );
}

/** What is kept of the way back, newest first: wanted events, and one id of what lies between two. */
type Noted =
  | { readonly event: SessionEvent; readonly id?: undefined; readonly index: number }
  | { readonly event?: undefined; readonly id: string; readonly index: number };

function note(newer: Noted[], query: LogQuery, event: SessionEvent, index: number): void {
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

function place(window: LogWindow, query: LogQuery, event: SessionEvent, position: Position): void {
  if (isWanted(query, event)) window.add(event, position);
  else if (isPlace(event)) window.pass(event.id, position);
}

/** Whether reading can go on from an event. */
function isPlace(event: SessionEvent): event is SessionEvent & { id: string } {
  return Boolean(event.id) && !isQueued(event);
}

function isWanted(query: LogQuery, event: SessionEvent): boolean {
  return !query.types || query.types.includes(event.type);
}

function unknownEvent(afterId: string): ToolError {
  return new ToolError(
    "unknown_event",
    `after_id "${afterId}" is not an event of this session. Use a last_event_id or an event's id ` +
      "from the same session, or leave after_id out to read from the beginning.",
  );
}
