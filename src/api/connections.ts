/**
 * The one policy for connections to the API: which may be reused, when they count as dead, and what
 * may be sent a second time.
 *
 * - **A write** goes out once, on a connection that carried nothing before it. Deno's `fetch`
 *   repeats a request, also a POST, whose reused connection closes before a response begins; so a
 *   server that took a message and dropped the connection would be given it twice. What became of a
 *   write whose response is lost is read from the API, never found out by sending it again.
 * - **A read** uses a kept connection. If that goes silent or breaks, the read goes out once more,
 *   at once, on a fresh one. What fails in other ways is tried again by `retry.ts`.
 * - **A stream** has a connection of its own: long streams would take up the places that calls need.
 * - **A kept connection is dropped** with all its siblings after a time-out, a break or a stream that
 *   went silent: behind a laptop's sleep, a VPN or a NAT they are dead without a word, and each
 *   would cost the next call its time. What is under way on them goes on.
 *
 * @module
 */

import type { FetchLike } from "./api.ts";

/** A client of HTTP/1.1 with its own connections. */
export interface HttpClient {
  readonly fetch: FetchLike;
  /** Drops the idle connections; requests under way go on, and theirs are not kept afterwards. */
  close(): void;
}

/** How a client keeps connections. */
export interface HttpClientOptions {
  /** Connections that are kept when idle; with 0 every request has one of its own. */
  readonly maxIdle: number;
  /** Milliseconds after which an idle connection is closed. */
  readonly idleMs: number;
}

/**
 * Opens a client. It must speak HTTP/1.1 only: over HTTP/2 all calls share one connection, which
 * the runtime keeps for minutes after it has died.
 */
export type OpenHttpClient = (options: HttpClientOptions) => HttpClient;

/** What a request is, as far as its connection depends on it. */
export type RequestKind = "read" | "write" | "stream";

/** The way of one request. */
export interface Route {
  readonly fetch: FetchLike;
  /** Whether its connection may have been used before, and so have died unnoticed. */
  readonly reuses: boolean;
  /** Drops every kept connection that is as old as this route. */
  drop(): void;
  /** The same, and has open streams prove that they are alive. */
  suspect(): void;
}

/** The connections of a process to the API. */
export interface Connections {
  /** Begins a request: asked anew for each attempt. */
  route(kind: RequestKind): Route;
  /**
   * Calls `doubt` whenever a request found the way to the API silent, as long as a stream is open.
   *
   * @returns ends that
   */
  watchStream(doubt: () => void): () => void;
  /** Drops the idle connections. Idempotent. */
  close(): void;
}

/** Calls are short and few at a time; more connections would only wait to be closed. */
const MAX_IDLE = 8;
/** Below what NATs and load balancers commonly keep, in milliseconds. */
const IDLE_MS = 30_000;

/** Connections by the policy of this module. */
export function createConnections(open: OpenHttpClient): Connections {
  // Both are opened for the first request that needs them: a start should not wait for them.
  let single: HttpClient | undefined;
  let kept: { readonly client: HttpClient; used: boolean } | undefined;
  let generation = 0;
  const streams = new Set<() => void>();

  const route = (kind: RequestKind): Route => {
    const mine = generation;
    const drop = () => {
      // What fails late, on connections that were dropped already, says nothing about newer ones.
      if (mine !== generation) return;
      generation++;
      kept?.client.close();
      kept = undefined;
    };
    const suspect = () => {
      drop();
      for (const doubt of [...streams]) doubt();
    };
    if (kind !== "read") {
      single ??= open({ maxIdle: 0, idleMs: IDLE_MS });
      return { fetch: single.fetch, reuses: false, drop, suspect };
    }
    const pool = kept ??= { client: open({ maxIdle: MAX_IDLE, idleMs: IDLE_MS }), used: false };
    const fetch: FetchLike = async (request) => {
      const response = await pool.client.fetch(request);
      pool.used = true;
      return response;
    };
    return { fetch, reuses: pool.used, drop, suspect };
  };
  return {
    route,
    watchStream(doubt) {
      streams.add(doubt);
      return () => streams.delete(doubt);
    },
    close() {
      single?.close();
      kept?.client.close();
      single = kept = undefined;
    },
  };
}

/** Stands for connections where there are none, such as before a server in the same process. */
export function withoutConnections(fetch: FetchLike): Connections {
  const { watchStream, route, close } = createConnections(() => ({ fetch, close: () => {} }));
  return { watchStream, close, route: (kind) => ({ ...route(kind), fetch, reuses: false }) };
}
