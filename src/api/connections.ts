/**
 * The one policy for connections to the API: which may be reused, when they count as dead, and
 * which requests may be sent a second time.
 *
 * - **A write** goes out once, on a connection that carried nothing before it. Deno's `fetch`
 *   repeats a request, also a POST, whose reused connection closes before a response begins; so a
 *   server that took a message and dropped the connection would get it twice. When the response of
 *   a write is lost, its outcome is read from the API; the write is never sent again.
 * - **A read** uses a kept connection. If that goes silent or breaks, the read goes out once more,
 *   at once, on a fresh one. `http.ts` retries other failures.
 * - **A stream** has a connection of its own: long streams would take up the places that calls
 *   need.
 * - **A kept connection is dropped** with all its siblings after a time-out, a break or a stream
 *   that went silent: after a laptop's sleep, a VPN change or behind a NAT they are dead without
 *   notice, and each would cost the next call its time. Requests that run on them go on.
 *
 * @module
 */

import { waitInTurn } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import type { FetchLike } from "./types.ts";

/** `fetch` by URL: a `Request` would make the runtime build a second one. */
export type FetchAddress = (url: string, init: RequestInit) => Promise<Response>;

/** A client of HTTP/1.1 with its own connections. */
export interface HttpClient {
  readonly fetch: FetchAddress;
  /** Drops the idle connections; running requests go on, and their connections are not kept. */
  close(): void;
}

/** Options of {@linkcode OpenHttpClient}. */
export interface HttpClientOptions {
  /** Most idle connections that are kept; with 0 every request has a connection of its own. */
  readonly maxIdle: number;
  /** Milliseconds after which an idle connection is closed. */
  readonly idleMs: number;
}

/**
 * Opens a client. It must speak HTTP/1.1 only: over HTTP/2 all calls share one connection, which
 * the runtime keeps for minutes after it has died.
 */
export type OpenHttpClient = (options: HttpClientOptions) => HttpClient;

/** Kind of a request, which decides on its connection. */
export type RequestKind = "read" | "write" | "stream";

/** The connection of one request. */
export interface Route {
  readonly fetch: FetchAddress;
  /** True when the connection may have been used before, and so have died unnoticed. */
  readonly reuses: boolean;
  /** Drops every kept connection that is as old as this route. */
  drop(): void;
  /** Drops them too, and makes open streams prove that they are alive. */
  suspect(): void;
}

/** The connections of a process to the API. */
export interface Connections {
  /** Chooses the connection of a request; call it for each attempt. */
  route(kind: RequestKind): Route;
  /**
   * Takes a place among the reads, or waits for one: many at once would take the descriptors that
   * everything else needs. Waiting reads get places in turn, and at once when the connections are
   * dropped.
   *
   * @returns the function that frees the place; call it when the read is over
   * @throws the signal's reason when it aborts first
   */
  enter(signal: AbortSignal): (() => void) | Promise<() => void>;
  /**
   * Calls `doubt` whenever a request got no byte for long, as long as a stream is open.
   *
   * @returns the function that ends the watch
   */
  watchStream(doubt: () => void): () => void;
  /** Drops the idle connections. Idempotent. */
  close(): void;
}

/** Most idle connections that are kept. Calls are short; more at a time make new connections. */
const MAX_IDLE = 32;
/**
 * Time after which an idle connection is closed, in milliseconds: less than NATs and load balancers
 * commonly keep one.
 */
const IDLE_MS = 30_000;

/** Most reads that run at once on one client. */
const MAX_READS = 100;
/**
 * A lead of the system clock over monotonic time that grew by more than this, in milliseconds,
 * shows that the machine slept.
 */
const SLEPT_MS = 5_000;

/** The reads of one client: those that have a place, and those that wait for one. */
interface Reads {
  count: number;
  /** Each is called with true to hand it a place, with false when the client is dropped. */
  readonly waiting: Set<(hasPlace: boolean) => void>;
}

/** Makes the function that frees a place; the read that has waited longest takes it over. */
function releaseOf(reads: Reads): () => void {
  let released = false;
  return () => {
    if (released) return;
    released = true;
    const [next] = reads.waiting;
    if (next) next(true);
    else reads.count--;
  };
}

/**
 * Waits for a place among the reads.
 *
 * @param current gives the reads of the client that is in use when it is called
 */
async function waitForPlace(current: () => Reads, signal: AbortSignal): Promise<() => void> {
  for (;;) {
    signal.throwIfAborted();
    const reads = current();
    const isFree = reads.count < MAX_READS;
    if (isFree) reads.count++;
    if (isFree || await waitInTurn(reads.waiting, signal)) return releaseOf(reads);
  }
}

/**
 * Makes connections by the policy of this module.
 *
 * @param clock shows when the machine slept: connections rarely outlive that
 */
export function createConnections(
  open: OpenHttpClient,
  clock: Pick<Clock, "now" | "wallTime">,
): Connections {
  // The first request that needs a client opens it: the program's start should not wait for it.
  let single: HttpClient | undefined;
  let kept: { readonly client: HttpClient; used: boolean } | undefined;
  let generation = 0;
  let reads: Reads = { count: 0, waiting: new Set() };
  let lead = clock.wallTime() - clock.now();
  const streams = new Set<() => void>();

  const dropAll = () => {
    generation++;
    kept?.client.close();
    kept = undefined;
    const { waiting } = reads;
    reads = { count: 0, waiting: new Set() };
    for (const onTurn of [...waiting]) onTurn(false);
  };
  const doubtStreams = () => {
    for (const doubt of [...streams]) doubt();
  };
  const noticeSleep = () => {
    const before = lead;
    lead = clock.wallTime() - clock.now();
    if (lead - before <= SLEPT_MS) return;
    dropAll();
    doubtStreams();
  };

  const route = (kind: RequestKind): Route => {
    noticeSleep();
    const mine = generation;
    const drop = () => {
      // A late failure on connections that were already dropped says nothing about newer ones.
      if (mine === generation) dropAll();
    };
    const suspect = () => {
      drop();
      doubtStreams();
    };
    if (kind !== "read") {
      single ??= open({ maxIdle: 0, idleMs: IDLE_MS });
      return { fetch: single.fetch, reuses: false, drop, suspect };
    }
    const pool = kept ??= { client: open({ maxIdle: MAX_IDLE, idleMs: IDLE_MS }), used: false };
    if (pool.used) return { fetch: pool.client.fetch, reuses: true, drop, suspect };
    const fetch: FetchAddress = (url, init) =>
      pool.client.fetch(url, init).then((response) => {
        pool.used = true;
        return response;
      });
    return { fetch, reuses: false, drop, suspect };
  };
  return {
    route,
    enter(signal) {
      if (reads.count >= MAX_READS) return waitForPlace(() => reads, signal);
      reads.count++;
      return releaseOf(reads);
    },
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

/** Makes a stand-in where there are no connections, such as before a server in the same process. */
export function withoutConnections(fetch: FetchLike): Connections {
  const streams = new Set<() => void>();
  const doubt = () => [...streams].forEach((stream) => stream());
  return {
    route: () => ({
      fetch: async (url, init) => await fetch(new Request(url, init)),
      reuses: false,
      drop: () => {},
      suspect: doubt,
    }),
    enter: () => () => {},
    watchStream(stream) {
      streams.add(stream);
      return () => streams.delete(stream);
    },
    close: () => {},
  };
}
