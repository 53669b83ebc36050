/**
 * Tells a person who waits what is going on.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { ApiError } from "../api/errors.ts";
import { firstChars, label, plainLine } from "../core/text.ts";
import type { EventOf, TurnEvent } from "./event_types.ts";
import type { WaitingFor } from "./verdict.ts";
import type { Turn } from "./turn.ts";

/** Longest silence, in milliseconds: a host that hears nothing may give the call up. */
const EVERY_MS = 9_000;

/** Says what keeps a wait from the API. */
export function describeConnectionError(error: unknown): string {
  if (!(error instanceof ApiError) || error.kind !== "http") return "connection to the API lost";
  return error.isRateLimit ? "the API's rate limit is reached" : "the API fails";
}

/** Says in a few words what a wait waits for, and what the agent is doing. */
export function describeActivity(turn: Turn, waitingFor: WaitingFor): string {
  switch (waitingFor) {
    case "first_event":
      return "reading the session";
    case "queued":
      return "the message is queued and not taken up yet";
    case "start":
      return "the turn is about to begin";
    case "resume":
      return "the session was answered and is about to go on";
    case "workflow_runs":
      return `${turn.openRuns.size} workflow run(s) still open`;
    case "turn":
      return describeWork(turn);
  }
}

function describeWork(turn: Turn): string {
  const tools = [...turn.toolsInFlight.values()].map(({ name = "a tool" }) => name);
  if (tools.length > 0) return `using ${tools.slice(-3).join(", ")}`;
  if (turn.isEvaluating) return "the outcome is being evaluated";
  const subagents = turn.details.workingThreads();
  const names = subagents.slice(-3).map((id) => nameOf(turn.subagentOf(id)));
  if (names.length > 0) return `${subagents.length} subagent(s) working: ${names.join(", ")}`;
  return turn.lastWork === "text" ? "writing" : "thinking";
}

/** Enough of a message for a few words, also behind much that does not show. */
const MAX_BEGINNING_CHARS = 1_000;

function nameOf(subagent: string | undefined): string {
  return subagent === undefined ? "without a name" : label(subagent);
}

/** Tells which threads are subagents', and their names. */
type Subagents = Pick<Turn, "isSubagent" | "subagentOf">;

/**
 * Tells an event to a person who waits; undefined for one that nobody needs to know of.
 *
 * @param turn of the event, which tells subagents from the session's own thread
 */
export function progressOf(event: TurnEvent, turn?: Subagents): string | undefined {
  switch (event.kind) {
    case "text": {
      const beginning = plainLine(firstChars(event.text, MAX_BEGINNING_CHARS));
      const line = beginning.replace(/\s+/g, " ").trim();
      return line === "" ? undefined : `wrote: ${line}`;
    }
    case "thinking":
      return "thinking";
    case "tool_use": {
      const { name = "a tool", server, threadId } = event.tool;
      const using = server === undefined ? `using ${name}` : `using ${server} ${name}`;
      return turn?.isSubagent(threadId)
        ? `subagent ${nameOf(turn.subagentOf(threadId))}: ${using}`
        : using;
    }
    case "running":
      return "the agent is working";
    case "rescheduled":
      return "rescheduled after a passing fault, going on";
    case "idle":
      return event.stop?.type === "requires_action"
        ? "waiting for an approval or answer"
        : undefined;
    case "error": {
      const { type, retry_status: retryStatus } = event.error;
      const readable = type.replace(/_error$/, "").replaceAll("_", " ");
      return retryStatus === "retrying" ? `retrying: ${readable}` : `error: ${readable}`;
    }
    case "thread":
      return threadProgressOf(event, turn);
    case "evaluation":
      return evaluationProgressOf(event);
    case "run_opened":
      return `workflow run ${event.name ?? event.runId} started`;
    case "run_closed":
      return "a workflow run ended";
    case "input":
    case "interrupt":
    case "tool_result":
    case "model_start":
    case "model_end":
    case "terminated":
    case "deleted":
    case "usage":
    case "other":
      return undefined;
    default:
      return event satisfies never;
  }
}

function threadProgressOf(
  { change, threadId, agentName, status }: EventOf<"thread">,
  turn: Subagents | undefined,
): string | undefined {
  const subagent = `subagent ${nameOf(agentName)}`;
  switch (change) {
    case "created":
      return `${subagent} started`;
    case "sent":
      return `${subagent} was given a task`;
    case "received":
      return `${subagent} has reported`;
    case "status":
      // The session's own thread has its statuses, too.
      if (!turn?.isSubagent(threadId)) return undefined;
      if (status === "requires_action") return `${subagent} waits for an approval or answer`;
      return status === "running" ? `${subagent} is working` : undefined;
  }
}

function evaluationProgressOf(
  { stage, evaluation: { iteration = 0, result = "" } }: EventOf<"evaluation">,
): string | undefined {
  // Iterations are counted from 0.
  const number = iteration > 0 ? ` (${iteration + 1})` : "";
  if (stage === "start") return `evaluating the outcome${number}`;
  if (stage === "ongoing") return undefined;
  return `evaluated the outcome${number}: ${label(result).replaceAll("_", " ")}`;
}

/** Tells a listener what happens, and that the wait is alive where nothing does. */
export class WaitProgress {
  readonly #clock: Clock;
  readonly #tell: ((message: string) => void) | undefined;
  readonly #alive: () => string;
  #cancel: () => void = () => {};

  /**
   * @param tell absent when nobody listens
   * @param alive makes what is said when nothing has happened for long
   */
  constructor(clock: Clock, tell: ((message: string) => void) | undefined, alive: () => string) {
    this.#clock = clock;
    this.#tell = tell;
    this.#alive = alive;
  }

  say(message: string): void {
    if (!this.#tell) return;
    this.#cancel();
    this.#cancel = this.#clock.after(EVERY_MS, () => this.say(`still waiting: ${this.#alive()}`));
    this.#tell(message);
  }

  /** Tells the newest of some events that has something to tell; `turn` as for `progressOf`. */
  report(events: readonly TurnEvent[], turn?: Subagents): void {
    if (!this.#tell) return;
    for (let at = events.length - 1; at >= 0; at--) {
      const event = events[at];
      const message = event && progressOf(event, turn);
      if (message !== undefined) return this.say(message);
    }
  }

  /** Nothing is said after this. */
  dispose(): void {
    this.#cancel();
  }
}
