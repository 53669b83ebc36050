/**
 * Decides whether a turn is over, or what it still waits for.
 *
 * @module
 */

import type { Turn } from "./turn.ts";

/** A session's state by its own endpoint. */
export interface SessionState {
  /** Its `status` field. */
  readonly status: string;
  /** True if it is archived: then it takes nothing more up, whatever its status. */
  readonly archived?: boolean;
}

/**
 * The result of status polls, valid until the next event arrives. It heals what events alone cannot
 * tell: servers that never say idle, streams that lose events, sessions that were archived.
 */
export interface PolledStatus extends SessionState {
  /**
   * Milliseconds from the first to the latest poll in a row that showed this status, with no event
   * in between. One poll (0) proves little: the field can lag behind the events by a moment.
   */
  readonly steadyMs: number;
}

/**
 * The way in which a wait ended:
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

/** Why a wait goes on. */
export type WaitingFor =
  /** No event tells yet where the session stands. */
  | "first_event"
  /** An input was sent and not taken up. */
  | "queued"
  /** The turn has been triggered and has not begun. */
  | "start"
  /** The agent works. */
  | "turn"
  /** A blocked session was answered or interrupted and has not gone on. */
  | "resume"
  /** The session is idle while workflow runs are open. */
  | "workflow_runs";

/** A turn that is over, with the status that a wait ends with, or one that is waited for. */
export type Verdict =
  | { readonly over: true; readonly status: WaitStatus }
  | { readonly over: false; readonly waitingFor: WaitingFor };

const over = (status: WaitStatus): Verdict => ({ over: true, status });
const waits = (waitingFor: WaitingFor): Verdict => ({ over: false, waitingFor });

/** Meaning of a session's `status` field; `unknown` is no reason to do anything. */
type StatusMeaning = "working" | "idle" | "dead" | "unknown";

/** The documented words, and those by which other servers say that a session takes nothing more. */
const MEANINGS: ReadonlyMap<string, StatusMeaning> = new Map([
  ["running", "working"],
  ["rescheduling", "working"],
  ["idle", "idle"],
  ...[
    ...["terminated", "failed", "error", "errored", "deleted", "archived", "expired"],
    ...["cancelled", "canceled"],
  ].map((word) => [word, "dead"] as const),
]);

function meaningOf({ status, archived }: SessionState): StatusMeaning {
  return archived ? "dead" : MEANINGS.get(status.trim().toLowerCase()) ?? "unknown";
}

/** True if a session with this status is at work. */
export function isWorking(status: SessionState): boolean {
  return meaningOf(status) === "working";
}

/** True if a session with this status takes nothing more up. */
export function isDead(status: SessionState): boolean {
  return meaningOf(status) === "dead";
}

/**
 * Decides by a turn's events, and by the session's own status where those leave it open.
 *
 * @param polled undefined while the session was not asked since its latest event
 */
export function verdictOf(turn: Turn, polled: PolledStatus | undefined): Verdict {
  if (turn.phase === "deleted") return over("deleted");
  const isTerminated = polled?.status.trim().toLowerCase() === "terminated";
  if (turn.phase === "terminated" || isTerminated) return over("terminated");
  const byEvents = verdictByEvents(turn);
  // A session that takes nothing more up takes no answer either.
  const isBlocked = byEvents.over && byEvents.status === "requires_action";
  if (isBlocked && polled && isDead(polled)) return over("terminated");
  if (byEvents.over || !polled || proofLeftMs(turn, polled) > 0) return byEvents;
  if (isDead(polled)) return over("terminated");
  if (byEvents.waitingFor === "first_event") return over("not_started");
  const asks = turn.phase === "blocked" ? turn.openActions() : turn.unansweredAsks();
  if (asks.length > 0 && turn.phase !== "ended") return over("requires_action");
  return over(turn.phase === "ended" ? endStatus(turn) : "idle");
}

/**
 * Returns for how many more milliseconds a session that rests must be seen at rest, with no new
 * event, before a turn counts as over though no event says so. Infinity while that proves nothing.
 */
export function proofLeftMs(turn: Turn, polled: PolledStatus): number {
  const byEvents = verdictByEvents(turn);
  if (byEvents.over) return Infinity;
  return Math.max(0, proofMs(turn, byEvents.waitingFor, polled) - polled.steadyMs);
}

function proofMs(turn: Turn, waitingFor: WaitingFor, polled: PolledStatus): number {
  switch (meaningOf(polled)) {
    case "working":
      return Infinity;
    case "idle":
      return idleProofMs(turn, waitingFor);
    case "dead":
      return 2_000;
    case "unknown":
      // The word says nothing, but where events tell of an end it doesn't speak against that either.
      return turn.phase === "ended" && waitingFor === "turn" ? START_PROOF_MS : Infinity;
  }
}

/** A session must read idle so long before a message that was taken up is not to be answered. */
const START_PROOF_MS = 40_000;
/** The same where an unstamped message may be the one that a turn was for, or yet to come. */
const UNSTAMPED_PROOF_MS = 20_000;
/** The same where inputs came in the turn that may have turns of their own to come. */
const OWED_PROOF_MS = 2_000;

/** Infinity while a message is queued that no turn has begun for, unless it may have been dropped. */
function idleProofMs(turn: Turn, waitingFor: WaitingFor): number {
  switch (waitingFor) {
    case "first_event":
      return 0;
    case "turn":
      // By its events it is over, only doubtfully.
      if (turn.phase === "ended") return turn.owed.length > 0 ? OWED_PROOF_MS : 0;
      // An interrupt can end a turn without an event.
      return Math.max(2_000, queuedProofMs(turn, "sent"));
    case "queued":
      return queuedProofMs(turn, "over");
    case "start":
      // A sandbox may take its time; an interrupt can end a turn before it begins.
      return turn.interrupted ? 10_000 : START_PROOF_MS;
    case "resume":
      // The answer or interrupt itself may not be taken up yet.
      return Math.max(10_000, queuedProofMs(turn, "over"));
    case "workflow_runs":
      return Infinity;
  }
}

/**
 * Returns how long a session must read idle before none of the queued inputs is to come.
 *
 * @param interrupt how far an interrupt must have come to have taken them with it
 */
function queuedProofMs(turn: Turn, interrupt: "sent" | "over"): number {
  // Input that was queued when retries ran out is dropped, and never stamped.
  if (turn.stop?.type === "retries_exhausted") return 10_000;
  const inputs = [...turn.queued.values()];
  // A turn came and went for one of them: then a missing stamp says nothing.
  const neverStamps = !turn.stampsInputs && inputs.some(({ begun }) => begun);
  return Math.max(
    inputs.length === 0 && turn.hasQueued ? 10_000 : 0,
    ...inputs.map((input) => {
      const isStopped = input.interrupt === "over" || input.interrupt === interrupt;
      // A turn came and went that was no other input's: some servers leave single ones unstamped.
      const isAnswered = input.begun && turn.phase === "ended";
      if (!neverStamps && !isStopped && !isAnswered) return Infinity;
      if (!input.begun) return 10_000;
      return neverStamps || isStopped ? 2_000 : UNSTAMPED_PROOF_MS;
    }),
  );
}

function verdictByEvents(turn: Turn): Verdict {
  switch (turn.phase) {
    case "unknown":
      return waits(turn.hasQueued ? "queued" : "first_event");
    case "starting":
      return waits("start");
    case "blocked":
      return turn.interrupting || turn.isAnswered ? waits("resume") : over("requires_action");
    case "ended":
      return endedVerdict(turn);
    default:
      return waits("turn");
  }
}

function endedVerdict(turn: Turn): Verdict {
  // Nothing goes on at the cap until somebody raises it, whatever is queued or running.
  if (turn.stop?.type === "budget_reached") return over("budget_reached");
  if (turn.hasQueued) return waits("queued");
  if (turn.openRuns.size > 0) return waits("workflow_runs");
  const status = endStatus(turn);
  return turn.isEndDoubtful && status === "idle" ? waits("turn") : over(status);
}

/** Stop reasons that have a status of their own. */
const NAMED: readonly WaitStatus[] = ["retries_exhausted", "budget_reached", "refusal"];

/** Returns the status of an ended turn: all other stop reasons, known or not, finish it. */
function endStatus(turn: Turn): WaitStatus {
  return NAMED.find((status) => status === turn.stop?.type) ?? "idle";
}
