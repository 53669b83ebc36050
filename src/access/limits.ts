/**
 * Limits of calls: how many may run at once, for one caller and for all together, and how often a
 * token may call.
 *
 * @module
 */

import { retrySeconds } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { ToolError } from "../core/errors.ts";
import type { Caller, Principal } from "./principal.ts";

/**
 * Kind of a call. Waits are held open by design, so they count apart from calls that should be
 * short.
 */
export type CallKind = "call" | "wait";

/** Most calls, or waits, that a setting or a token may allow at once. */
export const MAX_RUNNING = 100_000;

/** Counts running calls. One per process. */
export interface CallLimits {
  /**
   * Takes places, one by default; the returned function frees them.
   *
   * @throws `ToolError` `too_many_calls` or `too_many_waits` when there are too few
   */
  enter(kind: CallKind, caller: Caller, places?: number): () => void;
  /** Counts the calls of all callers that run now, waits left out, beside the most that may. */
  stats(): { readonly running: number; readonly max: number };
}

/** Calls, other than waits, that all callers together may have running. */
export const DEFAULT_MAX_CALLS = 1_000;

/** Most agents that are published as tools: every conversation pays for each. */
export const MAX_PUBLISHED = 20;

/** Time for which a question to a person is open by default, in milliseconds. */
export const APPROVAL_TIMEOUT_MS = 600_000;

/**
 * Makes the limits of a process.
 *
 * @param maxCalls calls of all callers together; the waiter limits the total of waits itself
 */
export function createCallLimits(maxCalls: number = DEFAULT_MAX_CALLS): CallLimits {
  // Keyed by kind and name of the caller; callers with nothing running are left out.
  const running = new Map<string, number>();
  let calls = 0;

  const count = (key: string, by: number) => {
    const now = (running.get(key) ?? 0) + by;
    if (now > 0) running.set(key, now);
    else running.delete(key);
  };
  return {
    enter(kind, { principal }, places = 1) {
      const key = `${kind} ${principal?.id ?? ""}`;
      const limit = kind === "wait" ? principal?.maxWaits : principal?.maxCalls;
      const wanted = (running.get(key) ?? 0) + places;
      if (limit !== undefined && wanted > limit) throw tooMany(kind, limit, places, principal);
      if (kind === "call" && calls + places > maxCalls) throw tooBusy(maxCalls);
      if (kind === "call") calls += places;
      count(key, places);
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        if (kind === "call") calls -= places;
        count(key, -places);
      };
    },
    stats: () => ({ running: calls, max: maxCalls }),
  };
}

/**
 * Counts one more request of a long search through an event history against the caller's rate.
 *
 * @throws `ToolError` `rate_limited` when the caller has none left
 */
export function chargeSearch(caller: Caller): void {
  charge(caller, "find after_id", "leave after_id out");
}

/**
 * Counts the request that checks one file against the caller's rate.
 *
 * @throws `ToolError` `rate_limited` when the caller has none left
 */
export function chargeFileCheck(caller: Caller): void {
  charge(caller, "check these files", "name fewer");
}

/**
 * Counts the sessions of a call beside the first, for which the call itself counts, against the
 * caller's rate.
 *
 * @throws `ToolError` `rate_limited` when the caller has too few left
 */
export function chargeSessions(caller: Caller, sessions: number): void {
  charge(caller, `wait for ${sessions} sessions`, "name fewer", sessions - 1);
}

/**
 * Counts one more page of the list in which an earlier call with the same key is looked for against
 * the caller's rate.
 *
 * @throws `ToolError` `rate_limited` when the caller has none left
 */
export function chargeKeyLookup(caller: Caller): void {
  charge(caller, "find an earlier call with this idempotency_key", "leave the key out");
}

/**
 * Counts one more page of a list against the caller's rate.
 *
 * @returns false when the caller has no request left: the list is to end before that page
 */
export function mayReadPage({ principal }: Caller): boolean {
  return (principal?.charge?.(1) ?? 0) === 0;
}

function charge({ principal }: Caller, purpose: string, remedy: string, requests = 1): void {
  const waitMs = requests > 0 ? principal?.charge?.(requests) ?? 0 : 0;
  if (waitMs === 0) return;
  const who = principal?.person ? "you" : "your token";
  throw new ToolError(
    "rate_limited",
    `To ${purpose} takes more requests to the API than ${who} may make now: ${remedy}, or try ` +
      `again in ${retrySeconds(waitMs)} s.`,
  );
}

function tooMany(
  kind: CallKind,
  limit: number,
  places: number,
  principal: Principal | undefined,
): ToolError {
  const { person } = principal ?? {};
  if (places > limit) {
    return new ToolError(
      "too_many_waits",
      `${person ? "You" : "Your token"} may wait for at most ${limit} session(s) at once: name ` +
        "no more.",
    );
  }
  const has = person ? "You have" : "Your token has";
  const it = person ? "you" : "it";
  return kind === "wait"
    ? new ToolError(
      "too_many_waits",
      `${has} as many waits open as ${it} may (${limit}): let one end, or cancel it, then call ` +
        "again.",
    )
    : new ToolError(
      "too_many_calls",
      `${has} as many calls running as ${it} may (${limit}): call again when one has ended.`,
    );
}

function tooBusy(limit: number): ToolError {
  return new ToolError(
    "too_many_calls",
    `This server already has ${limit} calls running, its limit: call again in a few seconds.`,
  );
}

/** Counts requests by token name. */
export interface RateLimiter {
  /**
   * Spends requests if there are enough.
   *
   * @param perMinute requests that come back every minute, evenly, and the most that can be saved
   * up
   * @param requests how many to spend, all or none: at most `perMinute`, and 1 by default
   * @returns 0 when they were spent, else the milliseconds after which there will be enough
   */
  take(name: string, perMinute: number, requests?: number): number;
}

/** Tolerance for rounding: a caller who has waited as long as asked must get in. */
const TOLERANCE = 1e-6;

interface Bucket {
  requests: number;
  filledAt: number;
}

/** Time after which any bucket is full again, in milliseconds. */
const FULL_AFTER_MS = 60_000;

/** Most buckets that are kept, also of callers who all came within the last minute. */
const MAX_BUCKETS = 100_000;

/**
 * A token bucket for each name; each begins full. Those that must be full again are dropped, since
 * people who sign in are many.
 */
export function createRateLimiter(clock: Pick<Clock, "now">): RateLimiter & { size(): number } {
  // In the order of their last use.
  const buckets = new Map<string, Bucket>();
  const dropFull = (now: number) => {
    for (const [name, { filledAt }] of buckets) {
      if (now - filledAt < FULL_AFTER_MS && buckets.size <= MAX_BUCKETS) return;
      buckets.delete(name);
    }
  };
  return {
    size: () => buckets.size,
    take(name, perMinute, requests = 1) {
      const now = clock.now();
      const perMs = perMinute / 60_000;
      const bucket = buckets.get(name) ?? { requests: perMinute, filledAt: now };
      const refilled = bucket.requests + Math.max(0, now - bucket.filledAt) * perMs;
      bucket.requests = Math.min(perMinute, refilled);
      bucket.filledAt = now;
      buckets.delete(name);
      buckets.set(name, bucket);
      dropFull(now);
      const missing = requests - bucket.requests - TOLERANCE;
      if (missing > 0) return Math.ceil(missing / perMs);
      bucket.requests -= requests;
      return 0;
    },
  };
}
