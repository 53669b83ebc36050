/**
 * The client of the Managed Agents API.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { type Logger, silentLogger } from "../core/log.ts";
import { createAgents } from "./agents.ts";
import type { FetchLike, ManagedAgentsApi } from "./api.ts";
import type { CredentialSource } from "./credentials.ts";
import { createEnvironments } from "./environments.ts";
import type { HttpContext, RequestInfo } from "./http.ts";
import { createSessionEvents } from "./session_events.ts";
import { createSessions } from "./sessions.ts";
import { parseBaseUrl } from "./url.ts";

/** What {@linkcode createApi} needs. */
export interface ApiOptions {
  /** http or https, with or without a path prefix and a trailing slash. */
  readonly baseUrl: string;
  /** Asked before every request, and again after a 401. */
  readonly credential: CredentialSource;
  readonly fetch: FetchLike;
  /**
   * Carries event streams; best a client of its own over HTTP/1.1, since long streams otherwise
   * use up the streams of an HTTP/2 connection that other calls need. Default: `fetch`.
   */
  readonly streamFetch?: FetchLike;
  readonly clock: Clock;
  readonly log?: Logger;
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
 * @throws `UsageError` when the base URL is not usable
 */
export function createApi(options: ApiOptions): ManagedAgentsApi {
  const context: HttpContext = {
    baseUrl: parseBaseUrl(options.baseUrl),
    credential: options.credential,
    fetch: options.fetch,
    streamFetch: options.streamFetch ?? options.fetch,
    clock: options.clock,
    log: options.log ?? silentLogger,
    random: options.random,
    userAgent: options.userAgent ?? "cma-mcp",
    observe: options.observe,
    maxBodyBytes: options.maxBodyBytes ?? 64 * MIB,
    maxFrameChars: options.maxFrameChars ?? 8 * MIB,
  };
  return {
    agents: createAgents(context),
    environments: createEnvironments(context),
    sessions: createSessions(context),
    events: createSessionEvents(context),
  };
}
