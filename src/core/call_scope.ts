/**
 * What one tool call causes upstream, without every function between the two having to pass it on.
 *
 * The scope follows the call through awaits and timers. What waits share belongs to the call that
 * began it, until that call ends.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";

/** Tells how an attempt ended. */
export type NoteEnd = (endedAt: number, failedRequestId?: string) => void;

interface Attempt {
  readonly path: string;
  /** Where it repeats another attempt: the end of that one. */
  readonly from: number;
  /** Absent while it is under way. */
  to?: number;
}

/** Request ids of the API that a scope keeps. */
const MAX_FAILED = 5;

/** Counts the requests of one call. Times are milliseconds since the epoch. */
export class CallScope {
  readonly #attempts: Attempt[] = [];
  readonly #failedRequestIds: string[] = [];
  #endedAt = Infinity;

  /**
   * Enters an attempt at a request to the API.
   *
   * @param attempt 0 for the first; the pause before a repetition counts as time at the API
   */
  begin(path: string, startedAt: number, attempt: number): NoteEnd {
    if (this.#endedAt < Infinity) return () => {};
    const before = attempt > 0
      ? this.#attempts.findLast((other) => other.path === path)
      : undefined;
    const entry: Attempt = { path, from: before?.to ?? startedAt };
    this.#attempts.push(entry);
    return (endedAt, failedRequestId) => {
      if (this.#endedAt < Infinity) return;
      entry.to = endedAt;
      if (failedRequestId !== undefined && this.#failedRequestIds.length < MAX_FAILED) {
        this.#failedRequestIds.push(failedRequestId);
      }
    };
  }

  /** What comes from now on is no longer this call's. */
  end(at: number): void {
    this.#endedAt = Math.min(this.#endedAt, at);
  }

  /** Attempts so far. */
  get requests(): number {
    return this.#attempts.length;
  }

  /** The API's ids of the requests that failed, the first few. */
  get failedRequestIds(): readonly string[] {
    return this.#failedRequestIds;
  }

  /** Milliseconds in which a request was under way, or about to be repeated; only after the end. */
  upstreamMs(): number {
    let total = 0;
    let reached = -Infinity;
    for (const { from, to = this.#endedAt } of this.#attempts.toSorted((a, b) => a.from - b.from)) {
      total += Math.max(0, to - Math.max(from, reached));
      reached = Math.max(reached, to);
    }
    return total;
  }
}

const current = new AsyncLocalStorage<CallScope>();

/** Runs a call; whatever it starts, also later, sees `scope`. */
export function runInScope<T>(scope: CallScope, run: () => Promise<T>): Promise<T> {
  return current.run(scope, run);
}

/** The scope of the call that the running code belongs to; none outside of calls. */
export function currentScope(): CallScope | undefined {
  return current.getStore();
}
