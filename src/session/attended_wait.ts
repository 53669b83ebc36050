/**
 * Waits for a turn to end, and has a person asked about what it waits for.
 *
 * @module
 */

import type { Answerer } from "./answer_sender.ts";
import type { Person } from "./person.ts";
import type { WaitResult } from "./result.ts";
import type { Waiter, WaitRequest } from "./waiter.ts";

/** A wait that a person may be asked in. */
export interface AttendedWaitRequest extends WaitRequest {
  /** Absent where nobody can be asked: then the wait ends with `requires_action`. */
  readonly person?: Person;
  /** The caller; a person is asked only while it has the right to act. */
  readonly by: Answerer;
}

/** What {@linkcode waitAttended} works with. */
export interface AttendedWaitOptions {
  readonly waiter: Waiter;
}

/**
 * Waits as {@linkcode Waiter.wait} does.
 *
 * @throws as {@linkcode Waiter.wait} does
 */
export function waitAttended(
  request: AttendedWaitRequest,
  { waiter }: AttendedWaitOptions,
): Promise<WaitResult> {
  return waiter.wait(request);
}
