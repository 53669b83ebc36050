/**
 * Faults that can be switched on per request.
 *
 * ```ts
 * // The next two reads of a session fail as overloaded, then all is well again.
 * simulator.faults.add({
 *   match: { method: "GET", path: /^\/v1\/sessions\/[^/]+$/ },
 *   times: 2,
 *   fault: { kind: "status", status: 529 },
 * });
 * // Every stream breaks after three events, until removed.
 * const drop = simulator.faults.add({ fault: { kind: "drop_after", events: 3 } });
 * drop.remove();
 * // A message is delivered, but the sender never hears of it.
 * simulator.faults.add({
 *   match: { method: "POST", path: /\/events$/ },
 *   times: 1,
 *   fault: { kind: "lost_ack" },
 * });
 * // From the third on, one request in five is refused.
 * simulator.faults.add({ from: 3, chance: 0.2, fault: { kind: "status", status: 500 } });
 * ```
 *
 * A request meets at most one fault of each stage, the first added that strikes it: a delay
 * (`latency`), a response (`status`, `reset`, `hang`, `lost_ack`), and, for streams that open, one
 * of the stream's own.
 *
 * @module
 */

import { createNoise } from "./ids.ts";

/** Delays a request. */
export interface DelayFault {
  readonly kind: "latency";
  /** Milliseconds before the request is looked at. */
  readonly ms: number;
}

/** Takes the place of a response. */
export type ResponseFault =
  /** An error envelope; `retryAfter` in seconds adds the header. Nothing takes effect. */
  | {
    readonly kind: "status";
    readonly status: number;
    readonly type?: string;
    readonly message?: string;
    readonly retryAfter?: number;
  }
  /** The connection breaks before the request takes effect. */
  | { readonly kind: "reset" }
  /** No response until the caller gives up. Nothing takes effect. */
  | { readonly kind: "hang" }
  /** The request takes effect, then the connection breaks. */
  | { readonly kind: "lost_ack" };

/** Breaks a stream, or bends it. `events` and `after` count events, not heartbeats. */
export type StreamFault =
  /** The body breaks after so many events. */
  | { readonly kind: "drop_after"; readonly events: number }
  /** The body ends cleanly after so many events. */
  | { readonly kind: "end_after"; readonly events: number }
  /** The connection stays, but nothing more comes, not even heartbeats. */
  | { readonly kind: "silence_after"; readonly events: number }
  /** One frame that is not JSON comes after so many events; then the stream goes on. */
  | { readonly kind: "malformed_frame"; readonly after: number }
  /** Headers come at once; everything else is held back for so many milliseconds. */
  | { readonly kind: "slow_first_byte"; readonly ms: number };

/** Everything that can be wrong with a request. */
export type Fault = DelayFault | ResponseFault | StreamFault;

/** A fault and the requests that it befalls. */
export interface FaultRule {
  /** Every request when absent; `path` is tested against the URL's path, without its query. */
  readonly match?: { readonly method?: string; readonly path?: RegExp };
  /** The first request that it may befall, counting from 1 those that match. */
  readonly from?: number;
  /** How many requests it befalls; all, until removed, when absent. */
  readonly times?: number;
  /** The probability that it befalls a request, from 0 to 1; 1 when absent. */
  readonly chance?: number;
  readonly fault: Fault;
}

/** A fault that was added. */
export interface FaultHandle {
  /** Requests that it has befallen. */
  readonly used: number;
  /** Ends it. Streams that it already befell keep it. */
  remove(): void;
}

/** Adds and removes faults. */
export interface FaultSwitches {
  add(rule: FaultRule): FaultHandle;
  /** Removes every fault. */
  clear(): void;
}

/** The stages of a request at which faults strike. */
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

  /** @param seed the same seed and requests give the same faults; random when absent */
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

  /** The fault of `stage` that befalls this request, counted as used. */
  take<S extends keyof FaultStages>(
    stage: S,
    method: string,
    path: string,
  ): FaultStages[S] | undefined {
    for (const added of this.#added) {
      const { match = {}, from = 1, times = Infinity, chance = 1, fault } = added.rule;
      if (!inStage(fault, stage) || added.used >= times) continue;
      if (match.method && match.method.toUpperCase() !== method) continue;
      // `search` ignores the `lastIndex` that a global or sticky expression carries along.
      if (match.path && path.search(match.path) < 0) continue;
      if (++added.matched < from || (chance < 1 && this.#noise() >= chance * 2 ** 32)) continue;
      added.used++;
      if (added.used >= times) this.#added.delete(added);
      return fault;
    }
    return undefined;
  }
}
