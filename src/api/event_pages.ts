/**
 * Pages of a session's events in the order that was asked for, whatever the server makes of the
 * query. Everything that reads events shares one reader, and so what it has learned of the server.
 *
 * Independent servers were seen to ignore `order`, `types`, `limit` and `page`, to give everything
 * in one page, and to cut a list at `limit` without a word of what follows. So the order of a page
 * is seen ({@linkcode directionOf}); where it is not the one that was asked for, and the server gives the
 * same whatever is asked, the list is read the server's way and turned round here.
 *
 * @module
 */

import type { Logger } from "../core/logger.ts";
import { LruMap } from "../core/lru.ts";
import { ApiError } from "./errors.ts";
import { isInput, isOfSession, isQueued, type SessionEvent } from "./events.ts";
import { pagesOf } from "./pages.ts";
import { instantMs } from "./read.ts";
import type { Page } from "./resources.ts";
import type { ListEventsParams } from "./types.ts";

/** A page as a server gives it. */
export interface ServerPage extends Page<SessionEvent> {
  /** True where there is more after the last entry: some servers give it instead of `next_page`. */
  readonly has_more?: unknown;
  /** The limit that was asked for in the end, where the one that was wanted gave too large a page. */
  readonly reduced?: number;
}

/** A query for one page. */
export interface ServerQuery extends ListEventsParams {
  /** Only what comes after this event: how servers that have `has_more` go on. */
  readonly afterId?: string;
  /** The running number of that event. */
  readonly afterSeq?: number;
}

/** Asks for one page. */
export type AskForPage = (query: ServerQuery) => Promise<ServerPage>;

/** Reads pages in the order that is asked for. One for each server. */
export interface EventPages {
  /**
   * The page that `params` name: in their order, of their types, each event once. It may hold more
   * events than `limit`, where the server gives more, and fewer.
   *
   * @param ask requests of this read
   * @throws `ApiError`, also where the end of the list is asked for and the server gives no way there
   */
  read(sessionId: string, params: ListEventsParams, ask: AskForPage): Promise<Page<SessionEvent>>;
}

/** The largest page known to be accepted everywhere. */
const FULL_LIMIT = 1_000;
/** Larger ones, for servers that have no pages. */
const LARGER_LIMITS = [FULL_LIMIT, 10_000, 100_000] as const;
/** Pages of a list that is read from its other end. */
const MAX_PAGES = 100;
/** Pages that are put together where each holds less than was asked for. */
const MAX_FILL = 10;
/** The same while none of them holds anything that was asked for. */
const MAX_VAIN_FILL = 50;
/** Where a server takes no larger pages, it takes these. */
const SMALL_LIMIT = 100;
/** Lists of which the cursors of pages are remembered. */
const MAX_LISTS = 200;
/** Entries of the other direction that must show whether the order has an effect. */
const PROBE_LIMIT = 20;

/** A page of the server, and how to go on. */
interface Fetched {
  readonly data: readonly SessionEvent[];
  /** The cursor of what follows, made by the server or by {@linkcode afterCursor}. */
  readonly next_page?: string;
  /** The server has more, and gives no way to it. */
  readonly cut: boolean;
  readonly reduced?: number;
}

/** Habits of the server, as far as they were seen. */
interface ServerHabits {
  /** The order that it gives whatever is asked; `asked` where it was seen to do as it is told. */
  order?: Order | "asked";
  /** True when it was seen to cut lists at `limit` without a cursor. */
  cutsLists?: true;
  /** The largest page that it was seen to take, where it refused a larger one. */
  maxLimit?: number;
  /**
   * Parameters that it refuses, or that do no good: some servers apply `types` to what a page would
   * have held, and so give page after page with nothing. Then the choice is made here.
   */
  without?: { readonly order?: true; readonly types?: true };
}

/** Easier queries for a server that refuses one: at first a smaller page, then fewer parameters. */
const EASIER: readonly Pick<ServerHabits, "maxLimit" | "without">[] = [
  { maxLimit: SMALL_LIMIT },
  { without: { types: true } },
  { without: { order: true } },
  { without: { order: true, types: true } },
  { maxLimit: SMALL_LIMIT, without: { order: true, types: true } },
];

function easier(query: ServerQuery, { maxLimit = Infinity, without }: ServerHabits): ServerQuery {
  const { limit } = query;
  return {
    ...query,
    ...(limit !== undefined && limit > maxLimit && { limit: maxLimit }),
    ...(without?.order && { order: undefined }),
    ...(without?.types && { types: undefined }),
  };
}

/** Asks only what the server takes, and learns that where it refuses a query. */
function askWithin(ask: AskForPage, habits: ServerHabits): AskForPage {
  return async (query) => {
    const usual = easier(query, habits);
    try {
      return await ask(usual);
    } catch (error) {
      // More than any page of this server may have is asked for in the hope only.
      if (!isRefusedQuery(error) || (query.limit ?? 0) > FULL_LIMIT) throw error;
      for (const change of EASIER) {
        // A cursor may be what is refused, and belongs to its order and types.
        if (change.without && (query.page !== undefined || query.afterId !== undefined)) continue;
        const easy = easier(usual, change);
        if (isSame(easy, usual)) continue;
        const page = await ask(easy).catch((again) => {
          if (isRefusedQuery(again)) return undefined;
          throw again;
        });
        if (!page) continue;
        Object.assign(habits, { ...change, without: { ...habits.without, ...change.without } });
        return page;
      }
      throw error;
    }
  };
}

/** True when the server refuses a query as such: several frameworks say 422 for 400. */
function isRefusedQuery(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 400 || error.status === 422);
}

function isSame(one: ServerQuery, other: ServerQuery): boolean {
  return one.limit === other.limit && one.order === other.order && one.types === other.types;
}

/** Reads pages from a server whose habits are learned on the way. */
export function createEventPages(log: Logger): EventPages {
  const habits: ServerHabits = {};
  const remembered = new LruMap<string, KnownList>(MAX_LISTS);

  async function runsOtherWay(
    params: ListEventsParams,
    data: readonly SessionEvent[],
    ask: AskForPage,
  ): Promise<boolean> {
    const { order = "asc" } = params;
    // Of inputs that are queued, no order is documented.
    const happened = data.filter(hasHappened);
    if (habits.order !== undefined || happened.length < 2) return false;
    const seen = directionOf(happened);
    // Ascending is what every server gives that was not asked for anything else.
    if ((seen ?? "asc") === order) return false;
    const probe = await ask({ ...params, order: opposite(order), limit: PROBE_LIMIT });
    const first = probe.data.find(hasHappened);
    const ignoresOrder = first !== undefined && keyOf(first) === keyOf(happened[0]);
    habits.order = ignoresOrder ? seen ?? await orderOfAll(ask) : "asked";
    if (ignoresOrder) log.info("The API ignores the order of events", { gives: habits.order });
    return habits.order === opposite(order);
  }

  return {
    async read(sessionId, params, plainAsk) {
      const ask = askWithin(plainAsk, habits);
      const { order = "asc", types, page } = params;
      const wanted = (event: SessionEvent) =>
        isWanted(event, types) && isOfSession(event, sessionId);
      const place = page === undefined ? undefined : decodePlace(page);
      const against = () => {
        const serverOrder = opposite(order);
        const key = JSON.stringify([sessionId, types ?? null]);
        // A list that begins with its newest events moves as they come: nothing of it lasts.
        const known = serverOrder === "asc" ? remembered.get(key) : undefined;
        const list = known ?? { cursors: [undefined], starts: [0], limit: FULL_LIMIT };
        if (serverOrder === "asc") remembered.set(key, list);
        return new CounterReading({ serverOrder, params, list, habits, ask, wanted });
      };
      if (place) return await against().read(place);
      if (page === undefined && habits.order === opposite(order)) return await against().read();
      let events: SessionEvent[] = [];
      let next: string | undefined;
      let last: Fetched | undefined;
      let hasAny = page !== undefined || types !== undefined;
      let count = 0;
      const fetchAt = (cursor?: string) => fetchPage({ ...params, page: cursor }, habits, ask);
      // A server may give less than was asked for, and what was not.
      for await (const step of pagesOf<SessionEvent, Fetched>(fetchAt, page)) {
        last = step.page;
        if (count++ === 0 && page === undefined && await runsOtherWay(params, last.data, ask)) {
          return await against().read();
        }
        events = eachOnce([...events, ...step.data.filter(wanted)], order);
        next = step.next;
        hasAny ||= last.data.length > 0;
        // Of large events, a few will do.
        const isEnough = events.length >= (params.limit ?? 1) || count >= MAX_FILL ||
          last.reduced !== undefined;
        if ((isEnough && events.length > 0) || count >= MAX_VAIN_FILL) break;
      }
      // Page after page without an event: that there are none is not known.
      if (!hasAny && next === undefined && last?.next_page !== undefined) throw noEvents();
      if (last?.cut) log.warn("The API cuts a list of events and gives no way on", { order });
      return {
        data: events,
        next_page: next ?? null,
        ...(last?.cut && { isCut: true }),
      };
    },
  };
}

/** The order of a server that gives the same whatever is asked, by events of all types. */
async function orderOfAll(ask: AskForPage): Promise<Order> {
  const { data } = await ask({ limit: FULL_LIMIT });
  return directionOf(data.filter(hasHappened)) ?? "asc";
}

/** Fetches one page; asks for a larger one where the server cuts lists without a cursor. */
async function fetchPage(
  params: ListEventsParams,
  habits: ServerHabits,
  ask: AskForPage,
): Promise<Fetched> {
  const wanted = params.limit ?? FULL_LIMIT;
  // Of what is chosen here, much may be left out.
  const isChosenHere = habits.without?.types && params.types;
  const asked = habits.cutsLists || isChosenHere ? Math.max(wanted, FULL_LIMIT) : wanted;
  const query = { ...params, limit: asked, ...afterOf(params.page) };
  let result = await ask(query);
  if (result.data.length === 0 && result.next_page && params.types && !habits.without?.types) {
    const all = await ask({ ...query, types: undefined });
    if (all.data.length > 0) {
      habits.without = { ...habits.without, types: true };
      result = all;
    }
  }
  const limit = Math.min(asked, habits.maxLimit ?? Infinity);
  const fetched = fetchedOf(result, query);
  const tells = result.next_page !== undefined || typeof result.has_more === "boolean" ||
    query.page !== undefined;
  // A full page and no word of what follows: either nothing does, or lists are cut here.
  const mayBeCut = !tells && result.data.length >= limit;
  if ((!fetched.cut && !mayBeCut) || fetched.reduced !== undefined) {
    return fetched;
  }
  let known = {
    result,
    fetched: { ...fetched, cut: fetched.cut || result.data.length > FULL_LIMIT },
  };
  const first = fetched.cut ? [] : [limit + 1];
  for (const larger of [...first, ...LARGER_LIMITS.filter((size) => size > limit + 1)]) {
    const again = await askForMore(ask, { ...query, limit: larger, afterId: undefined });
    if (!again || again.data.length <= known.result.data.length) break;
    habits.cutsLists = true;
    const more = fetchedOf(again, query);
    const isFull = again.data.length >= larger && again.has_more !== false;
    known = { result: again, fetched: { ...more, cut: more.cut || isFull } };
    if (!known.fetched.cut) break;
  }
  return known.fetched;
}

/** Undefined where the server takes no such limit. */
async function askForMore(ask: AskForPage, query: ServerQuery): Promise<ServerPage | undefined> {
  try {
    return await ask(query);
  } catch (error) {
    if (isRefusedQuery(error)) return undefined;
    throw error;
  }
}

function fetchedOf(page: ServerPage, { afterId, page: asked }: ServerQuery): Fetched {
  // A server that does not know `after_id` begins again.
  const again = afterId === undefined ? -1 : page.data.findLastIndex(({ id }) => id === afterId);
  const data = again < 0 ? page.data : page.data.slice(again + 1);
  const { reduced } = page;
  if (page.next_page && page.next_page !== asked) {
    return { data, next_page: page.next_page, cut: false, reduced };
  }
  const mayHaveMore = reduced !== undefined && page.next_page === undefined &&
    page.has_more !== false;
  if (page.has_more !== true) return { data, cut: mayHaveMore, reduced };
  const next = again < 0 ? afterCursor(data.at(-1)) : undefined;
  return { data, next_page: next, cut: next === undefined };
}

/** A list of the server in its own order, as far as it was read. */
interface KnownList {
  /** Cursors of its pages from the first on, as far as they are known. */
  readonly cursors: (string | undefined)[];
  /** How many entries stand before each of them. */
  readonly starts: number[];
  /** Entries of a page that these were asked for with. */
  limit: number;
}

/** Options of a read that goes against the order of the server. */
interface CounterReadingOptions {
  /** The order of the server. */
  readonly serverOrder: Order;
  readonly params: ListEventsParams;
  /** Grows. */
  readonly list: KnownList;
  readonly habits: ServerHabits;
  readonly ask: AskForPage;
  readonly wanted: (event: SessionEvent) => boolean;
}

/** A place between two entries of a list, in the order of the server. */
interface Place {
  /** Entries before it. */
  readonly offset: number;
  /** The entry after it: a list that begins with its newest events shifts as they come. */
  readonly id?: string;
}

interface Entry {
  readonly event: SessionEvent;
  readonly offset: number;
}

/** A page in the server's order. */
interface CounterPage extends Fetched {
  /** The events that are wanted. */
  readonly entries: readonly Entry[];
  /** How many entries of the list stand up to its end. */
  readonly end: number;
}

/** The server's pages have become too large, so what was known of them no longer holds. */
class PageSizeError extends Error {
  readonly limit: number;

  constructor(limit: number) {
    super(`Pages of ${limit} events from now on`);
    this.limit = limit;
  }
}

/** Gives pages of a list in one order from a server that gives the other. */
class CounterReading {
  readonly #options: CounterReadingOptions;

  constructor(options: CounterReadingOptions) {
    this.#options = options;
  }

  /**
   * The entries before a place, or the last of the server's list, turned round.
   *
   * @throws `ApiError`, also where the end of the list cannot be reached
   */
  async read(until?: Place): Promise<Page<SessionEvent>> {
    const { list } = this.#options;
    for (;;) {
      try {
        return await this.#read(until);
      } catch (error) {
        const isStale = isRefusedQuery(error);
        // A remembered cursor is no longer taken, or names a page of another size.
        if (error instanceof PageSizeError) list.limit = error.limit;
        else if (!isStale || list.cursors.length === 1) throw error;
        list.cursors.length = 1;
        list.starts.length = 1;
      }
    }
  }

  async #read(until: Place | undefined): Promise<Page<SessionEvent>> {
    const { serverOrder, list, params } = this.#options;
    const { cursors, starts } = list;
    const limit = params.limit ?? FULL_LIMIT;
    let index = starts.length - 1;
    while (until && index > 0 && (starts[index] ?? 0) >= until.offset) index--;
    let entries: Entry[] = [];
    let cut = false;
    let end = 0;
    let found = -1;
    let reads = 0;
    const read = async (cursor: string | undefined) => {
      if (++reads > MAX_PAGES) throw outOfReach();
      if (reads > 1) {
        cursors[++index] = cursor;
        starts[index] = end;
      }
      return await this.#pageAt(index);
    };
    for await (const { page, data } of pagesOf<SessionEvent, CounterPage>(read, cursors[index])) {
      if (data.length < page.data.length) {
        cursors.length = index;
        starts.length = index--;
        break;
      }
      ({ cut, end } = page);
      // What came before is needed only as far as the last page leaves room.
      entries = withoutRepeated([...entries.slice(-limit), ...page.entries]);
      found = indexOf(entries, until);
      const isMissing = serverOrder === "desc" && until?.id !== undefined && found < 0;
      if (until && end >= until.offset && !isMissing) break;
    }
    if (cut && !until) throw outOfReach();
    if (found >= 0) entries = entries.slice(0, found);
    else if (until) entries = entries.filter(({ offset }) => offset < until.offset);
    const firstOffset = entries[0]?.offset ?? starts[index] ?? 0;
    let oldest = starts.findLastIndex((start) => start <= firstOffset);
    for (let pages = 0; oldest > 0 && entries.length < limit && pages < MAX_FILL; pages++) {
      entries = withoutRepeated([...(await this.#pageAt(--oldest)).entries, ...entries]);
    }
    const shown = entries.slice(-limit);
    const [next] = shown.length < entries.length ? shown : [];
    const startsAt = starts[oldest] ?? 0;
    const rest = next
      ? { offset: next.offset, ...(next.event.id && { id: next.event.id }) }
      : startsAt > 0
      ? { offset: startsAt }
      : undefined;
    return {
      data: eachOnce(shown.map(({ event }) => event).reverse(), params.order),
      next_page: rest ? encodePlace(rest) : null,
    };
  }

  async #pageAt(page: number): Promise<CounterPage> {
    const { serverOrder, params, list, habits, ask, wanted } = this.#options;
    const query = { ...params, order: serverOrder, limit: list.limit, page: list.cursors[page] };
    const fetched = await fetchPage(query, habits, ask);
    const { data } = fetched;
    if (fetched.reduced !== undefined) throw new PageSizeError(fetched.reduced);
    const start = list.starts[page] ?? 0;
    const entries = data.map((event, index): Entry => ({ event, offset: start + index }))
      .filter(({ event }) => wanted(event));
    return { ...fetched, entries, end: start + data.length };
  }
}

function indexOf(entries: readonly Entry[], place: Place | undefined): number {
  return place?.id === undefined ? -1 : entries.findIndex(({ event }) => event.id === place.id);
}

/** Where pages overlap an entry stands where it stood first, in its fuller version. */
function withoutRepeated(entries: readonly Entry[]): Entry[] {
  const places = new Map<string, number>();
  const kept: Entry[] = [];
  for (const entry of entries) {
    const { id } = entry.event;
    const at = id ? places.get(id) : undefined;
    const known = at === undefined ? undefined : kept[at];
    if (at !== undefined && known) {
      kept[at] = { ...known, event: fullerEvent(known.event, entry.event) };
      continue;
    }
    if (id) places.set(id, kept.length);
    kept.push(entry);
  }
  return kept;
}

function isWanted({ type }: SessionEvent, types: readonly string[] | undefined): boolean {
  return !types || types.length === 0 || types.includes(type);
}

function hasHappened(event: SessionEvent): boolean {
  return !isQueued(event);
}

function keyOf(event: SessionEvent | undefined): string | undefined {
  return event && (event.id ?? JSON.stringify(event));
}

/**
 * Each event once, where it stood first in time: what comes again under the same id is the same
 * event, and of two versions the fuller one counts.
 */
function eachOnce(events: readonly SessionEvent[], order: Order = "asc"): SessionEvent[] {
  const versions = new Map<string, SessionEvent>();
  let again = false;
  for (const event of events) {
    if (!event.id) continue;
    const other = versions.get(event.id);
    again ||= other !== undefined;
    versions.set(event.id, other ? fullerEvent(other, event) : event);
  }
  if (!again) return [...events];
  const ascending = order === "asc" ? events : events.toReversed();
  const kept = ascending.flatMap((event) => {
    if (!event.id) return event;
    const version = versions.get(event.id);
    versions.delete(event.id);
    return version ?? [];
  });
  return order === "asc" ? kept : kept.reverse();
}

/**
 * Of two versions of an event the one that says more: stamped before queued, then the longer one,
 * then the second.
 */
export function fullerEvent(first: SessionEvent, second: SessionEvent): SessionEvent {
  if (isQueued(first) !== isQueued(second)) return isQueued(first) ? second : first;
  return JSON.stringify(first).length > JSON.stringify(second).length ? first : second;
}

const PLACE_PREFIX = "cma-mcp place ";
const AFTER_PREFIX = "cma-mcp after ";

function encodePlace({ offset, id }: Place): string {
  return PLACE_PREFIX + JSON.stringify([offset, id ?? null]);
}

function decodePlace(cursor: string): Place | undefined {
  const [offset, id] = parseMarked(PLACE_PREFIX, cursor) ?? [];
  if (typeof offset !== "number") return undefined;
  return { offset, ...(typeof id === "string" && { id }) };
}

function afterCursor(event: SessionEvent | undefined): string | undefined {
  if (!event?.id) return undefined;
  return AFTER_PREFIX + JSON.stringify([event.id, event.seq ?? null]);
}

/** The query of a cursor that {@linkcode afterCursor} made. */
function afterOf(page: string | undefined): Partial<ServerQuery> {
  const [id, seq] = parseMarked(AFTER_PREFIX, page ?? "") ?? [];
  if (typeof id !== "string") return {};
  return { page: undefined, afterId: id, ...(typeof seq === "number" && { afterSeq: seq }) };
}

/** The values in a cursor of this module; undefined for the server's own. */
function parseMarked(mark: string, cursor: string): unknown[] | undefined {
  if (!cursor.startsWith(mark)) return undefined;
  try {
    const value: unknown = JSON.parse(cursor.slice(mark.length));
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function noEvents(): ApiError {
  return new ApiError("The API gives page after page of this session's events with nothing on it", {
    kind: "decode",
  });
}

function outOfReach(): ApiError {
  return new ApiError(
    "The API gives only the beginning of this session's events and no way to the newest",
    { kind: "decode" },
  );
}

/** The direction of a list of events: oldest first, or newest first. */
export type Order = "asc" | "desc";

/** The other direction. */
function opposite(order: Order): Order {
  return order === "asc" ? "desc" : "asc";
}

/** Fields that name an event which came before. */
const REFERENCES = [
  "tool_use_id",
  "mcp_tool_use_id",
  "custom_tool_use_id",
  "model_request_start_id",
] as const;

/**
 * The direction in which the events of a page stand, oldest or newest first. Some servers ignore the
 * order that is asked for.
 *
 * What decides, the first that says anything: an event that refers to another came after it; the
 * times of what the server itself made, pair by pair (the majority counts, since clocks differ);
 * the server's running numbers; the times of inputs, which some servers stamp only when their turn
 * has ended; that a message precedes the turn that it starts.
 *
 * @returns undefined where nothing tells
 */
function directionOf(events: readonly SessionEvent[]): Order | undefined {
  const votes = referenceVotes(events) ||
    stepVotes(events.filter((event) => !isInput(event)).map(timeOf)) ||
    stepVotes(events.map(({ seq }) => typeof seq === "number" ? seq : undefined)) ||
    stepVotes(events.map(timeOf)) ||
    startVotes(events);
  if (votes === 0) return undefined;
  return votes > 0 ? "asc" : "desc";
}

function referenceVotes(events: readonly SessionEvent[]): number {
  const places = new Map(events.map(({ id }, index) => [id, index]));
  let votes = 0;
  for (const [index, event] of events.entries()) {
    for (const name of REFERENCES) {
      const id = event[name];
      const place = typeof id === "string" ? places.get(id) : undefined;
      if (place !== undefined) votes += Math.sign(index - place);
    }
  }
  return votes;
}

function timeOf(event: SessionEvent): number | undefined {
  return instantMs(event.processed_at ?? event.created_at);
}

/** Steps up less steps down. */
function stepVotes(values: readonly (number | undefined)[]): number {
  const known = values.filter((value) => value !== undefined);
  return known.reduce((votes, value, index) => {
    const before = known[index - 1];
    return before === undefined ? votes : votes + Math.sign(value - before);
  }, 0);
}

/** True for events that show that a turn has begun. */
export function beginsTurn({ type }: SessionEvent): boolean {
  return STARTS.has(type);
}

const STARTS: ReadonlySet<string> = new Set([
  "session.status_running",
  "session.thread_status_running",
  "span.model_request_start",
]);

function startVotes(events: readonly SessionEvent[]): number {
  let votes = 0;
  for (const [index, event] of events.entries()) {
    const next = events[index + 1];
    if (!next) break;
    if (event.type === "user.message" && beginsTurn(next)) votes++;
    if (next.type === "user.message" && beginsTurn(event)) votes--;
  }
  return votes;
}
