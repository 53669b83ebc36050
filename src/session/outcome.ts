/**
 * What a wait gives back: the result object of `wait_for_idle`.
 *
 * @module
 */

import type { DatedEvent } from "../api/event_record.ts";

/**
 * How a wait ended:
 * `idle` the turn is over; `requires_action` it is blocked until somebody answers;
 * `retries_exhausted`, `budget_reached`, `refusal` it ended for that reason; `terminated`,
 * `deleted` the session is; `not_started` no message was ever sent; `timeout` still running.
 */
export type WaitStatus =
  | "idle"
  | "requires_action"
  | "retries_exhausted"
  | "budget_reached"
  | "refusal"
  | "terminated"
  | "deleted"
  | "not_started"
  | "timeout";

/** One tool that the agent used in the turn. */
export interface ToolActivity {
  readonly name: string;
  /** Name of the MCP server that offers the tool. */
  readonly server?: string;
  readonly status: "running" | "done" | "failed" | "waiting";
}

/** A tool call that waits for an answer. */
export interface PendingAction {
  readonly event_id: string;
  readonly kind: "tool_confirmation" | "custom_tool_result";
  readonly name?: string;
  /** The tool's input, redacted unless the operator shows inputs. */
  readonly input?: unknown;
  readonly session_thread_id?: string;
}

/** A `session.error` of the turn, or the trouble that the bridge itself has with the API. */
export interface TurnError {
  readonly type: string;
  readonly message?: string;
  /** `retrying`, `exhausted`, `terminal`; others pass through. */
  readonly retry_status?: string;
}

/** The stop reason of the idle event that ended the turn. */
export interface StopInfo {
  readonly type: string;
  readonly category?: string;
  readonly explanation?: string;
}

/** What a result leaves out. */
export interface Omitted {
  /** Characters of the reply; absent when none, or when it is not known how many. */
  readonly characters?: number;
  readonly tools?: number;
  readonly errors?: number;
  /** `list_events` with this `after_id` (or without one) shows what is missing. */
  readonly after_id?: string;
}

/** The result object of `wait_for_idle`. */
export interface WaitResult {
  readonly session_id: string;
  readonly status: WaitStatus;
  /** The agent's text of this turn, or what came after `after_id`; messages parted by a blank line. */
  readonly reply: string;
  /** What was left out to stay within the size budget: always the oldest. */
  readonly omitted?: Omitted;
  readonly stop_reason?: StopInfo;
  readonly tool_activity: readonly ToolActivity[];
  readonly pending_actions: readonly PendingAction[];
  readonly errors: readonly TurnError[];
  /** Pass as `after_id` to get only what comes later; absent for an empty log. */
  readonly last_event_id?: string;
  /** Seconds since the call began, to a tenth. */
  readonly elapsed_sec: number;
  /** What the caller can do now; absent where nothing is left to do. */
  readonly next?: string;
}

/** One wait. */
export interface WaitRequest {
  readonly sessionId: string;
  /** Milliseconds until the wait answers `timeout`. */
  readonly timeoutMs: number;
  /** Only what came after this event counts towards the reply. */
  readonly afterId?: string;
  /** Ends the wait and frees its upstream stream; the agent goes on. */
  readonly signal: AbortSignal;
  /** Told at once, on every meaningful event, and at least every 10 seconds. */
  readonly onProgress?: (message: string) => void;
  /** Asked before each page of a long look for `afterId`; what it throws ends the wait. */
  readonly onLongLook?: () => void;
}

/** A message that was sent, for where the API did not tell its event's id. */
export interface SentMessage {
  /** Its `textMark`. */
  readonly mark: string;
  /** Tells by its age whether an event may be the message: what is from before it is another's. */
  readonly mayBe: (event: DatedEvent) => boolean;
}

/** Waits for turns to end. One per process: waits on one session share a stream. */
export interface Waiter {
  /**
   * @throws `ApiError` when the session does not exist or the API refuses; `ToolError` when
   *   `afterId` is not in the session's log; the signal's reason when it aborts
   */
  wait(request: WaitRequest): Promise<WaitResult>;
  /**
   * Tells the waiter that an event was sent, so that a log that does not show it yet is not
   * mistaken for a finished one.
   *
   * @param eventId absent when the API did not tell it
   * @param message by which to know the event without its id; any event will do if both are absent
   * @param forMs milliseconds after which the log is believed all the same; 30 s when absent
   */
  expect(sessionId: string, eventId?: string, message?: SentMessage, forMs?: number): void;
  /** Ends every wait with what it has, and frees every stream. */
  close(): void;
}

/** What a process's waits are doing, for the operator. */
export interface WaiterStats {
  /** Waits that are open now. */
  readonly openWaits: number;
  /** Event streams that are open now; waits on one session share one. */
  readonly openStreams: number;
  /** Event streams that were opened again after they had ended or failed, since the start. */
  readonly reconnects: number;
}

/** A waiter that tells what it is doing. */
export interface CountingWaiter extends Waiter {
  stats(): WaiterStats;
}
