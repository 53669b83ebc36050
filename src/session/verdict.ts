/**
 * The verdict over a turn: over, or what it still waits for.
 *
 * @module
 */

import type { WaitStatus } from "./outcome.ts";
import { hasQueued, type TurnState, unansweredAsks } from "./turn.ts";

/**
 * What a look at the session itself showed, valid until the next event arrives. It heals what
 * events alone cannot tell: servers that never say idle, streams that lose events, sessions that
 * were archived.
 */
export interface Sighting {
  /** The session's `status` field. */
  readonly status: string;
  /** Whether it is archived: then it takes nothing more up, whatever its status. */
  readonly archived?: boolean;
  /**
   * Milliseconds from the first to the latest look in a row that showed this status, with no event
   * in between. One look (0) proves little: the field can trail the events by a moment.
   */
  readonly steadyMs: number;
}

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
  /** A parked session was answered or interrupted and has not gone on. */
  | "resume"
  /** The session is idle while workflow runs are open. */
  | "workflow_runs";

export type Standing =
  | { readonly over: true; readonly status: WaitStatus }
  | { readonly over: false; readonly waitingFor: WaitingFor };

const over = (status: WaitStatus): Standing => ({ over: true, status });
const waits = (waitingFor: WaitingFor): Standing => ({ over: false, waitingFor });

/** What a session's `status` field means; `unknown` is no reason to do anything. */
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

function meaningOf({ status, archived }: Pick<Sighting, "status" | "archived">): StatusMeaning {
  return archived ? "dead" : MEANINGS.get(status.trim().toLowerCase()) ?? "unknown";
}

/** Whether a session with this status is at work. */
export function isWorking(sighting: Pick<Sighting, "status" | "archived">): boolean {
  return meaningOf(sighting) === "working";
}

/** Where the turn stands, given its events and the latest look at the session. */
export function standing(state: TurnState, sighting: Sighting | undefined): Standing {
  if (state.phase === "deleted") return over("deleted");
  const isTerminated = sighting?.status.trim().toLowerCase() === "terminated";
  if (state.phase === "terminated" || isTerminated) return over("terminated");
  const byEvents = standingByEvents(state);
  if (byEvents.over || !sighting || proofLeftMs(state, sighting) > 0) return byEvents;
  if (meaningOf(sighting) === "dead") return over("terminated");
  if (byEvents.waitingFor === "first_event") return over("not_started");
  const asks = state.phase === "parked" ? openActions(state) : unansweredAsks(state);
  if (asks.length > 0 && state.phase !== "ended") return over("requires_action");
  return over(state.phase === "ended" ? endStatus(state) : "idle");
}

/**
 * For how many more milliseconds a session that rests must be seen at rest, with nothing new in its
 * log, before a turn counts as over though no event says so. Infinity while that proves nothing.
 */
export function proofLeftMs(state: TurnState, sighting: Sighting): number {
  const byEvents = standingByEvents(state);
  if (byEvents.over) return Infinity;
  return Math.max(0, proofMs(state, byEvents.waitingFor, sighting) - sighting.steadyMs);
}

function proofMs(state: TurnState, waitingFor: WaitingFor, sighting: Sighting): number {
  switch (meaningOf(sighting)) {
    case "working":
      return Infinity;
    case "idle":
      return idleProofMs(state, waitingFor);
    case "dead":
      return 2_000;
    case "unknown":
      // The word says nothing, but where events tell of an end it doesn't speak against that either.
      return state.phase === "ended" && waitingFor === "turn" ? START_PROOF_MS : Infinity;
  }
}

/** How long a session must read idle before a message that was taken up is not to be answered. */
const START_PROOF_MS = 40_000;
/** How long it must when an unstamped message may be the one that a turn was for, or yet to come. */
const UNSTAMPED_PROOF_MS = 20_000;
/** How long it must when inputs came in the turn that may have turns of their own to come. */
const OWED_PROOF_MS = 2_000;

/** Never while a message waits that no turn has begun for since, unless it may have been dropped. */
function idleProofMs(state: TurnState, waitingFor: WaitingFor): number {
  switch (waitingFor) {
    case "first_event":
      return 0;
    case "turn":
      // By its events it is over, only doubtfully.
      if (state.phase === "ended") return state.owed.length > 0 ? OWED_PROOF_MS : 0;
      // An interrupt can end a turn without an event.
      return Math.max(2_000, queuedProofMs(state, "sent"));
    case "queued":
      return queuedProofMs(state, "over");
    case "start":
      // A sandbox may take its time; an interrupt can end a turn before it begins.
      return state.interrupted ? 10_000 : START_PROOF_MS;
    case "resume":
      // The answer or interrupt itself may not be taken up yet.
      return Math.max(10_000, queuedProofMs(state, "over"));
    case "workflow_runs":
      return Infinity;
  }
}

/**
 * How long a session must read idle before none of the queued inputs is to come.
 *
 * @param interrupt how far an interrupt must have come to have taken them with it
 */
function queuedProofMs(state: TurnState, interrupt: "sent" | "over"): number {
  // Input that was queued when retries ran out is dropped, and never stamped.
  if (state.stop?.type === "retries_exhausted") return 10_000;
  const inputs = [...state.queued.values()];
  // A turn came and went for one of them: then a missing stamp says nothing.
  const neverStamps = !state.stampsInputs && inputs.some(({ begun }) => begun);
  return Math.max(
    inputs.length === 0 && hasQueued(state) ? 10_000 : 0,
    ...inputs.map((input) => {
      const isStopped = input.interrupt === "over" || input.interrupt === interrupt;
      // A turn came and went that was no other input's: some servers leave single ones unstamped.
      const isAnswered = input.begun && state.phase === "ended";
      if (!neverStamps && !isStopped && !isAnswered) return Infinity;
      if (!input.begun) return 10_000;
      return neverStamps || isStopped ? 2_000 : UNSTAMPED_PROOF_MS;
    }),
  );
}

function standingByEvents(state: TurnState): Standing {
  switch (state.phase) {
    case "unknown":
      return waits(hasQueued(state) ? "queued" : "first_event");
    case "starting":
      return waits("start");
    case "parked":
      return parked(state);
    case "ended":
      return ended(state);
    default:
      return waits("turn");
  }
}

function parked(state: TurnState): Standing {
  const open = openActions(state);
  const resumes = state.interrupting || (open.length === 0 && state.blocking.length > 0);
  return resumes ? waits("resume") : over("requires_action");
}

function ended(state: TurnState): Standing {
  // Nothing goes on at the cap until somebody raises it, whatever is queued or running.
  if (state.stop?.type === "budget_reached") return over("budget_reached");
  if (hasQueued(state)) return waits("queued");
  if (state.openRuns.size > 0) return waits("workflow_runs");
  const status = endStatus(state);
  return isEndDoubtful(state) && status === "idle" ? waits("turn") : over(status);
}

/**
 * Whether events alone do not prove the end that they tell of: some servers go idle while a tool is
 * at work, or between two turns. The session's own status then decides.
 */
export function isEndDoubtful({ phase, endedEarly, owed }: TurnState): boolean {
  return phase === "ended" && (endedEarly || owed.length > 0);
}

const NAMED: readonly WaitStatus[] = ["retries_exhausted", "budget_reached", "refusal"];

/** A stop reason that has a status of its own; all others, known or not, are a finished turn. */
function endStatus(state: TurnState): WaitStatus {
  return NAMED.find((status) => status === state.stop?.type) ?? "idle";
}

/** Tool calls that the session is blocked on and nobody has answered. */
export function openActions(state: TurnState): string[] {
  return state.blocking.filter((eventId) => !state.answered.has(eventId));
}
