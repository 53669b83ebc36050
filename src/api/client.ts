/**
 * The client of the Managed Agents API.
 *
 * @module
 */

import { checkBaseUrl } from "../core/base_url.ts";
import type { Clock } from "../core/clock.ts";
import { UsageError } from "../core/errors.ts";
import { type Logger, silentLogger } from "../core/logger.ts";
import type { Proxy } from "../core/proxy.ts";
import { createRedact, type Redact } from "../core/redact.ts";
import { createAgents } from "./agents.ts";
import type { FetchLike, ManagedAgentsApi } from "./api.ts";
import { type Connections, withoutConnections } from "./connections.ts";
import type { CredentialSource } from "./credentials.ts";
import { createEventRecord } from "./event_record.ts";
import { createEnvironments } from "./environments.ts";
import type { HttpContext, RequestInfo } from "./http.ts";
import { recordEvents } from "./recorded_api.ts";
import { createSessionEvents } from "./session_events.ts";
import { createSessions } from "./sessions.ts";

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
  const context: HttpContext = {
    noteDate: (headers, sentAt) => record.noteDate(headers, sentAt),
    baseUrl: checkBaseUrl(options.baseUrl, "the base URL"),
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
