/**
 * Behaviour that differs between implementations of the API, or that its documentation leaves
 * open: each can be switched, so that a client can be tested against all of it.
 *
 * @module
 */

import type { EventBody, WireEvent } from "./wire.ts";

/** The values of each habit that is neither a number nor a switch. */
export const HABIT_VALUES = {
  createdAgents: ["as_defined", "talk"],
  queuedMessages: ["own_turn", "join", "together"],
  interrupts: ["idle", "silent", "ignored"],
  awaitingAnswers: ["event", "status", "nothing"],
  messageWhileBlocked: ["refused", "queued"],
  nullProcessedAt: ["last", "first"],
  unknownResults: ["refused", "accepted"],
  archivedSendStatus: [400, 409],
  betaHeader: ["required", "ignored"],
  unknownQuery: ["refused", "ignored"],
  listIgnores: ["order", "types", "statuses", "created_at", "limit", "page"],
} as const;

type ValueOf<Name extends keyof typeof HABIT_VALUES> = typeof HABIT_VALUES[Name][number];

/** A query parameter that a server may take without effect; ranges and lists by their bare name. */
export type IgnorableParameter = ValueOf<"listIgnores">;

/** The switches. Durations are milliseconds. They combine freely. */
export interface Habits {
  /**
   * Agents that clients create: `as_defined` they use the tools of their definition under its
   * policies (`always_ask` asks, a custom tool waits for its result); `talk` they only answer.
   */
  readonly createdAgents: ValueOf<"createdAgents">;
  /** From a POST of events until the agent takes them up: meanwhile the session still reads idle. */
  readonly takeUpMs: number;
  /** By how much `GET /v1/sessions/{id}` trails the status events on the stream. */
  readonly statusLagMs: number;
  /** Between two heartbeats on a stream; 0 sends none. */
  readonly heartbeatMs: number;
  /** By how much lists of events trail the stream, the echo of a send and the session's status. */
  readonly listLagMs: number;
  /**
   * A message that arrives while a turn runs: `own_turn` it gets a turn, and an idle event, of its
   * own afterwards; `join` it gets a reply of its own before the running turn goes idle, once for
   * both; `together` likewise, but all that is queued then gets one reply.
   */
  readonly queuedMessages: ValueOf<"queuedMessages">;
  /**
   * An interrupt of a running turn: `idle` ends it with `end_turn`; `silent` ends it without any
   * status event; `ignored` changes nothing.
   */
  readonly interrupts: ValueOf<"interrupts">;
  /** An interrupt of a running turn also drops the messages queued behind it, for good. */
  readonly interruptsDropQueued: boolean;
  /**
   * How a turn that waits for answers shows it: `event` an idle event with `requires_action`;
   * `status` the session's status alone reads idle; `nothing` the session goes on reading running.
   */
  readonly awaitingAnswers: ValueOf<"awaitingAnswers">;
  /** A message while the session waits for answers: 400, or put in the queue. */
  readonly messageWhileBlocked: ValueOf<"messageWhileBlocked">;
  /** Where queued events stand in an ascending list. */
  readonly nullProcessedAt: ValueOf<"nullProcessedAt">;
  /** Messages are stamped only when their turn ends, unseen on the stream; lists keep the order of arrival. */
  readonly stampAtSettle: boolean;
  /**
   * False: an interrupt, and with `stampAtSettle` the messages whose turn it ends, keep a null
   * `processed_at` for good; lists keep the order of arrival.
   */
  readonly stampsInterrupted: boolean;
  /** Inputs that are queued keep a null `processed_at` for good; lists keep the order of arrival. */
  readonly neverStamps: boolean;
  /** A new stream begins with the whole history. */
  readonly streamReplaysHistory: boolean;
  /** False: streams carry heartbeats only, as behind a proxy that buffers. */
  readonly streamShowsEvents: boolean;
  /** `session.status_idle` has neither `stop_reason` nor `stop_details`. */
  readonly idleWithoutStopReason: boolean;
  /** Turns make no status and no usage events: only the session's `status` tells. */
  readonly noStatusEvents: boolean;
  /** Events carry no `id`, neither listed nor streamed. */
  readonly eventsWithoutIds: boolean;
  /** A send answers 202 with an empty body. */
  readonly sendAnswers202Empty: boolean;
  /** A send answers 200 with `{"accepted":true}`: no `data`, so no ids. */
  readonly sendAnswersWithoutData: boolean;
  /** A result for a call that the session has not made: 400, or taken without effect. */
  readonly unknownResults: ValueOf<"unknownResults">;
  /** `initial_events` of a new session are checked and forgotten: it is idle, its history empty. */
  readonly dropsInitialEvents: boolean;
  /** A stream ends after `session.status_terminated`. */
  readonly streamEndsWhenTerminated: boolean;
  /** Archiving a session puts `session.status_terminated` into its history. */
  readonly archiveEmitsTerminated: boolean;
  /** HTTP status of a send to an archived or terminated session. */
  readonly archivedSendStatus: ValueOf<"archivedSendStatus">;
  /** A request without the `anthropic-beta` header: refused, or taken. */
  readonly betaHeader: ValueOf<"betaHeader">;
  /** A query parameter that an endpoint does not know: refused, or ignored. */
  readonly unknownQuery: ValueOf<"unknownQuery">;
  /**
   * Query parameters of lists that have no effect. Without `order` events are ascending; without
   * `limit` there is one page; without `page` every page is the first.
   */
  readonly listIgnores: readonly IgnorableParameter[];
  /** Pages have `has_more`, `first_id` and `last_id` instead of `next_page`. */
  readonly pagesWithoutNext: boolean;
  /** Reads (every GET) per minute before 429; 0 is no limit. The hosted API allows 1,200. */
  readonly readRequestsPerMinute: number;
}

/** The hosted API's habits, as far as they are known. */
export const hostedHabits: Habits = {
  createdAgents: "as_defined",
  takeUpMs: 50,
  statusLagMs: 200,
  heartbeatMs: 15_000,
  listLagMs: 0,
  queuedMessages: "own_turn",
  interrupts: "idle",
  interruptsDropQueued: false,
  awaitingAnswers: "event",
  messageWhileBlocked: "refused",
  nullProcessedAt: "last",
  stampAtSettle: false,
  stampsInterrupted: true,
  neverStamps: false,
  streamReplaysHistory: false,
  streamShowsEvents: true,
  idleWithoutStopReason: false,
  noStatusEvents: false,
  eventsWithoutIds: false,
  sendAnswers202Empty: false,
  sendAnswersWithoutData: false,
  unknownResults: "refused",
  dropsInitialEvents: false,
  streamEndsWhenTerminated: true,
  archiveEmitsTerminated: false,
  archivedSendStatus: 409,
  betaHeader: "required",
  unknownQuery: "refused",
  listIgnores: [],
  pagesWithoutNext: false,
  readRequestsPerMinute: 0,
};

/** The event as a client sees it. */
export function present(event: WireEvent, habits: Habits): EventBody {
  if (!habits.eventsWithoutIds && !habits.idleWithoutStopReason) return event;
  const shown: Record<string, unknown> & { type: string } = { ...event };
  if (habits.eventsWithoutIds) delete shown.id;
  if (habits.idleWithoutStopReason && event.type === "session.status_idle") {
    delete shown.stop_reason;
    delete shown.stop_details;
  }
  return shown;
}
