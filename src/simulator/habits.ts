/**
 * Behaviour that differs between implementations of the API, or that its documentation leaves
 * open: each can be switched, so that a client can be tested against all of it.
 *
 * @module
 */

/** The switches. Durations are milliseconds. */
export interface Habits {
  /** From a POST of events until the agent takes them up: meanwhile the session still reads idle. */
  readonly takeUpMs: number;
  /** By how much `GET /v1/sessions/{id}` trails the status events on the stream. */
  readonly statusLagMs: number;
  /** Between two heartbeats on a stream; 0 sends none. */
  readonly heartbeatMs: number;
  /**
   * A message that arrives while a turn runs: `own_turn` it gets a turn, and an idle event, of its
   * own afterwards; `join` it is answered before the running turn goes idle, once for both.
   */
  readonly queuedMessages: "own_turn" | "join";
  /**
   * An interrupt of a running turn: `idle` ends it with `end_turn`; `silent` ends it without any
   * status event; `ignored` changes nothing.
   */
  readonly interrupts: "idle" | "silent" | "ignored";
  /** A message while the session waits for answers: 400, or put in the queue. */
  readonly messageWhileBlocked: "refused" | "queued";
  /** Where queued events stand in an ascending list. */
  readonly nullProcessedAt: "last" | "first";
  /** Messages are stamped only when their turn ends, unseen on the stream; lists keep log order. */
  readonly stampAtSettle: boolean;
  /** A new stream begins with the whole log. */
  readonly streamReplaysHistory: boolean;
  /** `session.status_idle` has neither `stop_reason` nor `stop_details`. */
  readonly idleWithoutStopReason: boolean;
  /** Turns make no status and no usage events: only the session's `status` tells. */
  readonly noStatusEvents: boolean;
  /** Events carry no `id`, neither listed nor streamed. */
  readonly eventsWithoutIds: boolean;
  /** A send answers 202 with an empty body. */
  readonly sendAnswers202Empty: boolean;
  /** A stream ends after `session.status_terminated`. */
  readonly streamEndsWhenTerminated: boolean;
  /** Archiving a session puts `session.status_terminated` into its log. */
  readonly archiveEmitsTerminated: boolean;
  /** HTTP status of a send to an archived or terminated session. */
  readonly archivedSendStatus: 400 | 409;
  /** Whether a request without the `anthropic-beta` header is refused. */
  readonly betaHeader: "required" | "ignored";
  /** Whether a query parameter that an endpoint does not know is refused. */
  readonly unknownQuery: "refused" | "ignored";
  /** Reads (every GET) per minute before 429; 0 is no limit. The hosted API allows 1,200. */
  readonly readRequestsPerMinute: number;
}

/** The hosted API's habits, as far as they are known. */
export const hostedHabits: Habits = {
  takeUpMs: 50,
  statusLagMs: 200,
  heartbeatMs: 15_000,
  queuedMessages: "own_turn",
  interrupts: "idle",
  messageWhileBlocked: "refused",
  nullProcessedAt: "last",
  stampAtSettle: false,
  streamReplaysHistory: false,
  idleWithoutStopReason: false,
  noStatusEvents: false,
  eventsWithoutIds: false,
  sendAnswers202Empty: false,
  streamEndsWhenTerminated: true,
  archiveEmitsTerminated: false,
  archivedSendStatus: 409,
  betaHeader: "required",
  unknownQuery: "refused",
  readRequestsPerMinute: 0,
};
