/**
 * Reading a session's log backwards, newest events first, only as far as needed.
 *
 * @module
 */

import type { CallOptions, ManagedAgentsApi } from "../api/types.ts";
import { CursorTrail } from "../api/pages.ts";
import { type LogEvent, readEvent } from "./event_types.ts";

/** Enough for most turns in one request. */
const FIRST_PAGE = 200;
/** The API's documented default and the largest page known to be accepted everywhere. */
const FULL_PAGE = 1_000;
/** A gap longer than this many pages is closed by `list_events`, not by a wait. */
const MAX_TAIL_PAGES = 30;

/** Types that stay queued until the agent takes them up. */
const QUEUEING_TYPES = [
  "user.message",
  "user.interrupt",
  "user.tool_confirmation",
  "user.define_outcome",
] as const;
/** Types that come in turns only and are small, or are made so. */
const TURN_TYPES = [
  "session.status_running",
  "session.status_rescheduled",
  "span.model_request_start",
  "agent.thinking",
  "agent.message",
] as const;

type EventsApi = ManagedAgentsApi["events"];

/** Bounds of a read, and whether the API client may try it again by itself. */
export type ReadOptions = CallOptions & { readonly retry?: boolean };

/** A stretch of the log, oldest first. */
export interface HistoryPage {
  readonly events: readonly LogEvent[];
  /** The cursor of the page before it in time; absent at the beginning of the log. */
  readonly older?: string;
}

/**
 * The newest events, or the page that an `older` cursor names.
 *
 * @param options `maxTextChars` as in `ListEventsParams`
 */
export async function readPage(
  api: EventsApi,
  sessionId: string,
  older: string | undefined,
  options: ReadOptions & { readonly maxTextChars?: number },
): Promise<HistoryPage> {
  const { maxTextChars, ...bounds } = options;
  const page = await api.list(sessionId, {
    order: "desc",
    limit: older === undefined ? FIRST_PAGE : FULL_PAGE,
    ...(older !== undefined && { page: older }),
    ...(maxTextChars !== undefined && { maxTextChars }),
  }, bounds);
  return {
    events: page.data.map(readEvent).reverse(),
    ...(page.next_page && { older: page.next_page }),
  };
}

/** The newest events, and whether they reach back to what is known. */
export interface Tail {
  readonly events: readonly LogEvent[];
  readonly reaches: boolean;
  /** Whether they are all that there are. */
  readonly whole: boolean;
}

/**
 * The newest events back to the first that is known to have happened. Queued events prove nothing:
 * they stand wherever a list puts them.
 */
export async function readTail(
  api: EventsApi,
  sessionId: string,
  isKnown: (event: LogEvent) => boolean,
  options: ReadOptions,
): Promise<Tail> {
  const pages: (readonly LogEvent[])[] = [];
  const trail = new CursorTrail();
  let older: string | undefined;
  for (let count = 0; count < MAX_TAIL_PAGES; count++) {
    const page = await readPage(api, sessionId, older, options);
    const { data, next } = trail.take({ data: page.events, next_page: page.older });
    pages.push(data);
    older = next;
    if (older === undefined || page.events.some(isKnown)) {
      return { events: pages.reverse().flat(), reaches: true, whole: older === undefined };
    }
  }
  return { events: pages.reverse().flat(), reaches: false, whole: false };
}

/**
 * The session's first inputs, and what tells whether turns followed them: where a list sorts a null
 * `processed_at` is not specified, and the newest page shows queued inputs only where null counts as
 * newest.
 */
export async function readFarEnd(
  api: EventsApi,
  sessionId: string,
  options: ReadOptions,
): Promise<readonly LogEvent[]> {
  const page = await api.list(sessionId, {
    order: "asc",
    limit: 20,
    types: [...QUEUEING_TYPES, ...TURN_TYPES],
    maxTextChars: 1,
  }, options);
  return page.data.map(readEvent);
}
