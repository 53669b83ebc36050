/**
 * The client of the Managed Agents API.
 *
 * @module
 */

import { checkBaseUrl } from "../core/addresses.ts";
import type { Clock } from "../core/clock.ts";
import { UsageError } from "../core/errors.ts";
import { type Logger, silentLogger } from "../core/logger.ts";
import { LruMap } from "../core/lru.ts";
import type { Proxy } from "../core/proxy.ts";
import { createRedact, type Redact } from "../core/redact.ts";
import { type Connections, withoutConnections } from "./connections.ts";
import type { CredentialSource } from "./credentials.ts";
import { ApiError } from "./errors.ts";
import { createEventPages, type ServerPage, type ServerQuery } from "./event_pages.ts";
import { createEventRecord, type EventRecord } from "./event_record.ts";
import { decodeEvent, type SessionEvent } from "./events.ts";
import {
  type HttpContext,
  type JsonResponse,
  pathSegment,
  type RequestInfo,
  requestJson,
  timeoutOf,
} from "./http.ts";
import { fieldsOf, textOf } from "./read.ts";
import {
  agentOf,
  envelopeOf,
  environmentOf,
  pageOf,
  type Read,
  type Session,
  sessionOf,
} from "./resources.ts";
import { openEventStream } from "./stream.ts";
import type {
  ClientEvent,
  CreateSessionParams,
  EventStream,
  FetchLike,
  ManagedAgentsApi,
} from "./types.ts";

/** What {@linkcode createApi} needs. */
export interface ApiOptions {
  /** http or https, with or without a path prefix and a trailing slash. */
  readonly baseUrl: string;
  /** What `fetch` goes through on the way there, to be named when that fails. */
  readonly proxy?: Proxy;
  /** Asked before every request, and again after a 401. */
  readonly credential: CredentialSource;
  /** Carries the requests; made by `createConnections`. */
  readonly connections?: Connections;
  /** Carries the requests where there are no connections, such as to a server in this process. */
  readonly fetch?: FetchLike;
  readonly clock: Clock;
  readonly log?: Logger;
  /**
   * Hides secrets in everything that the API says, before anything else reads it; it learns every
   * credential that is used. One of its own when absent.
   */
  readonly redact?: Redact;
  /** Uniform random number in [0, 1), for jitter. */
  readonly random?: () => number;
  readonly userAgent?: string;
  /** Told of every attempt. */
  readonly observe?: (info: RequestInfo) => void;
  /** Bound of an answer's size in bytes; 64 MiB when absent. */
  readonly maxBodyBytes?: number;
  /** Bound of one stream frame's data in UTF-16 code units; 8 Mi when absent. */
  readonly maxFrameChars?: number;
}

const MIB = 1024 * 1024;

/**
 * A client that sends what is needed and no more: see `ManagedAgentsApi` for the calls.
 *
 * @throws `UsageError` when the base URL is not usable, or nothing carries the requests
 */
export function createApi(options: ApiOptions): ManagedAgentsApi {
  const record = createEventRecord(options.clock);
  const baseUrl = checkBaseUrl(options.baseUrl, "the base URL");
  const context: HttpContext = {
    record,
    baseUrl,
    origin: new URL(baseUrl).origin,
    ...(options.proxy && { proxy: options.proxy }),
    credential: options.credential,
    connections: connectionsOf(options),
    clock: options.clock,
    log: options.log ?? silentLogger,
    redact: options.redact ?? createRedact([]),
    random: options.random,
    userAgent: options.userAgent ?? "cma-mcp",
    observe: options.observe,
    maxBodyBytes: options.maxBodyBytes ?? 64 * MIB,
    maxFrameChars: options.maxFrameChars ?? 8 * MIB,
  };
  return recordEvents({
    agents: createAgents(context),
    environments: createEnvironments(context),
    sessions: createSessions(context),
    events: createSessionEvents(context),
  }, record);
}

function connectionsOf({ connections, fetch }: ApiOptions): Connections {
  if (connections) return connections;
  if (fetch) return withoutConnections(fetch);
  throw new UsageError("An API client needs connections or a fetch function");
}

/** The agent endpoints over `context`. */
export function createAgents(context: HttpContext): ManagedAgentsApi["agents"] {
  return {
    async list({ limit, page }, options) {
      const spec = { method: "GET", path: "/v1/agents", query: { limit, page } } as const;
      const answer = await requestJson(context, spec, options);
      return decoded(
        pageOf(answer.value, (entry) => agentOf(entry), context.log),
        answer,
        "page of agents",
      );
    },
    async retrieve(agentId, { version }, options) {
      const path = `/v1/agents/${pathSegment(agentId)}`;
      const spec = { method: "GET", path, query: { version } } as const;
      const answer = await requestJson(context, spec, options);
      return decoded(agentOf(answer.value, agentId), answer, "agent");
    },
  };
}

/** The environment endpoint over `context`. */
export function createEnvironments(context: HttpContext): ManagedAgentsApi["environments"] {
  return {
    async list({ limit, page }, options) {
      const spec = { method: "GET", path: "/v1/environments", query: { limit, page } } as const;
      const answer = await requestJson(context, spec, options);
      return decoded(
        pageOf(answer.value, environmentOf, context.log),
        answer,
        "page of environments",
      );
    },
  };
}

/** The body of `POST /v1/sessions`; undefined fields are left out of the JSON. */
export interface CreateSessionBody {
  readonly agent: CreateSessionParams["agent"];
  readonly environment_id: string;
  readonly title?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly initial_events?: {
    readonly type: "user.message";
    readonly content: { readonly type: "text"; readonly text: string }[];
  }[];
}

/** The parameters as the wire wants them. */
export function createSessionBody(params: CreateSessionParams): CreateSessionBody {
  const { agent, environmentId, title, metadata, message } = params;
  return {
    agent,
    environment_id: environmentId,
    title,
    metadata,
    initial_events: message === undefined
      ? undefined
      : [{ type: "user.message", content: [{ type: "text", text: message }] }],
  };
}

/**
 * Reads a session that some servers wrap in an object (`session`, `data`), or of which they give
 * the id alone (`session_id`).
 */
function wrappedSessionOf(value: unknown, knownId?: string): Session | undefined {
  const fields = fieldsOf(value);
  const { session, data, session_id } = fields ?? {};
  const id = textOf(session_id) ?? textOf(session);
  const named = id === undefined ? value : { id, ...fields };
  const read = [session, data, named].map((found) => sessionOf(found, knownId));
  return read.find((found) => found !== undefined);
}

/** The session endpoints over `context`. */
export function createSessions(context: HttpContext): ManagedAgentsApi["sessions"] {
  return {
    async create(params, options) {
      const body = createSessionBody(params);
      const spec = { method: "POST", path: "/v1/sessions", body } as const;
      const answer = await requestJson(context, spec, options);
      return decoded(wrappedSessionOf(answer.value), answer, "session");
    },
    async retrieve(sessionId, options) {
      const spec = { method: "GET", path: `/v1/sessions/${pathSegment(sessionId)}` } as const;
      const answer = await requestJson(context, spec, options);
      // It goes by the id that the caller knows.
      const session = decoded(wrappedSessionOf(answer.value, sessionId), answer, "session");
      return { ...session, id: sessionId };
    },
    async list({ agentId, order, createdAtGte, includeArchived, limit, page }, options) {
      const query = {
        agent_id: agentId,
        order,
        "created_at[gte]": createdAtGte,
        include_archived: includeArchived,
        limit,
        page,
      };
      const spec = { method: "GET", path: "/v1/sessions", query } as const;
      const answer = await requestJson(context, spec, options);
      return decoded(
        pageOf(answer.value, (entry) => sessionOf(entry), context.log),
        answer,
        "page of sessions",
      );
    },
    async archive(sessionId, options) {
      const path = `/v1/sessions/${pathSegment(sessionId)}/archive`;
      const answer = await requestJson(context, { method: "POST", path }, options);
      // Carried out, whatever the body says about it.
      return wrappedSessionOf(answer.value, sessionId) ?? { id: sessionId };
    },
  };
}

const eventOf: Read<SessionEvent> = (entry) => decodeEvent(entry);

/** The longest text of an event in a large page; longer ones are screenshots and files. */
const MAX_TEXT_CHARS = 256 * 1024;
/** Of a larger event only the short fields are kept, and of a longer text to be read its end. */
const MAX_ENTRY_CHARS = 8 * 1024 * 1024;
const MAX_PROSE_CHARS = MAX_ENTRY_CHARS - 128 * 1024;
/** An answer with one event may be this many times as large as others: little of it is kept. */
const ALONE_FACTOR = 16;
/** The API's own. */
const DEFAULT_LIMIT = 1_000;
/** Sessions of which it is remembered how large a page may be. */
const MAX_SESSIONS = 1_000;

/** The body of `POST /v1/sessions/{id}/events`. */
export interface SendEventsBody {
  readonly events: readonly ClientEvent[];
}

/** The event endpoints over `context`. */
export function createSessionEvents(context: HttpContext): ManagedAgentsApi["events"] {
  const pages = createEventPages(context.log);
  /** Events that a page of a session may have, where more were too large. */
  const fitting = new LruMap<string, number>(MAX_SESSIONS);

  async function ask(
    sessionId: string,
    query: ServerQuery,
    options: Parameters<typeof requestJson>[2],
  ): Promise<ServerPage> {
    const { order, types, createdAtGte, limit, page, afterId, afterSeq } = query;
    const fields = {
      order,
      types,
      "created_at[gte]": createdAtGte,
      limit,
      page,
      after_id: afterId,
      after_seq: afterSeq,
    };
    // An event that is alone too large comes in as well, as far as it can be of use.
    const isAlone = limit === 1;
    const list = {
      maxTextChars: query.maxTextChars ?? MAX_TEXT_CHARS,
      ...(query.maxTextChars === undefined &&
        { maxProseChars: Math.min(MAX_PROSE_CHARS, context.maxBodyBytes / 9) }),
      maxEntryChars: Math.min(MAX_ENTRY_CHARS, context.maxBodyBytes / 8),
      ...(isAlone && { maxBytes: context.maxBodyBytes * ALONE_FACTOR }),
    };
    const spec = { method: "GET", path: eventsPath(sessionId), query: fields, list } as const;
    const answer = await requestJson(context, spec, options);
    const listed = decoded(pageOf(answer.value, eventOf, context.log), answer, "page of events");
    const { has_more, next_page } = envelopeOf(answer.value)?.fields ?? {};
    // Absent and null are told apart here: null says that there is no more.
    return { ...listed, has_more, next_page: next_page === null ? null : listed.next_page };
  }

  /** Asks for fewer events as long as the answer is too large. */
  async function askFitting(
    sessionId: string,
    query: ServerQuery,
    optionsNow: () => Parameters<typeof requestJson>[2],
  ): Promise<ServerPage> {
    for (let limit = lesser(query.limit, fitting.get(sessionId));;) {
      try {
        const page = await ask(sessionId, { ...query, limit }, optionsNow());
        return limit === query.limit ? page : { ...page, reduced: limit };
      } catch (error) {
        const entries = error instanceof ApiError ? error.entriesRead : undefined;
        if (entries === undefined || limit === 1) throw error;
        const half = Math.max(1, Math.floor((limit ?? DEFAULT_LIMIT) / 2));
        limit = entries > 0 ? Math.min(half, entries) : half;
        fitting.set(sessionId, limit);
        context.log.info("A page of events is too large, asking for less", { limit });
      }
    }
  }

  return {
    async list(sessionId, params, options) {
      const { clock } = context;
      const endAt = clock.now() + timeoutOf(options);
      // Mostly one request; the bound is that of all together.
      const optionsNow = () => ({ ...options, timeoutMs: Math.max(0, endAt - clock.now()) });
      return await pages.read(
        sessionId,
        params,
        (query) => askFitting(sessionId, query, optionsNow),
      );
    },
    async send(sessionId, events, options) {
      const body: SendEventsBody = { events };
      const spec = { method: "POST", path: eventsPath(sessionId), body } as const;
      const answer = await requestJson(context, spec, options);
      // Accepted, whether or not the body echoes it: one implementation sends none.
      return pageOf(answer.value, eventOf, context.log) ?? { data: [] };
    },
    async stream(sessionId, options) {
      const spec = {
        method: "GET",
        path: `${eventsPath(sessionId)}/stream`,
        stream: true,
      } as const;
      return await openEventStream(context, spec, sessionId, options);
    },
  };
}

function lesser(limit: number | undefined, bound: number | undefined): number | undefined {
  return bound === undefined ? limit : Math.min(limit ?? Infinity, bound);
}

function eventsPath(sessionId: string): string {
  return `/v1/sessions/${pathSegment(sessionId)}/events`;
}

/** Sessions that were made here, and how long, in milliseconds, a replica may not know them. */
const MAX_CREATED = 1_000;
const NEW_MS = 10_000;

/**
 * An API that keeps a record of the events that pass through it. Reads of a session that was made
 * through it moments ago are not told that there is no such session: a replica may trail.
 */
export function recordEvents(api: ManagedAgentsApi, record: EventRecord): ManagedAgentsApi {
  const { sessions, events } = api;
  const created = new LruMap<string, number>(MAX_CREATED);
  const reading = async <T>(sessionId: string, read: Promise<T>): Promise<T> => {
    try {
      return await read;
    } catch (error) {
      const createdAt = created.get(sessionId) ?? -Infinity;
      const isNew = record.localTime().monotonic - createdAt < NEW_MS;
      if (!isNew || !(error instanceof ApiError) || !error.isNotFound) throw error;
      const { requestId, origin } = error;
      const text = "The API does not show the new session yet";
      throw new ApiError(text, { kind: "timeout", requestId, origin }, { cause: error });
    }
  };
  return {
    ...api,
    eventRecord: record,
    sessions: {
      ...sessions,
      async create(params, options) {
        const sentAt = record.localTime();
        const session = await sessions.create(params, options);
        record.noteCreated(session.id, sentAt);
        created.set(session.id, record.localTime().monotonic);
        return session;
      },
      retrieve: (sessionId, options) => reading(sessionId, sessions.retrieve(sessionId, options)),
    },
    events: {
      async list(sessionId, params, options) {
        const page = await reading(sessionId, events.list(sessionId, params, options));
        record.noteEvents(sessionId, page.data);
        return page;
      },
      async send(sessionId, sent, options) {
        const sentAt = record.localTime();
        const result = await events.send(sessionId, sent, options);
        record.noteSent(sessionId, result.data, sentAt);
        return result;
      },
      async stream(sessionId, options) {
        const stream = await reading(sessionId, events.stream(sessionId, options));
        return recorded(stream, sessionId, record);
      },
    },
  };
}

function recorded(stream: EventStream, sessionId: string, record: EventRecord): EventStream {
  return {
    close: () => stream.close(),
    async *[Symbol.asyncIterator]() {
      for await (const item of stream) {
        if (item.kind === "event") record.noteEvents(sessionId, [item.event]);
        yield item;
      }
    },
  };
}

/**
 * @param value what a reader made of the answer; undefined when nothing
 * @param what names the answer in the message, such as `session`
 * @throws `ApiError` of kind `decode` when there is nothing
 */
export function decoded<T>(value: T | undefined, answer: JsonResponse, what: string): T {
  if (value !== undefined) return value;
  throw new ApiError(`The API's answer is no ${what}`, {
    kind: "decode",
    // An API of this kind has none of this: a health check or a gateway answers in its place.
    ...(what.startsWith("page of") && { answeredBy: "other" }),
    status: answer.status,
    requestId: answer.requestId,
  });
}
