/**
 * Lists a session's events page by page, in the requested order, even from servers that ignore the
 * query.
 *
 * Independent servers were seen to ignore `order`, `types`, `limit` and `page`, to put everything
 * into one page, and to cut a list at `limit` without a sign that more follows. So the order of a
 * page is taken from its events ({@linkcode directionOf}). A server that always gives the same
 * order is read in that order, and the pages are reversed here.
 *
 * Each method of `PageReader` hides one habit from the methods above it: `#request` that a page is
 * too large, `#ask` that the server rejects a parameter, `#fetch` that it cuts a list or filters
 * badly, `#fetchInOrder` that it gives the other order. `read` makes a page of the rest.
 *
 * @module
 */

import { LruMap } from "../core/lru.ts";
import { ApiError } from "./errors.ts";
import {
  beginsTurn,
  decodeEvent,
  eachOnce,
  fullerEvent,
  isInput,
  isOfSession,
  isQueued,
  type SessionEvent,
} from "./events.ts";
import { type HttpContext, request, sessionPath, timeoutOf } from "./http.ts";
import { CursorTrail, type Page, pageOf } from "./pages.ts";
import { type Fields, fieldsOf, instantMs } from "./read.ts";
import type { ListEventsParams, ManagedAgentsApi, ReadOptions } from "./types.ts";

/** The direction of a list of events: oldest first, or newest first. */
type Order = "asc" | "desc";

type ListEvents = ManagedAgentsApi["events"]["list"];

const MIB = 1024 * 1024;
/** Longest text of an event in a large page; longer ones are screenshots and files. */
const MAX_TEXT_CHARS = 256 * 1024;
/**
 * Longest event and text in characters. Of a larger event only the short fields are kept, of a
 * longer readable text its end.
 */
const MAX_ENTRY_CHARS = 8 * MIB;
const MAX_PROSE_CHARS = MAX_ENTRY_CHARS - 128 * 1024;
/** How many times larger a response with a single event may be: little of it is kept. */
const ALONE_FACTOR = 16;

/**
 * Events of a page where no limit is named, and the largest limit that servers are known to take.
 */
export const FULL_PAGE = 1_000;
/** Larger limits, for servers that have no pages. */
const LARGER_LIMITS = [FULL_PAGE, 10_000, 100_000] as const;
/** Limit for servers that take no larger pages. */
const SMALL_LIMIT = 100;
/** Most entries in the other direction that are needed to tell whether the order has an effect. */
const PROBE_LIMIT = 20;
/** Most pages of a list that is read from its other end. */
const MAX_PAGES = 100;
/** Most pages that are joined where each holds fewer events than requested. */
const MAX_FILL = 10;
/** Most pages that are joined while none of them holds a requested event. */
const MAX_VAIN_FILL = 50;
/** Most sessions whose page size is remembered. */
const MAX_SESSIONS = 1_000;
/** Most lists whose cursors are remembered. */
const MAX_LISTS = 200;

/** A query for one page, as it is sent to the server. */
interface ServerQuery extends ListEventsParams {
  /** Lists only events after this one, for servers that have `has_more` in place of cursors. */
  readonly afterId?: string;
  /** The running number of that event. */
  readonly afterSeq?: number;
}

/** A page of the server. */
interface ServerPage extends Page<SessionEvent> {
  /** The smaller limit of the last request, where a page of the wanted one was too large. */
  readonly reducedLimit?: number;
}

/** Habits of the server, as far as they were seen. */
interface ServerHabits {
  /** The order that it always gives; `asked` where it was seen to follow the query. */
  order?: Order | "asked";
  /** True when it was seen to cut lists at `limit` without a cursor. */
  cutsLists?: true;
  /** True when it was seen to reject a cursor without the types that it came with. */
  bindsCursors?: true;
  /** The largest page that it was seen to take, where it rejected a larger one. */
  maxLimit?: number;
  /**
   * Parameters that it rejects, or that do harm: some servers apply `types` to a finished page, and
   * so give page after page without events. Then this module filters or sorts itself.
   */
  without?: { readonly order?: true; readonly types?: true };
}

/** A list in the server's own order, as far as it was read. */
interface KnownList {
  /** Its pages from the first on: the cursor of each, and the number of entries before it. */
  readonly pages: readonly { readonly cursor?: string; readonly start: number }[];
  /** Limit that the pages were requested with. */
  readonly limit: number;
}

/** What all reads share, and have learned about the server. */
interface Server {
  readonly context: HttpContext;
  readonly habits: ServerHabits;
  /** Page sizes that are small enough, by session, where larger pages were too large. */
  readonly limits: LruMap<string, number>;
  /** Lists that are read against the server's order, by session and types. */
  readonly lists: LruMap<string, KnownList>;
}

/**
 * Makes the function that lists events: one page in the requested order, of the requested types,
 * each event once. A page may hold more events than `limit` where the server gives more, and fewer.
 * `timeoutMs` bounds all requests of a page together; mostly it is one.
 *
 * It throws `ApiError`, also when the end of the list is requested and the server gives no way to
 * reach it.
 *
 * @param context of one server: habits learned from it apply to all sessions
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

/** Simpler queries for a server that rejects one: first a smaller page, then fewer parameters. */
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

/** Returns true if the server rejects the query itself. */
function isRejectedQuery(error: unknown): boolean {
  return error instanceof ApiError && error.isInvalidRequest;
}

/** Returns the page, or undefined where the server rejects the query. */
async function unlessRejected(page: Promise<ServerPage>): Promise<ServerPage | undefined> {
  try {
    return await page;
  } catch (error) {
    if (isRejectedQuery(error)) return undefined;
    throw error;
  }
}

/** A place between two entries of a list, in the order of the server. */
interface Place {
  /** Number of entries before it. */
  readonly offset: number;
  /** Id of the entry after it: a list that begins with its newest events shifts as they come. */
  readonly id?: string;
}

/** An event, and the number of entries before it in the server's list. */
interface Entry {
  readonly event: SessionEvent;
  readonly offset: number;
}

/** Reads one page of a session's events, with as many requests as that needs. */
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
    const { limit, page, types } = this.#params;
    const trail = new CursorTrail(page);
    let events: SessionEvent[] = [];
    let cursor = page;
    let hasAny = page !== undefined || types !== undefined;
    // A server may give fewer events than requested, and others than requested.
    for (let count = 1;; count++) {
      const room = Math.max(1, (limit ?? FULL_PAGE) - events.length);
      const fetched = await this.#fetchInOrder(cursor, room);
      const { data, next } = trail.take<SessionEvent>(fetched);
      events = eachOnce([...events, ...data.filter((event) => this.#isWanted(event))], this.#order);
      hasAny ||= fetched.data.length > 0;
      // A few large events are enough.
      const isEnough = events.length >= (limit ?? 1) || count >= MAX_FILL ||
        fetched.reducedLimit !== undefined;
      const isLast = next === undefined || count >= MAX_VAIN_FILL;
      if (!isLast && !(isEnough && events.length > 0)) {
        cursor = next;
        continue;
      }
      // Page after page without an event does not prove that there are none.
      if (!hasAny && next === undefined && fetched.next_page) throw noEvents();
      if (fetched.isCut) {
        this.#server.context.log.warn("The API cuts a list of events and gives no way on", {
          order: this.#order,
        });
      }
      return { data: events, next_page: next ?? null, ...(fetched.isCut && { isCut: true }) };
    }
  }

  /**
   * Fetches a page in the requested order, as the server gives it or reversed.
   *
   * @param room number of wanted events that is enough for a reversed page
   */
  async #fetchInOrder(cursor: string | undefined, room: number): Promise<ServerPage> {
    const place = placeOf(cursor);
    if (place) return await this.#fetchReversed(place, room);
    const isFirst = cursor === undefined;
    const isKnownReversed = isFirst && this.#server.habits.order === opposite(this.#order);
    if (!isKnownReversed) {
      const fetched = await this.#fetch({ ...this.#params, page: cursor });
      if (!isFirst || !await this.#runsOtherWay(fetched.data)) return fetched;
    }
    return await this.#fetchReversed(undefined, room);
  }

  #isWanted(event: SessionEvent): boolean {
    const { types } = this.#params;
    const isOfTypes = !types || types.length === 0 || types.includes(event.type);
    return isOfTypes && isOfSession(event, this.#sessionId);
  }

  /** Returns true if the server's first page shows that it ignores the requested order. */
  async #runsOtherWay(data: readonly SessionEvent[]): Promise<boolean> {
    const { habits, context } = this.#server;
    // No order is documented for queued inputs.
    const happened = data.filter(hasHappened);
    if (habits.order !== undefined || happened.length < 2) return false;
    const seen = directionOf(happened);
    const order = this.#order;
    // Ascending is the default order of every server.
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

  /** Returns the order of a server that always gives the same one, by events of all types. */
  async #orderOfAll(): Promise<Order> {
    const { data } = await this.#ask({ limit: FULL_PAGE });
    return directionOf(data.filter(hasHappened)) ?? "asc";
  }

  /**
   * Makes a page of the last entries of the server's list, which runs the other way, before a place
   * or the end.
   *
   * @param room number of wanted events that is enough
   */
  async #fetchReversed(until: Place | undefined, room: number): Promise<ServerPage> {
    const { entries, start } = await this.#readUpTo(until);
    const place = (until?.id ? entries.get(until.id) : undefined) ?? until;
    const before = [...entries.values()].filter(({ offset }) => !place || offset < place.offset);
    const shown = before.slice(-room);
    const [oldest] = shown;
    const offset = oldest && shown.length < before.length ? oldest.offset : start;
    return {
      data: shown.map(({ event }) => event).reverse(),
      // The id shows where pages overlap.
      ...(offset > 0 && { next_page: placeCursor(offset, oldest?.event.id) }),
    };
  }

  /**
   * Reads the server's list, which runs the other way, up to a place or its end.
   *
   * @returns the last wanted entries by id, each where it stood first, in its fuller version; and
   * the number of entries before the first page that was read
   * @throws `ApiError`, also where the end of the list cannot be reached
   */
  async #readUpTo(
    until: Place | undefined,
  ): Promise<{ readonly entries: Map<string | number, Entry>; readonly start: number }> {
    const { lists, limits } = this.#server;
    const { types, limit: wanted = FULL_PAGE } = this.#params;
    const order = opposite(this.#order);
    const limit = limits.get(this.#sessionId) ?? FULL_PAGE;
    const key = JSON.stringify([this.#sessionId, types ?? null]);
    // A list that begins with its newest events shifts as they come: remember nothing of it.
    const shifts = order === "desc";
    const known = lists.get(key);
    const pages = known?.limit === limit ? [...known.pages] : [{ start: 0 }];
    if (!shifts) lists.set(key, { pages, limit });
    // Start at the last known page that begins before the place.
    const isBefore = ({ start }: { readonly start: number }) => !until || start < until.offset;
    const first = Math.max(0, pages.findLastIndex(isBefore));
    const trail = new CursorTrail(pages[first]?.cursor);
    const entries = new Map<string | number, Entry>();
    for (let index = first;; index++) {
      const { cursor, start } = pages[index] ?? { start: 0 };
      const fetching = this.#fetch({ ...this.#params, order, limit, page: cursor });
      const isRemembered = index === first && index > 0;
      const page = isRemembered ? await unlessRejected(fetching) : await fetching;
      if (!page) lists.delete(key);
      // Pages of another size begin elsewhere.
      if (!page || page.reducedLimit !== undefined) return await this.#readUpTo(until);
      const { data, next } = trail.take<SessionEvent>(page);
      if (data.length < page.data.length) {
        // The same page came again: its cursor leads nowhere.
        pages.length = index;
        break;
      }
      // Earlier entries are needed only as far as the last page leaves room.
      for (const id of [...entries.keys()].slice(0, -wanted - 1)) entries.delete(id);
      for (const [place, event] of data.entries()) {
        if (!this.#isWanted(event)) continue;
        const id = event.id ?? start + place;
        const known = entries.get(id);
        entries.set(id, {
          offset: known?.offset ?? start + place,
          event: known ? fullerEvent(known.event, event) : event,
        });
      }
      const end = start + data.length;
      const isReached = until && (shifts && until.id ? entries.has(until.id) : end >= until.offset);
      if (isReached) break;
      if (page.isCut && !until) throw outOfReach();
      if (next === undefined) break;
      if (index - first + 1 >= MAX_PAGES) throw outOfReach();
      pages[index + 1] = { cursor: next, start: end };
    }
    return { entries, start: pages[first]?.start ?? 0 };
  }

  /** Fetches one page, and the entries that the server left out of it without a sign. */
  async #fetch(params: ListEventsParams): Promise<ServerPage> {
    const { habits } = this.#server;
    const wanted = params.limit ?? FULL_PAGE;
    // The filter here may leave out many entries, so ask for a full page.
    const isChosenHere = habits.without?.types && params.types;
    const asked = habits.cutsLists || isChosenHere ? Math.max(wanted, FULL_PAGE) : wanted;
    const query = { ...params, limit: asked, ...afterOf(params.page) };
    let page = await this.#ask(query);
    const mayBeLate = params.types && !habits.without?.types && !habits.bindsCursors;
    if (page.data.length === 0 && page.next_page && mayBeLate) {
      const all = await unlessRejected(this.#ask({ ...query, types: undefined }));
      if (!all) habits.bindsCursors = true;
      else if (all.data.length > 0) {
        habits.without = { ...habits.without, types: true };
        page = all;
      }
    }
    const limit = Math.min(asked, habits.maxLimit ?? Infinity);
    const tells = page.next_page !== undefined || typeof page.has_more === "boolean" ||
      query.page !== undefined;
    // A full page without a sign of more: either it is the end, or this server cuts lists.
    const mayBeCut = !tells && page.data.length >= limit;
    const fetched = withWayOn(page, query);
    if ((!fetched.isCut && !mayBeCut) || fetched.reducedLimit !== undefined) return fetched;
    return await this.#fetchLarger(fetched, page.data.length, { ...query, limit });
  }

  /** Requests larger pages in place of one that is cut, or may be, as long as they hold more. */
  async #fetchLarger(
    fetched: ServerPage,
    count: number,
    query: ServerQuery & { readonly limit: number },
  ): Promise<ServerPage> {
    const sizes: readonly number[] = LARGER_LIMITS.filter((size) => size > query.limit + 1);
    let known: ServerPage = { ...fetched, isCut: fetched.isCut || count > FULL_PAGE };
    let most = count;
    for (const limit of fetched.isCut ? sizes : [query.limit + 1, ...sizes]) {
      const larger = await unlessRejected(this.#ask({ ...query, limit, afterId: undefined }));
      if (!larger || larger.data.length <= most) break;
      this.#server.habits.cutsLists = true;
      most = larger.data.length;
      const more = withWayOn(larger, query);
      known = { ...more, isCut: more.isCut || (most >= limit && larger.has_more !== false) };
      if (!known.isCut) break;
    }
    return known;
  }

  /** Sends only queries that the server takes, and learns from those it rejects. */
  async #ask(query: ServerQuery): Promise<ServerPage> {
    const { habits } = this.#server;
    const usual = simplified(query, habits);
    try {
      return await this.#request(usual);
    } catch (error) {
      // A limit above that of any page is tried in hope only.
      if (!isRejectedQuery(error) || (query.limit ?? 0) > FULL_PAGE) throw error;
      for (const change of SIMPLER) {
        // The server may reject the cursor, which belongs to its order and types.
        if (change.without && (query.page !== undefined || query.afterId !== undefined)) continue;
        const simple = simplified(usual, change);
        const isSame = simple.limit === usual.limit && simple.order === usual.order &&
          simple.types === usual.types;
        if (isSame) continue;
        const page = await unlessRejected(this.#request(simple));
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
        // A single event that is too large is read as well, as far as it is useful.
        list: { ...bounds, ...(limit === 1 && { maxBytes: maxBodyBytes * ALONE_FACTOR }) },
      };
      const read = (value: unknown) => pageOf(value, decodeEvent, log);
      const timeoutMs = Math.max(0, this.#endAt - clock.now());
      try {
        const options = { ...this.#options, timeoutMs };
        const listed = await request(context, spec, "page of events", read, options);
        return limit === query.limit ? listed : { ...listed, reducedLimit: limit };
      } catch (error) {
        const entries = error instanceof ApiError ? error.entriesRead : undefined;
        if (entries === undefined || limit === 1) throw error;
        const half = Math.max(1, Math.floor((limit ?? FULL_PAGE) / 2));
        limit = entries > 0 ? Math.min(half, entries) : half;
        limits.set(this.#sessionId, limit);
        log.info("A page of events is too large, asking for less", { limit });
      }
    }
  }
}

/**
 * Adds how a list continues after a page: the cursor, or a sign that there is none though there is
 * more.
 */
function withWayOn(page: ServerPage, { afterId, page: asked }: ServerQuery): ServerPage {
  const { reducedLimit, next_page, has_more } = page;
  // A server that does not know `after_id` begins again.
  const again = afterId === undefined ? -1 : page.data.findLastIndex(({ id }) => id === afterId);
  const data = again < 0 ? page.data : page.data.slice(again + 1);
  if (next_page && next_page !== asked) return { data, next_page, reducedLimit };
  if (has_more === true) {
    const next = again < 0 ? afterCursor(data.at(-1)) : undefined;
    return { data, next_page: next, isCut: next === undefined, reducedLimit };
  }
  const mayHaveMore = reducedLimit !== undefined && next_page === undefined && has_more !== false;
  return { data, isCut: mayHaveMore, reducedLimit };
}

/** Fields that name an earlier event. */
const REFERENCES = [
  "tool_use_id",
  "mcp_tool_use_id",
  "custom_tool_use_id",
  "model_request_start_id",
] as const;

/**
 * Returns the direction in which the events of a page stand: oldest or newest first. Some servers
 * ignore the requested order.
 *
 * The first of these signs that says anything decides: an event that refers to another came after
 * it; the times of the server's own events, pair by pair (the majority counts, since clocks
 * differ); the server's running numbers; the times of inputs, which some servers stamp only when
 * their turn has ended; a message precedes the turn that it starts.
 *
 * @returns undefined where no sign says anything
 */
function directionOf(events: readonly SessionEvent[]): Order | undefined {
  const votes = referenceVotes(events) ||
    stepVotes(events.filter((event) => !isInput(event)).map(instantOf)) ||
    stepVotes(events.map(({ seq }) => typeof seq === "number" ? seq : undefined)) ||
    stepVotes(events.map(instantOf)) ||
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

function instantOf(event: SessionEvent): number | undefined {
  return instantMs(event.processed_at ?? event.created_at);
}

/** Returns the number of steps up less that of steps down. */
function stepVotes(values: readonly (number | undefined)[]): number {
  const known = values.filter((value) => value !== undefined);
  return known.reduce((votes, value, index) => {
    const before = known[index - 1];
    return before === undefined ? votes : votes + Math.sign(value - before);
  }, 0);
}

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

function opposite(order: Order): Order {
  return order === "asc" ? "desc" : "asc";
}

function hasHappened(event: SessionEvent): boolean {
  return !isQueued(event);
}

function keyOf(event: SessionEvent | undefined): string | undefined {
  return event && (event.id ?? JSON.stringify(event));
}

/** Prefix of cursors that are made here; all others are the server's own. */
const OWN_CURSOR = "cma-mcp ";

function placeCursor(offset: number, id?: string | null): string {
  return OWN_CURSOR + JSON.stringify({ offset, id });
}

function placeOf(cursor: string | undefined): Place | undefined {
  const { offset, id } = fieldsOfOwn(cursor);
  if (typeof offset !== "number") return undefined;
  return { offset, ...(typeof id === "string" && { id }) };
}

function afterCursor({ id, seq }: Partial<SessionEvent> = {}): string | undefined {
  return id ? OWN_CURSOR + JSON.stringify({ afterId: id, afterSeq: seq }) : undefined;
}

/** Returns the query of a cursor that {@linkcode afterCursor} made. */
function afterOf(cursor: string | undefined): Partial<ServerQuery> {
  const { afterId, afterSeq } = fieldsOfOwn(cursor);
  if (typeof afterId !== "string") return {};
  return { page: undefined, afterId, ...(typeof afterSeq === "number" && { afterSeq }) };
}

function fieldsOfOwn(cursor = ""): Fields {
  if (!cursor.startsWith(OWN_CURSOR)) return {};
  try {
    return fieldsOf(JSON.parse(cursor.slice(OWN_CURSOR.length))) ?? {};
  } catch {
    return {};
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
