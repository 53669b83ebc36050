/**
 * Faults that can be switched on per request.
 *
 * ```ts
 * // The next two reads of a session fail as overloaded, then all is well again.
 * simulator.faults.add({
 * match: { method: "GET", path: /^\/v1\/sessions\/[^/]+$/ },
 * times: 2,
 * fault: { kind: "status", status: 529 },
 * });
 * // Every stream breaks after three events, until removed.
 * const drop = simulator.faults.add({ fault: { kind: "drop_after", events: 3 } });
 * drop.remove();
 * // A message is delivered, but its sender gets no response.
 * simulator.faults.add({
 * match: { method: "POST", path: /\/events$/ },
 * times: 1,
 * fault: { kind: "lost_ack" },
 * });
 * // The first confirmation is refused, as by a server that is overloaded.
 * simulator.faults.add({
 *   match: { event: "user.tool_confirmation" },
 *   times: 1,
 *   fault: { kind: "status", status: 529 },
 * });
 * // From the third on, one request in five fails.
 * simulator.faults.add({ from: 3, chance: 0.2, fault: { kind: "status", status: 500 } });
 * ```
 *
 * At most one fault of each stage applies to a request, the first added that matches it: a delay
 * (`latency`), a response (`status`, `reset`, `hang`, `lost_ack`), and, for streams that open, one
 * of the stream's own.
 *
 * @module
 */

import { createNoise } from "./ids.ts";

/** Delays a request. */
export interface DelayFault {
  readonly kind: "latency";
  /** Milliseconds before the request is handled. */
  readonly ms: number;
}

/** Takes the place of a response. */
export type ResponseFault =
  /**
   * An error envelope; `retryAfter` in seconds adds the header, `code` adds `details.error_code`. The
   * request has no effect.
   */
  | {
    readonly kind: "status";
    readonly status: number;
    readonly type?: string;
    readonly message?: string;
    readonly retryAfter?: number;
    readonly code?: string;
  }
  /** The connection breaks before the request takes effect. */
  | { readonly kind: "reset" }
  /** No response until the caller gives up. The request has no effect. */
  | { readonly kind: "hang" }
  /** The request takes effect, then the connection breaks. */
  | { readonly kind: "lost_ack" };

/** Breaks a stream, or changes it. `events` and `after` count events, not heartbeats. */
export type StreamFault =
  /** The body breaks after so many events. */
  | { readonly kind: "drop_after"; readonly events: number }
  /** The body ends cleanly after so many events. */
  | { readonly kind: "end_after"; readonly events: number }
  /** The connection stays, but nothing more comes, not even heartbeats. */
  | { readonly kind: "silence_after"; readonly events: number }
  /** One frame that is not JSON comes after so many events; then the stream goes on. */
  | { readonly kind: "malformed_frame"; readonly after: number }
  /** Headers come at once; the rest comes after so many milliseconds. */
  | { readonly kind: "slow_first_byte"; readonly ms: number };

/** Every kind of fault. */
export type Fault = DelayFault | ResponseFault | StreamFault;

/** A fault and the requests that it applies to. */
export interface FaultRule {
  /**
   * Requests that match; all when absent. `path` is tested against the URL's path, without its
   * query; `event` is the type of an event that the request sends.
   */
  readonly match?: { readonly method?: string; readonly path?: RegExp; readonly event?: string };
  /** The first request that it may apply to, counting the matching ones from 1. */
  readonly from?: number;
  /** Number of requests that it applies to; all, until removed, when absent. */
  readonly times?: number;
  /** Probability that it applies to a request, from 0 to 1; 1 when absent. */
  readonly chance?: number;
  readonly fault: Fault;
}

/** A fault that was added. */
export interface FaultHandle {
  /** Number of requests that it has applied to. */
  readonly used: number;
  /** Removes the fault. Streams that already have it keep it. */
  remove(): void;
}

/** Adds and removes faults. */
export interface FaultSwitches {
  add(rule: FaultRule): FaultHandle;
  /** Removes every fault. */
  clear(): void;
}

/** The stages of a request at which faults apply. */
export interface FaultStages {
  readonly delay: DelayFault;
  readonly response: ResponseFault;
  readonly stream: StreamFault;
}

function inStage<S extends keyof FaultStages>(fault: Fault, stage: S): fault is FaultStages[S] {
  switch (fault.kind) {
    case "latency":
      return stage === "delay";
    case "status":
    case "reset":
    case "hang":
    case "lost_ack":
      return stage === "response";
    default:
      return stage === "stream";
  }
}

interface Added {
  readonly rule: FaultRule;
  matched: number;
  used: number;
}

/** The faults that are switched on. */
export class Faults implements FaultSwitches {
  readonly #added = new Set<Added>();
  readonly #noise: () => number;

  /** @param seed gives the same faults for the same requests; random when absent */
  constructor(seed?: number) {
    this.#noise = createNoise(seed);
  }

  add(rule: FaultRule): FaultHandle {
    const added: Added = { rule, matched: 0, used: 0 };
    this.#added.add(added);
    return {
      get used() {
        return added.used;
      },
      remove: () => void this.#added.delete(added),
    };
  }

  clear(): void {
    this.#added.clear();
  }

  /** True where a fault applies to requests by the events that they send. */
  get matchesEvents(): boolean {
    return [...this.#added].some(({ rule }) => rule.match?.event !== undefined);
  }

  /**
   * Returns the fault of `stage` that applies to this request, and counts it as used.
   *
   * @param events types of the events that the request sends
   */
  take<S extends keyof FaultStages>(
    stage: S,
    method: string,
    path: string,
    events: readonly string[] = [],
  ): FaultStages[S] | undefined {
    for (const added of this.#added) {
      const { match = {}, from = 1, times = Infinity, chance = 1, fault } = added.rule;
      if (!inStage(fault, stage) || added.used >= times) continue;
      if (match.method && match.method.toUpperCase() !== method) continue;
      // `search` ignores the `lastIndex` of a global or sticky expression.
      if (match.path && path.search(match.path) < 0) continue;
      if (match.event !== undefined && !events.includes(match.event)) continue;
      if (++added.matched < from || (chance < 1 && this.#noise() >= chance * 2 ** 32)) continue;
      added.used++;
      if (added.used >= times) this.#added.delete(added);
      return fault;
    }
    return undefined;
  }
}
