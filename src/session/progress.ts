/**
 * Tells a person who waits what is going on.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { ApiError } from "../api/errors.ts";
import { firstChars, plainLine } from "../core/text.ts";
import type { TurnEvent } from "./event_types.ts";
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
  return turn.lastWork === "text" ? "writing" : "thinking";
}

/** Enough of a message for a few words, also behind much that does not show. */
const MAX_BEGINNING_CHARS = 1_000;

/** Tells an event to a person who waits; undefined for one that nobody needs to know of. */
export function progressOf(event: TurnEvent): string | undefined {
  switch (event.kind) {
    case "text": {
      const beginning = plainLine(firstChars(event.text, MAX_BEGINNING_CHARS));
      const line = beginning.replace(/\s+/g, " ").trim();
      return line === "" ? undefined : `wrote: ${line}`;
    }
    case "thinking":
      return "thinking";
    case "tool_use": {
      const { name = "a tool", server } = event.tool;
      return server === undefined ? `using ${name}` : `using ${server} ${name}`;
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
      return event.change === "created"
        ? `subagent ${event.agentName ?? "without a name"} started`
        : undefined;
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

  /** Tells the newest of some events that has something to tell. */
  report(events: readonly TurnEvent[]): void {
    if (!this.#tell) return;
    for (let at = events.length - 1; at >= 0; at--) {
      const event = events[at];
      const message = event && progressOf(event);
      if (message !== undefined) return this.say(message);
    }
  }

  /** Nothing is said after this. */
  dispose(): void {
    this.#cancel();
  }
}
