/**
 * Requests that may have taken effect although they failed.
 *
 * @module
 */

import { ApiError } from "../core/errors.ts";

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

/** Pauses before each look at what became of a request, in milliseconds. */
export const LOOK_DELAYS_MS: readonly number[] = [0, 1_000];

/**
 * Bound of one request that changes something, in milliseconds: with the looks that may follow it
 * stays below the 45 seconds after which hosts give a call up.
 */
export const WRITE_TIMEOUT_MS = 20_000;
/** Bound of one look at what became of such a request, in milliseconds. */
export const LOOK_TIMEOUT_MS = 5_000;

/**
 * Whether a request that has left no trace can still take effect: nobody answered it, so it may be
 * on its way.
 */
export function mayStillArrive(lost: ApiError): boolean {
  return lost.kind === "timeout" || lost.status === 504 || lost.status === 408;
}
