/**
 * Counts the API requests that one tool call causes, for its log line, metrics and traces.
 *
 * The counter travels by `AsyncLocalStorage`, through awaits and timers, as OpenTelemetry's context
 * does: nothing between the tool and the HTTP client has to pass it on, and only these two read it.
 * A request that several waits share counts for the call that began it, until that call ends.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";

/** Records the end of an attempt and, if it failed, the id that the API gave the request. */
export type EndAttempt = (endedAt: number, failedRequestId?: string) => void;

/** A counted attempt. */
interface CountedAttempt {
  readonly path: string;
  /** Time of its start; for a retry, the time when the attempt before it ended. */
  readonly from: number;
  /** Time of its end; absent while it runs. */
  to?: number;
}

/** Most request ids of the API that are kept for one call. */
const MAX_FAILED = 5;

/** The upstream requests of one call, summed up. */
export interface UpstreamUse {
  /** Attempts at requests. */
  readonly requests: number;
  /** Milliseconds in which a request ran or waited to be retried. */
  readonly ms: number;
  /** The API's ids of the requests that failed, the first few. */
  readonly failedRequestIds: readonly string[];
}

/** The requests of one call. All times are of the same clock, in milliseconds. */
export class UpstreamRequests {
  readonly #attempts: CountedAttempt[] = [];
  readonly #failedRequestIds: string[] = [];
  #endedAt = Infinity;

  /**
   * Counts an attempt at a request.
   *
   * @param attempt 0 for the first; the pause before a retry counts as time at the API
   * @returns the function to call when the attempt ends
   */
  begin(path: string, startedAt: number, attempt: number): EndAttempt {
    const before = attempt > 0
      ? this.#attempts.findLast((other) => other.path === path)
      : undefined;
    const entry: CountedAttempt = { path, from: before?.to ?? startedAt };
    if (this.#endedAt === Infinity) this.#attempts.push(entry);
    return (endedAt, failedRequestId) => {
      if (this.#endedAt < Infinity) return;
      entry.to = endedAt;
      if (failedRequestId !== undefined && this.#failedRequestIds.length < MAX_FAILED) {
        this.#failedRequestIds.push(failedRequestId);
      }
    };
  }

  /** Ends the call: requests that begin or end later are not counted. */
  end(at: number): UpstreamUse {
    this.#endedAt = at;
    let ms = 0;
    let reached = -Infinity;
    for (const { from, to = at } of this.#attempts.toSorted((a, b) => a.from - b.from)) {
      ms += Math.max(0, to - Math.max(from, reached));
      reached = Math.max(reached, to);
    }
    return { requests: this.#attempts.length, ms, failedRequestIds: this.#failedRequestIds };
  }
}

const current = new AsyncLocalStorage<UpstreamRequests>();

/** Runs a call and counts all requests that it causes, also later, in `requests`. */
export function countRequestsIn<T>(requests: UpstreamRequests, run: () => Promise<T>): Promise<T> {
  return current.run(requests, run);
}

/** Returns the counter of the call that the running code belongs to; undefined outside of calls. */
export function currentUpstreamRequests(): UpstreamRequests | undefined {
  return current.getStore();
}
