/**
 * Requests that may have taken effect although they failed.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { ApiError } from "../api/errors.ts";
import type { ToolError } from "../core/errors.ts";

/**
 * Whether the API may have done what was asked: it broke off, timed out, failed inside, or answered
 * something that could not be read. A refused connection or a 4xx leaves no doubt.
 */
export function isAmbiguous(error: unknown): error is ApiError {
  if (!(error instanceof ApiError)) return false;
  if (error.kind === "connect") return false;
  if (error.kind !== "http") return true;
  return error.status === undefined || error.status >= 500 || error.status === 408;
}

/**
 * Whether the API itself says that it takes nothing at the moment. That is no lost answer, but it
 * may have said so too late, so what was asked is looked for all the same.
 */
function isDeclined({ status, answeredBy }: ApiError): boolean {
  return answeredBy === "api" && (status === 503 || status === 529);
}

/** Pauses before each look at what became of a request, in milliseconds. */
const LOOK_DELAYS_MS: readonly number[] = [0, 1_000];

/**
 * Bound of one request that changes something, in milliseconds: with the looks that may follow it
 * stays well below the 60 seconds after which clients give a call up.
 */
export const WRITE_TIMEOUT_MS = 20_000;
/** Bound of one look at what became of such a request, in milliseconds. */
export const CHECK_TIMEOUT_MS = 5_000;

/** Why it is not known whether a request took effect. */
export type Doubt =
  | { readonly why: "unreadable" | "on_its_way" }
  /** These may be what the request made, or older than it. */
  | { readonly why: "look_alike"; readonly ids: readonly string[] };

/** What a look at the API shows of a request: what it made, or what may be that. */
export type Trace<T> = { readonly found: T } | { readonly alike: readonly string[] };

/** How {@linkcode findLostWrite} looks, and what it says when it finds nothing. */
export interface LostRequest<T> {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The failure that hid what became of the request. */
  readonly lost: ApiError;
  /** Looks once; undefined when there is no trace. */
  readonly look: () => Promise<Trace<T> | undefined>;
  /** Says that it is not known whether the request took effect, and why not. */
  readonly unknown: (doubt: Doubt, cause: ApiError) => ToolError;
}

/**
 * Finds what a request made although its response was lost.
 *
 * @throws `ToolError` from `unknown`: what left no trace may still be on its way; `lost` itself where
 *   it says that the API took nothing; the signal's reason
 */
export async function findLostWrite<T>(request: LostRequest<T>): Promise<T> {
  const { clock, signal, lost, look, unknown } = request;
  let unreadable: ApiError | undefined;
  let alike: readonly string[] = [];
  for (const delayMs of LOOK_DELAYS_MS) {
    await clock.sleep(delayMs, signal);
    try {
      const trace = await look();
      if (trace && "found" in trace) return trace.found;
      alike = trace?.alike ?? [];
      unreadable = undefined;
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) throw error;
      unreadable = error;
    }
  }
  if (alike.length > 0) throw unknown({ why: "look_alike", ids: alike }, lost);
  if (isDeclined(lost)) throw lost;
  throw unreadable
    ? unknown({ why: "unreadable" }, unreadable)
    : unknown({ why: "on_its_way" }, lost);
}
