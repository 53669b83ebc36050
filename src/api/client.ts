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
import { SharedTimer } from "../core/shared_timer.ts";
import { type Connections, withoutConnections } from "./connections.ts";
import type { CredentialSource } from "./credentials.ts";
import { ApiError } from "./errors.ts";
import { createListEvents } from "./event_list.ts";
import { EventRecord } from "./event_record.ts";
import { decodeEvent, eachOnce, isOfSession } from "./events.ts";
import { openFileContent } from "./file_content.ts";
import {
  type HttpContext,
  pathSegment,
  type Query,
  READ_SILENCE_MS,
  request,
  type RequestInfo,
  sessionPath,
} from "./http.ts";
import type { Budget } from "./money.ts";
import { type Page, pageOf } from "./pages.ts";
import type { Read } from "./read.ts";
import {
  agentOf,
  environmentOf,
  fileOf,
  sessionOf,
  threadOf,
  wrappedSessionOf,
} from "./resources.ts";
import { openEventStream } from "./stream.ts";
import type {
  ClientEvent,
  CreateSessionParams,
  FetchLike,
  ManagedAgentsApi,
  ReadOptions,
  UserMessage,
} from "./types.ts";

/** Options of {@linkcode createApi}. */
export interface ApiOptions {
  /** http or https, with or without a path prefix and a trailing slash. */
  readonly baseUrl: string;
  /** The proxy that `fetch` goes through; error messages name it. */
  readonly proxy?: Proxy;
  /**
   * Gives the credential before every request, and again after a 401. Undefined to go without one.
   */
  readonly credential: CredentialSource | undefined;
  /** Carries the requests; made by `createConnections`. */
  readonly connections?: Connections;
  /** Carries the requests in place of `connections`, such as to a server in this process. */
  readonly fetch?: FetchLike;
  readonly clock: Clock;
  readonly log?: Logger;
  /**
   * Hides secrets in every text of the API before anything else reads it, and learns every
   * credential that is used. A new one when absent.
   */
  readonly redact?: Redact;
  /** Uniform random number in [0, 1), for jitter. */
  readonly random?: () => number;
  readonly userAgent?: string;
  /** Called after every attempt. */
  readonly observe?: (info: RequestInfo) => void;
  /** Bound of a response's size in bytes; 64 MiB when absent. */
  readonly maxBodyBytes?: number;
  /** Bound of one stream frame's data in UTF-16 code units; 8 Mi when absent. */
  readonly maxFrameChars?: number;
}

const MIB = 1024 * 1024;

/**
 * Makes a client; see `ManagedAgentsApi` for its calls.
 *
 * @throws `UsageError` when the base URL is not usable, or neither `connections` nor `fetch` is
 * given
 */
export function createApi(options: ApiOptions): ManagedAgentsApi {
  const record = new EventRecord(options.clock);
  const baseUrl = checkBaseUrl(options.baseUrl, "the base URL");
  const context: HttpContext = {
    record,
    baseUrl,
    origin: new URL(baseUrl).origin,
    ...(options.proxy && { proxy: options.proxy }),
    credential: options.credential,
    connections: connectionsOf(options),
    clock: options.clock,
    silence: new SharedTimer(options.clock, READ_SILENCE_MS),
    log: options.log ?? silentLogger,
    redact: options.redact ?? createRedact([]),
    random: options.random,
    userAgent: options.userAgent ?? "cma-mcp",
    observe: options.observe,
    maxBodyBytes: options.maxBodyBytes ?? 64 * MIB,
    maxFrameChars: options.maxFrameChars ?? 8 * MIB,
  };
  return recordEvents({
    agents: {
      list: ({ limit, page }, options) =>
        listOf(context, "agents", { limit, page }, agentOf, options),
      async retrieve(agentId, { version }, options) {
        const path = `/v1/agents/${pathSegment(agentId)}`;
        const spec = { method: "GET", path, query: { version } } as const;
        return await request(context, spec, "agent", (value) => agentOf(value, agentId), options);
      },
    },
    environments: {
      list: ({ limit, page }, options) =>
        listOf(context, "environments", { limit, page }, environmentOf, options),
    },
    files: {
      list: (sessionId, { limit, page }, options) =>
        listOf(context, "files", { scope_id: sessionId, limit, page }, fileOf, options),
      async retrieve(fileId, options) {
        const spec = { method: "GET", path: `/v1/files/${pathSegment(fileId)}` } as const;
        return await request(context, spec, "file", (value) => fileOf(value, fileId), options);
      },
      content: (fileId, options) => openFileContent(context, fileId, options),
    },
    sessions: createSessions(context),
    events: createEvents(context),
    threads: createThreads(context),
  }, record);
}

function connectionsOf({ connections, fetch }: ApiOptions): Connections {
  if (connections) return connections;
  if (fetch) return withoutConnections(fetch);
  throw new UsageError("Cannot make an API client: pass connections or fetch");
}

/** Lists one page of `/v1/<name>`. */
function listOf<T>(
  context: HttpContext,
  name: string,
  query: Query,
  read: Read<T>,
  options: ReadOptions | undefined,
): Promise<Page<T>> {
  const spec = { method: "GET", path: `/v1/${name}`, query } as const;
  const readPage = (value: unknown) => pageOf(value, read, context.log);
  return request(context, spec, `page of ${name}`, readPage, options);
}

/** The body of `POST /v1/sessions`; undefined fields are left out of the JSON. */
export interface CreateSessionBody {
  readonly agent: CreateSessionParams["agent"];
  readonly environment_id: string;
  readonly title?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly budget?: Budget;
  readonly initial_events?: readonly UserMessage[];
  readonly resources?: readonly {
    readonly type: "file";
    readonly file_id: string;
    readonly mount_path: string;
  }[];
}

/** Makes the session endpoints. */
function createSessions(context: HttpContext): ManagedAgentsApi["sessions"] {
  return {
    create({ message, attachments = [], files = [], ...params }, options) {
      const { agent, environmentId, title, metadata, budget } = params;
      const texts = message === undefined ? [] : [{ type: "text", text: message } as const];
      const content = [...texts, ...attachments];
      const body: CreateSessionBody = {
        ...{ agent, environment_id: environmentId, title, metadata, budget },
        initial_events: content.length === 0 ? undefined : [{ type: "user.message", content }],
        resources: files.length === 0 ? undefined : files.map(({ fileId, mountPath }) => ({
          ...{ type: "file", file_id: fileId, mount_path: mountPath } as const,
        })),
      };
      const spec = { method: "POST", path: "/v1/sessions", body } as const;
      return request(context, spec, "session", (value) => wrappedSessionOf(value), options);
    },
    async retrieve(sessionId, options) {
      const spec = { method: "GET", path: sessionPath(sessionId) } as const;
      const read = (value: unknown) => wrappedSessionOf(value, sessionId);
      // The caller knows the session by this id.
      return { ...await request(context, spec, "session", read, options), id: sessionId };
    },
    list(params, options) {
      const { agentId, order, statuses, createdAtGte, createdAtLt } = params;
      const { includeArchived, limit, page } = params;
      const query = {
        ...{ agent_id: agentId, order, statuses },
        ...{ "created_at[gte]": createdAtGte, "created_at[lt]": createdAtLt },
        ...{ include_archived: includeArchived, limit, page },
      };
      return listOf(context, "sessions", query, sessionOf, options);
    },
    async archive(sessionId, options) {
      const spec = { method: "POST", path: `${sessionPath(sessionId)}/archive` } as const;
      // A 2xx status means archived, whatever the body says.
      const read = (value: unknown) => wrappedSessionOf(value, sessionId) ?? { id: sessionId };
      return await request(context, spec, "session", read, options);
    },
  };
}

/** The body of `POST /v1/sessions/{id}/events`. */
export interface SendEventsBody {
  readonly events: readonly ClientEvent[];
}

/** Makes the event endpoints: the list, sending, and the stream. */
function createEvents(context: HttpContext): ManagedAgentsApi["events"] {
  return {
    list: createListEvents(context),
    async send(sessionId, events, options) {
      const body: SendEventsBody = { events };
      const spec = { method: "POST", path: `${sessionPath(sessionId)}/events`, body } as const;
      // A 2xx status means accepted; one implementation sends no echo.
      const read = (value: unknown) => pageOf(value, decodeEvent, context.log) ?? { data: [] };
      return await request(context, spec, "page of events", read, options);
    },
    async stream(sessionId, options) {
      const path = `${sessionPath(sessionId)}/events/stream`;
      const spec = { method: "GET", path, stream: true } as const;
      return await openEventStream(context, spec, sessionId, options);
    },
  };
}

/** Makes the thread endpoints. */
function createThreads(context: HttpContext): ManagedAgentsApi["threads"] {
  return {
    list(sessionId, { statuses, limit, page }, options) {
      const path = `${sessionPath(sessionId)}/threads`;
      const spec = { method: "GET", path, query: { statuses, limit, page } } as const;
      const read = (value: unknown) => pageOf(value, threadOf, context.log);
      return request(context, spec, "page of threads", read, options);
    },
    async events(sessionId, threadId, { limit, page }, options) {
      const path = `${sessionPath(sessionId)}/threads/${pathSegment(threadId)}/events`;
      const spec = { method: "GET", path, query: { limit, page } } as const;
      const read = (value: unknown) => pageOf(value, decodeEvent, context.log);
      const found = await request(context, spec, "page of events", read, options);
      const own = found.data.filter((event) => isOfSession(event, sessionId));
      return { ...found, data: eachOnce(own) };
    },
  };
}

/**
 * Most created sessions that are remembered, and how long, in milliseconds, a replica may trail.
 */
const MAX_CREATED = 1_000;
const NEW_MS = 10_000;

/**
 * Wraps an API to record the events that pass through it; `stream.ts` records those of streams. For
 * a session that was created through it moments ago, a 404 becomes a `timeout`, so that nobody
 * takes it for a wrong id: a replica may trail.
 */
export function recordEvents(api: ManagedAgentsApi, record: EventRecord): ManagedAgentsApi {
  const { sessions, events, threads } = api;
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
        record.addCreated(session.id, sentAt);
        created.set(session.id, record.localTime().monotonic);
        return session;
      },
      retrieve: (sessionId, options) => reading(sessionId, sessions.retrieve(sessionId, options)),
    },
    events: {
      async list(sessionId, params, options) {
        const page = await reading(sessionId, events.list(sessionId, params, options));
        record.addEvents(sessionId, page.data);
        return page;
      },
      async send(sessionId, sent, options) {
        const sentAt = record.localTime();
        const result = await events.send(sessionId, sent, options);
        record.addSent(sessionId, result.data, sentAt);
        return result;
      },
      stream: (sessionId, options) => reading(sessionId, events.stream(sessionId, options)),
    },
    threads: {
      ...threads,
      list: (sessionId, params, options) =>
        reading(sessionId, threads.list(sessionId, params, options)),
    },
  };
}
