/**
 * Lists a session's events page by page, in the order that was asked for, whatever the server makes
 * of the query.
 *
 * Independent servers were seen to ignore `order`, `types`, `limit` and `page`, to give everything
 * in one page, and to cut a list at `limit` without a word of what follows. So the order of a page
 * is taken from its events ({@linkcode directionOf}). A server that gives one order whatever is asked
 * is read in its own order, and the pages are turned round here.
 *
 * @module
 */

import { LruMap } from "../core/lru.ts";
import { ApiError } from "./errors.ts";
import { directionOf, eachOnce, fullerEvent, opposite, type Order } from "./event_order.ts";
import { decodeEvent, isOfSession, isQueued, type SessionEvent } from "./events.ts";
import { decoded, type HttpContext, requestJson, sessionPath, timeoutOf } from "./http.ts";
import { CursorTrail } from "./pages.ts";
import { type Page, pageOf } from "./resources.ts";
import type { ListEventsParams, ManagedAgentsApi, ReadOptions } from "./types.ts";

type ListEvents = ManagedAgentsApi["events"]["list"];

const MIB = 1024 * 1024;
/** The longest text of an event in a large page; longer ones are screenshots and files. */
const MAX_TEXT_CHARS = 256 * 1024;
/** Of a larger event only the short fields are kept, and of a longer text to be read its end. */
const MAX_ENTRY_CHARS = 8 * MIB;
const MAX_PROSE_CHARS = MAX_ENTRY_CHARS - 128 * 1024;
/** A response with one event may be this many times as large as others: little of it is kept. */
const ALONE_FACTOR = 16;

/** The API's own page size. */
const DEFAULT_LIMIT = 1_000;
/** The largest page known to be accepted everywhere. */
const FULL_LIMIT = 1_000;
/** Larger ones, for servers that have no pages. */
const LARGER_LIMITS = [FULL_LIMIT, 10_000, 100_000] as const;
/** Where a server takes no larger pages, it takes these. */
const SMALL_LIMIT = 100;
/** Entries of the other direction that must show whether the order has an effect. */
const PROBE_LIMIT = 20;
/** Most pages of a list that is read from its other end. */
const MAX_PAGES = 100;
/** Most pages that are put together where each holds less than was asked for. */
const MAX_FILL = 10;
/** The same while none of them holds anything that was asked for. */
const MAX_VAIN_FILL = 50;
/** Sessions of which it is remembered how large a page may be. */
const MAX_SESSIONS = 1_000;
/** Lists of which the cursors of pages are remembered. */
const MAX_LISTS = 200;

/** A query for one page, as it goes to the server. */
interface ServerQuery extends ListEventsParams {
  /** Only what comes after this event: how servers that have `has_more` go on. */
  readonly afterId?: string;
  /** The running number of that event. */
  readonly afterSeq?: number;
}

/** A page as the server gives it. */
interface ServerPage extends Page<SessionEvent> {
  /** The smaller limit that was asked for in the end, where a page of the wanted one was too large. */
  readonly reducedLimit?: number;
}

/** A page of the server, and how to go on. */
interface FetchedPage {
  readonly data: readonly SessionEvent[];
  /** The cursor of what follows, made by the server or by {@linkcode afterCursor}. */
  readonly next_page?: string;
  /** The server has more, and gives no way to it. */
  readonly cut: boolean;
  readonly reducedLimit?: number;
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

/** A list in the server's own order, as far as it was read. */
interface KnownList {
  /** Cursors of its pages from the first on, as far as they are known. */
  readonly cursors: (string | undefined)[];
  /** How many entries stand before each of them. */
  readonly starts: number[];
  /** Entries of a page that these were asked for with. */
  limit: number;
}

/** What all reads share, and have learned of the server. */
interface Server {
  readonly context: HttpContext;
  readonly habits: ServerHabits;
  /** Page sizes that are small enough, by session, where larger pages were too large. */
  readonly limits: LruMap<string, number>;
  /** Lists that are read against the server's order, by session and types. */
  readonly lists: LruMap<string, KnownList>;
}

/**
 * Makes the function that lists events: one page in the order that is asked for, of the types that
 * are asked for, each event once. A page may hold more events than `limit` where the server gives
 * more, and fewer. `timeoutMs` bounds all requests of a page together; mostly it is one.
 *
 * It throws `ApiError`, also where the end of the list is asked for and the server gives no way
 * there.
 *
 * @param context of one server: what is learned of it holds for all sessions
 */
export function createListEvents(context: HttpContext): ListEvents {
  const server: Server = {
    context,
    habits: {},
    limits: new LruMap(MAX_SESSIONS),
    lists: new LruMap(MAX_LISTS),
  };
  return (sessionId, params, options) => new PageReader(server, sessionId, params, options).read();
}

/** Simpler queries for a server that refuses one: at first a smaller page, then fewer parameters. */
const SIMPLER: readonly Pick<ServerHabits, "maxLimit" | "without">[] = [
  { maxLimit: SMALL_LIMIT },
  { without: { types: true } },
  { without: { order: true } },
  { without: { order: true, types: true } },
  { maxLimit: SMALL_LIMIT, without: { order: true, types: true } },
];

function simplified(query: ServerQuery, { maxLimit = Infinity, without }: ServerHabits) {
  const { limit } = query;
  return {
    ...query,
    ...(limit !== undefined && limit > maxLimit && { limit: maxLimit }),
    ...(without?.order && { order: undefined }),
    ...(without?.types && { types: undefined }),
  };
}

/** True when the server refuses a query as such: several frameworks say 422 for 400. */
function isRefusedQuery(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 400 || error.status === 422);
}

/** A place between two entries of a list, in the order of the server. */
interface Place {
  /** Entries before it. */
  readonly offset: number;
  /** The entry after it: a list that begins with its newest events shifts as they come. */
  readonly id?: string;
}

/** An event and its place in the server's list. */
interface Entry {
  readonly event: SessionEvent;
  readonly offset: number;
}

/** The server's pages have become too large, so what was known of them no longer holds. */
class PageSizeError extends Error {
  readonly limit: number;

  constructor(limit: number) {
    super(`Pages of ${limit} events from now on`);
    this.limit = limit;
  }
}

/** Reads one page of a session's events, with as many requests as that takes. */
class PageReader {
  readonly #server: Server;
  readonly #sessionId: string;
  readonly #params: ListEventsParams;
  readonly #order: Order;
  readonly #options: ReadOptions | undefined;
  readonly #endAt: number;

  constructor(
    server: Server,
    sessionId: string,
    params: ListEventsParams,
    options: ReadOptions | undefined,
  ) {
    this.#server = server;
    this.#sessionId = sessionId;
    this.#params = params;
    this.#order = params.order ?? "asc";
    this.#options = options;
    this.#endAt = server.context.clock.now() + timeoutOf(options);
  }

  async read(): Promise<Page<SessionEvent>> {
    const { habits, context } = this.#server;
    const { limit = 1, page, types } = this.#params;
    const place = page === undefined ? undefined : decodePlace(page);
    const isReversed = page === undefined && habits.order === opposite(this.#order);
    if (place || isReversed) return await this.#readReversed(place);
    const trail = new CursorTrail(page);
    let events: SessionEvent[] = [];
    let cursor = page;
    let hasAny = page !== undefined || types !== undefined;
    // A server may give less than was asked for, and what was not.
    for (let count = 1;; count++) {
      const fetched = await this.#fetch({ ...this.#params, page: cursor });
      if (count === 1 && page === undefined && await this.#runsOtherWay(fetched.data)) {
        return await this.#readReversed();
      }
      const { data, next } = trail.take<SessionEvent>(fetched);
      events = eachOnce([...events, ...data.filter((event) => this.#isWanted(event))], this.#order);
      hasAny ||= fetched.data.length > 0;
      // Of large events, a few will do.
      const isEnough = events.length >= limit || count >= MAX_FILL ||
        fetched.reducedLimit !== undefined;
      const isLast = next === undefined || count >= MAX_VAIN_FILL;
      if (!isLast && !(isEnough && events.length > 0)) {
        cursor = next;
        continue;
      }
      // Page after page without an event: that there are none is not known.
      if (!hasAny && next === undefined && fetched.next_page !== undefined) throw noEvents();
      if (fetched.cut) {
        context.log.warn("The API cuts a list of events and gives no way on", {
          order: this.#order,
        });
      }
      return { data: events, next_page: next ?? null, ...(fetched.cut && { isCut: true }) };
    }
  }

  #isWanted(event: SessionEvent): boolean {
    const { types } = this.#params;
    const isOfTypes = !types || types.length === 0 || types.includes(event.type);
    return isOfTypes && isOfSession(event, this.#sessionId);
  }

  /** Tells whether the server's first page shows that it ignores the order that is asked for. */
  async #runsOtherWay(data: readonly SessionEvent[]): Promise<boolean> {
    const { habits, context } = this.#server;
    // Of inputs that are queued, no order is documented.
    const happened = data.filter(hasHappened);
    if (habits.order !== undefined || happened.length < 2) return false;
    const seen = directionOf(happened);
    const order = this.#order;
    // Ascending is what every server gives that was not asked for anything else.
    if ((seen ?? "asc") === order) return false;
    const probe = await this.#ask({ ...this.#params, order: opposite(order), limit: PROBE_LIMIT });
    const first = probe.data.find(hasHappened);
    const ignoresOrder = first !== undefined && keyOf(first) === keyOf(happened[0]);
    habits.order = ignoresOrder ? seen ?? await this.#orderOfAll() : "asked";
    if (ignoresOrder) {
      context.log.info("The API ignores the order of events", { gives: habits.order });
    }
    return habits.order === opposite(order);
  }

  /** The order of a server that gives the same whatever is asked, by events of all types. */
  async #orderOfAll(): Promise<Order> {
    const { data } = await this.#ask({ limit: FULL_LIMIT });
    return directionOf(data.filter(hasHappened)) ?? "asc";
  }

  /**
   * Reads the events before a place, or the last of the list, from a server that gives them in the
   * other order, and turns them round.
   *
   * @throws `ApiError`, also where the end of the list cannot be reached
   */
  async #readReversed(until?: Place): Promise<Page<SessionEvent>> {
    const { lists } = this.#server;
    const key = JSON.stringify([this.#sessionId, this.#params.types ?? null]);
    // A list that begins with its newest events moves as they come: nothing of it lasts.
    const lasts = this.#order === "desc";
    const known = lasts ? lists.get(key) : undefined;
    const list = known ?? { cursors: [undefined], starts: [0], limit: FULL_LIMIT };
    if (lasts) lists.set(key, list);
    for (;;) {
      try {
        return await this.#readBackwards(list, until);
      } catch (error) {
        // A remembered cursor is no longer taken, or names a page of another size.
        if (error instanceof PageSizeError) list.limit = error.limit;
        else if (!isRefusedQuery(error) || list.cursors.length === 1) throw error;
        list.cursors.length = 1;
        list.starts.length = 1;
      }
    }
  }

  /** Reads the server's list up to `until`, or to its end, and takes what comes last of that. */
  async #readBackwards(list: KnownList, until: Place | undefined): Promise<Page<SessionEvent>> {
    const { cursors, starts } = list;
    const limit = this.#params.limit ?? FULL_LIMIT;
    // A list that begins with its newest events shifts as they come.
    const shifts = this.#order === "asc" && until?.id !== undefined;
    // The last known page that begins before the place.
    let index = starts.length - 1;
    while (until && index > 0 && (starts[index] ?? 0) >= until.offset) index--;
    const trail = new CursorTrail(cursors[index]);
    let entries: Entry[] = [];
    let found = -1;
    let cut = false;
    for (let reads = 1;; reads++) {
      const page = await this.#pageAt(list, index);
      const { data, next } = trail.take<SessionEvent>(page);
      if (data.length < page.data.length) {
        // The page before once more, so its cursor leads nowhere.
        cursors.length = index;
        starts.length = index--;
        break;
      }
      ({ cut } = page);
      const end = (starts[index] ?? 0) + page.data.length;
      // What came before is needed only as far as the last page leaves room.
      entries = withoutRepeated([...entries.slice(-limit), ...page.entries]);
      found = indexOf(entries, until);
      if (until && end >= until.offset && !(shifts && found < 0)) break;
      if (next === undefined) break;
      if (reads >= MAX_PAGES) throw outOfReach();
      cursors[++index] = next;
      starts[index] = end;
    }
    if (cut && !until) throw outOfReach();
    if (found >= 0) entries = entries.slice(0, found);
    else if (until) entries = entries.filter(({ offset }) => offset < until.offset);
    // Pages before the first that was read now have the rest, where that is too little.
    const firstOffset = entries[0]?.offset ?? starts[index] ?? 0;
    let oldest = starts.findLastIndex((start) => start <= firstOffset);
    for (let pages = 0; oldest > 0 && entries.length < limit && pages < MAX_FILL; pages++) {
      entries = withoutRepeated([...(await this.#pageAt(list, --oldest)).entries, ...entries]);
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
      data: eachOnce(shown.map(({ event }) => event).reverse(), this.#order),
      next_page: rest ? encodePlace(rest) : null,
    };
  }

  /** Fetches a known page of the server's list, and picks what is wanted of it. */
  async #pageAt(
    list: KnownList,
    index: number,
  ): Promise<FetchedPage & { readonly entries: readonly Entry[] }> {
    const order = opposite(this.#order);
    const query = { ...this.#params, order, limit: list.limit, page: list.cursors[index] };
    const fetched = await this.#fetch(query);
    if (fetched.reducedLimit !== undefined) throw new PageSizeError(fetched.reducedLimit);
    const start = list.starts[index] ?? 0;
    const entries = fetched.data.map((event, place): Entry => ({ event, offset: start + place }))
      .filter(({ event }) => this.#isWanted(event));
    return { ...fetched, entries };
  }

  /** Fetches one page; asks for a larger one where the server cuts lists without a cursor. */
  async #fetch(params: ListEventsParams): Promise<FetchedPage> {
    const { habits } = this.#server;
    const wanted = params.limit ?? FULL_LIMIT;
    // Of what is chosen here, much may be left out.
    const isChosenHere = habits.without?.types && params.types;
    const asked = habits.cutsLists || isChosenHere ? Math.max(wanted, FULL_LIMIT) : wanted;
    const query = { ...params, limit: asked, ...afterOf(params.page) };
    let page = await this.#ask(query);
    if (page.data.length === 0 && page.next_page && params.types && !habits.without?.types) {
      const all = await this.#ask({ ...query, types: undefined });
      if (all.data.length > 0) {
        habits.without = { ...habits.without, types: true };
        page = all;
      }
    }
    const limit = Math.min(asked, habits.maxLimit ?? Infinity);
    const fetched = fetchedOf(page, query);
    const tells = page.next_page !== undefined || typeof page.has_more === "boolean" ||
      query.page !== undefined;
    // A full page and no word of what follows: either nothing does, or lists are cut here.
    const mayBeCut = !tells && page.data.length >= limit;
    if ((!fetched.cut && !mayBeCut) || fetched.reducedLimit !== undefined) return fetched;
    const sizes: readonly number[] = LARGER_LIMITS.filter((size) => size > limit + 1);
    let known: FetchedPage = { ...fetched, cut: fetched.cut || page.data.length > FULL_LIMIT };
    let count = page.data.length;
    for (const size of fetched.cut ? sizes : [limit + 1, ...sizes]) {
      const larger = await this.#askForMore({ ...query, limit: size, afterId: undefined });
      if (!larger || larger.data.length <= count) break;
      habits.cutsLists = true;
      count = larger.data.length;
      const more = fetchedOf(larger, query);
      known = { ...more, cut: more.cut || (count >= size && larger.has_more !== false) };
      if (!known.cut) break;
    }
    return known;
  }

  /** As `#ask`; undefined where the server takes no such limit. */
  async #askForMore(query: ServerQuery): Promise<ServerPage | undefined> {
    try {
      return await this.#ask(query);
    } catch (error) {
      if (isRefusedQuery(error)) return undefined;
      throw error;
    }
  }

  /** Asks only what the server takes, and learns that where it refuses a query. */
  async #ask(query: ServerQuery): Promise<ServerPage> {
    const { habits } = this.#server;
    const usual = simplified(query, habits);
    try {
      return await this.#request(usual);
    } catch (error) {
      // More than any page of this server may have is asked for in the hope only.
      if (!isRefusedQuery(error) || (query.limit ?? 0) > FULL_LIMIT) throw error;
      for (const change of SIMPLER) {
        // A cursor may be what is refused, and belongs to its order and types.
        if (change.without && (query.page !== undefined || query.afterId !== undefined)) continue;
        const simple = simplified(usual, change);
        const isSame = simple.limit === usual.limit && simple.order === usual.order &&
          simple.types === usual.types;
        if (isSame) continue;
        const page = await this.#request(simple).catch((again) => {
          if (isRefusedQuery(again)) return undefined;
          throw again;
        });
        if (!page) continue;
        Object.assign(habits, { ...change, without: { ...habits.without, ...change.without } });
        return page;
      }
      throw error;
    }
  }

  /** Requests one page; asks for fewer events as long as the response is too large. */
  async #request(query: ServerQuery): Promise<ServerPage> {
    const { context, limits } = this.#server;
    const { clock, log, maxBodyBytes } = context;
    const { order, types, createdAtGte, page, afterId, afterSeq, maxTextChars } = query;
    const bounds = {
      maxTextChars: maxTextChars ?? MAX_TEXT_CHARS,
      ...(maxTextChars === undefined &&
        { maxProseChars: Math.min(MAX_PROSE_CHARS, maxBodyBytes / 9) }),
      maxEntryChars: Math.min(MAX_ENTRY_CHARS, maxBodyBytes / 8),
    };
    const path = `${sessionPath(this.#sessionId)}/events`;
    const fitting = limits.get(this.#sessionId);
    let limit = fitting === undefined ? query.limit : Math.min(query.limit ?? Infinity, fitting);
    for (;;) {
      const spec = {
        ...{ method: "GET", path } as const,
        query: {
          ...{ order, types, "created_at[gte]": createdAtGte, limit, page },
          ...{ after_id: afterId, after_seq: afterSeq },
        },
        // An event that is alone too large comes in as well, as far as it can be of use.
        list: { ...bounds, ...(limit === 1 && { maxBytes: maxBodyBytes * ALONE_FACTOR }) },
      };
      const timeoutMs = Math.max(0, this.#endAt - clock.now());
      try {
        const response = await requestJson(context, spec, { ...this.#options, timeoutMs });
        const listed = decoded(
          pageOf(response.value, decodeEvent, log),
          response,
          "page of events",
        );
        return limit === query.limit ? listed : { ...listed, reducedLimit: limit };
      } catch (error) {
        const entries = error instanceof ApiError ? error.entriesRead : undefined;
        if (entries === undefined || limit === 1) throw error;
        const half = Math.max(1, Math.floor((limit ?? DEFAULT_LIMIT) / 2));
        limit = entries > 0 ? Math.min(half, entries) : half;
        limits.set(this.#sessionId, limit);
        log.info("A page of events is too large, asking for less", { limit });
      }
    }
  }
}

/** Tells how a list goes on after a page. */
function fetchedOf(page: ServerPage, { afterId, page: asked }: ServerQuery): FetchedPage {
  // A server that does not know `after_id` begins again.
  const again = afterId === undefined ? -1 : page.data.findLastIndex(({ id }) => id === afterId);
  const data = again < 0 ? page.data : page.data.slice(again + 1);
  const { reducedLimit } = page;
  if (page.next_page && page.next_page !== asked) {
    return { data, next_page: page.next_page, cut: false, reducedLimit };
  }
  const mayHaveMore = reducedLimit !== undefined && page.next_page === undefined &&
    page.has_more !== false;
  if (page.has_more !== true) return { data, cut: mayHaveMore, reducedLimit };
  const next = again < 0 ? afterCursor(data.at(-1)) : undefined;
  return { data, next_page: next, cut: next === undefined };
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

function hasHappened(event: SessionEvent): boolean {
  return !isQueued(event);
}

function keyOf(event: SessionEvent | undefined): string | undefined {
  return event && (event.id ?? JSON.stringify(event));
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
