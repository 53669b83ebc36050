/**
 * Writes that may have taken effect although they failed. Nothing is written twice: what became of
 * such a write is looked up.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import type { Clock } from "../core/clock.ts";
import type { ToolError } from "../core/errors.ts";

/**
 * Bound of one write, in milliseconds: with the checks that may follow it stays well below the 60
 * seconds after which clients give a call up.
 */
export const WRITE_TIMEOUT_MS = 20_000;
/** Bound of one check of what became of a write, in milliseconds. */
export const CHECK_TIMEOUT_MS = 5_000;
/** Pauses before each check, in milliseconds. */
const CHECK_DELAYS_MS: readonly number[] = [0, 1_000];

/**
 * Returns true when the API may have done what was asked: it broke off, timed out, failed inside, or
 * answered something that could not be read. A refused connection or a 4xx leaves no doubt.
 */
export function isAmbiguous(error: unknown): error is ApiError {
  if (!(error instanceof ApiError)) return false;
  if (error.kind === "not_sent") return false;
  if (error.kind !== "http") return true;
  return error.status === undefined || error.status >= 500 || error.status === 408;
}

/** Why it is not known whether a write took effect. */
export type Doubt =
  | { readonly why: "unreadable" | "on_its_way" }
  /** These may be what the write made, or older than it. */
  | { readonly why: "look_alike"; readonly ids: readonly string[] };

/** A check found what the write made, or only ids of what may be that. */
export type Trace<T> = { readonly found: T } | { readonly alike: readonly string[] };

/** A write whose response was lost. */
export interface LostWrite<T> {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The failure that came in place of the response. */
  readonly lost: ApiError;
  /** Checks once; undefined when there is no trace. */
  readonly check: () => Promise<Trace<T> | undefined>;
  /** Makes the error which says that it is not known whether the write took effect. */
  readonly unknownError: (doubt: Doubt, cause: ApiError) => ToolError;
}

/**
 * Finds what a write made although its response was lost.
 *
 * @throws `ToolError` from `unknownError`: what left no trace may still be on its way; `lost` itself
 *   where it says that the API took nothing; the signal's reason
 */
export async function findLostWrite<T>(write: LostWrite<T>): Promise<T> {
  const { clock, signal, lost, check, unknownError } = write;
  let unreadable: ApiError | undefined;
  let alike: readonly string[] = [];
  for (const delayMs of CHECK_DELAYS_MS) {
    await clock.sleep(delayMs, signal);
    try {
      const trace = await check();
      if (trace && "found" in trace) return trace.found;
      alike = trace?.alike ?? [];
      unreadable = undefined;
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) throw error;
      unreadable = error;
    }
  }
  if (alike.length > 0) throw unknownError({ why: "look_alike", ids: alike }, lost);
  // The API itself says that it takes nothing at the moment; too late perhaps, hence the checks.
  if (lost.author === "api" && (lost.status === 503 || lost.status === 529)) throw lost;
  throw unreadable
    ? unknownError({ why: "unreadable" }, unreadable)
    : unknownError({ why: "on_its_way" }, lost);
}
