/**
 * Behaviour that differs between implementations of the API, or that its documentation leaves open.
 * Each habit can be switched, so that a client can be tested against all of them.
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
  earlyConfirmations: ["accepted", "refused"],
  lateConfirmations: ["accepted", "refused"],
  subagentConfirmations: ["same_id", "other_id"],
  archivedSendStatus: [400, 409],
  betaHeader: ["required", "ignored"],
  unknownQuery: ["refused", "ignored"],
  listIgnores: ["order", "types", "statuses", "created_at", "limit", "page"],
} as const;

type ValueOf<Name extends keyof typeof HABIT_VALUES> = typeof HABIT_VALUES[Name][number];

/** A query parameter that a server may ignore; ranges and lists by their bare name. */
export type IgnorableParameter = ValueOf<"listIgnores">;

/** The habits, which combine freely. Durations are milliseconds. */
export interface Habits {
  /**
   * Behaviour of agents that clients create: `as_defined`, they use the tools of their definition
   * under its policies (`always_ask` asks, a custom tool waits for its result); `talk`, they only
   * reply.
   */
  readonly createdAgents: ValueOf<"createdAgents">;
  /**
   * Time from a POST of events until the agent takes them up; the session's status stays idle until
   * then.
   */
  readonly takeUpMs: number;
  /** Time by which `GET /v1/sessions/{id}` trails the status events on the stream. */
  readonly statusLagMs: number;
  /** Time between two heartbeats on a stream; 0 sends none. */
  readonly heartbeatMs: number;
  /**
   * Time by which lists of events trail the stream, the echo of a send and the session's status.
   */
  readonly listLagMs: number;
  /**
   * Treatment of a message that arrives while a turn runs: `own_turn`, it gets a turn, and an idle
   * event, of its own afterwards; `join`, it gets its own reply before the running turn goes idle,
   * once for both; `together`, the same, but all queued messages get one reply.
   */
  readonly queuedMessages: ValueOf<"queuedMessages">;
  /**
   * Effect of an interrupt on a running turn: `idle` ends it with `end_turn`; `silent` ends it
   * without any status event; `ignored` changes nothing.
   */
  readonly interrupts: ValueOf<"interrupts">;
  /** True: an interrupt of a running turn also drops the messages queued behind it, for good. */
  readonly interruptsDropQueued: boolean;
  /**
   * Sign of a turn that waits for a person or the client: `event`, an idle event with
   * `requires_action`; `status`, only the session's status turns idle; `nothing`, the session's
   * status stays running.
   */
  readonly awaitingAnswers: ValueOf<"awaitingAnswers">;
  /** Treatment of a message while the session is blocked: 400, or the queue. */
  readonly messageWhileBlocked: ValueOf<"messageWhileBlocked">;
  /** Treatment of a confirmation for a call that lists do not show yet: accepted, or 400. */
  readonly earlyConfirmations: ValueOf<"earlyConfirmations">;
  /**
   * Treatment of a confirmation for a call whose turn an interrupt has ended: accepted without
   * effect, or 400.
   */
  readonly lateConfirmations: ValueOf<"lateConfirmations">;
  /**
   * Id of a confirmation of a subagent's call in the session's list and stream: that of the echo,
   * which stands on the subagent's thread, or another one.
   */
  readonly subagentConfirmations: ValueOf<"subagentConfirmations">;
  /** Time by which tool calls in lists of events trail the other events there. */
  readonly callLagMs: number;
  /**
   * Number of times that lists show a tool call that waits as it is; after that they show it with
   * another input, which has one more field, `changed`. 0 changes nothing.
   */
  readonly inputChangesAfter: number;
  /** Place of queued events in an ascending list. */
  readonly nullProcessedAt: ValueOf<"nullProcessedAt">;
  /**
   * True: messages are stamped only when their turn ends, without an event on the stream; lists
   * keep the order of arrival.
   */
  readonly stampAtSettle: boolean;
  /**
   * False: an interrupt, and with `stampAtSettle` the messages whose turn it ends, keep a null
   * `processed_at` for good; lists keep the order of arrival.
   */
  readonly stampsInterrupted: boolean;
  /** True: queued inputs keep a null `processed_at` for good; lists keep the order of arrival. */
  readonly neverStamps: boolean;
  /** True: a new stream begins with the whole history. */
  readonly streamReplaysHistory: boolean;
  /** False: streams carry heartbeats only, as behind a proxy that buffers. */
  readonly streamShowsEvents: boolean;
  /** True: `session.status_idle` has neither `stop_reason` nor `stop_details`. */
  readonly idleWithoutStopReason: boolean;
  /**
   * True: turns make no status and no usage events, so that only the session's `status` shows them.
   */
  readonly noStatusEvents: boolean;
  /** True: events have no `id`, neither listed nor streamed. */
  readonly eventsWithoutIds: boolean;
  /** True: the response to a send is 202 with an empty body. */
  readonly sendAnswers202Empty: boolean;
  /** True: the response to a send is 200 with `{"accepted":true}`: no `data`, so no ids. */
  readonly sendAnswersWithoutData: boolean;
  /**
   * Treatment of a result for a call that the session has not made: 400, or accepted without
   * effect.
   */
  readonly unknownResults: ValueOf<"unknownResults">;
  /**
   * True: `initial_events` of a new session are checked and dropped: it is idle, its history empty.
   */
  readonly dropsInitialEvents: boolean;
  /** True: a stream ends after `session.status_terminated`. */
  readonly streamEndsWhenTerminated: boolean;
  /** True: archiving a session adds `session.status_terminated` to its history. */
  readonly archiveEmitsTerminated: boolean;
  /** HTTP status of a send to an archived or terminated session. */
  readonly archivedSendStatus: ValueOf<"archivedSendStatus">;
  /** Treatment of a request without the `anthropic-beta` header: rejected, or accepted. */
  readonly betaHeader: ValueOf<"betaHeader">;
  /** Treatment of a query parameter that an endpoint does not know: rejected, or ignored. */
  readonly unknownQuery: ValueOf<"unknownQuery">;
  /**
   * Query parameters of lists that have no effect. Without `order` events are ascending; without
   * `limit` there is one page; without `page` every page is the first.
   */
  readonly listIgnores: readonly IgnorableParameter[];
  /** True: pages have `has_more`, `first_id` and `last_id` instead of `next_page`. */
  readonly pagesWithoutNext: boolean;
  /** Most reads (GETs) per minute before 429; 0 is no limit. The hosted API allows 1,200. */
  readonly readRequestsPerMinute: number;
}

/** The habits of the hosted API, as far as they are known. */
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
  earlyConfirmations: "accepted",
  lateConfirmations: "accepted",
  subagentConfirmations: "same_id",
  callLagMs: 0,
  inputChangesAfter: 0,
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

/** Returns the event as a client sees it. */
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
