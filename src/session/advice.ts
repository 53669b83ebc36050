/**
 * Says what the caller of a wait can do next: one or two sentences for each way in which it ends.
 *
 * Only tools that the caller has are named, and nothing that an agent wrote is repeated.
 *
 * @module
 */

import { firstChars, label } from "../core/text.ts";
import type { StopInfo, TurnError } from "./event_types.ts";
import {
  type AnswerWay,
  askToolOf,
  givenBy,
  isDefaultTool,
  type ResultView,
  type ToolsOfCaller,
  waitToolOf,
} from "./pending_actions.ts";
import type { Undecided } from "./person.ts";
import type { Turn } from "./turn.ts";
import { type TurnFault, turnFaultOf } from "./turn_faults.ts";
import type { WaitStatus } from "./verdict.ts";

/** How a wait ended, and who reads its advice. */
export interface Situation extends Tools {
  readonly sessionId: string;
  readonly status: WaitStatus;
  readonly turn: Turn;
  /** True if the session's events could be read at all. */
  readonly wasRead: boolean;
  /** Words for what the agent is doing, for a wait that timed out. */
  readonly doing: string;
  /** The `last_event_id` of the result. */
  readonly cursor: string | undefined;
  /** The calls that wait for an answer, by the way to it. */
  readonly pending: readonly AnswerWay[];
  /** Number of those calls that the result shows. */
  readonly shown: number;
  /** Words for the call that goes on waiting, with the cursor; those of the caller's tool if absent. */
  readonly again?: (cursor: string | undefined) => string;
}

/** The tools of the caller, and what a person can answer in the session view. */
interface Tools extends ToolsOfCaller, Pick<ResultView, "viewAnswers"> {
  readonly has: (tool: string) => boolean;
}

/** Longest words, in characters, for what the agent is doing. */
const MAX_DOING_CHARS = 60;

/** Says what the caller can do now; undefined where nothing is left to do. */
export function advise(situation: Situation): string | undefined {
  const { status, turn, pending, has } = situation;
  const again = situation.again?.(situation.cursor) ?? waitAgain(situation);
  switch (status) {
    case "timeout":
      if (!situation.wasRead) {
        return `The API did not tell how the session stands. Call ${again}.`;
      }
      return `Still running (${firstChars(situation.doing, MAX_DOING_CHARS)}). ` +
        (pending.length > 0 ? `${describePendingBriefly(pending, situation)} ` : "") +
        `Call ${again}.`;
    case "requires_action":
      return `${describePending(situation)} Then call ${again}` +
        (has("interrupt") ? ", or interrupt to give it up." : ".");
    case "retries_exhausted":
      return adviseExhausted(lastError(turn), situation);
    case "budget_reached":
      return "The session's budget is used up. It goes on when somebody raises or removes it: " +
        `then call ${again}.`;
    case "refusal":
      return adviseRefused(turn.stop, situation);
    case "terminated":
    case "deleted":
      return adviseEnded(status === "terminated" ? lastError(turn) : undefined, situation);
    case "not_started":
      return joined("No message was sent to this session yet.", adviseFirst(situation));
    case "idle":
      return turn.hasUnansweredInput
        ? "A message was not answered: the session is idle and no turn has begun for it. Call " +
          `${again} to go on waiting${canSend(situation) ? ", or send the message again" : ""}.`
        : adviseIdle(turn, situation);
  }
}

/** Names the call that waits on; one that asks as well must carry no message then. */
function waitAgain({ sessionId, cursor, ...tools }: WaitingCall): string {
  const askTool = askToolOf(tools);
  const waitTool = waitToolOf(tools) ?? "wait_for_idle";
  const after = cursor === undefined ? undefined : `after_id "${cursor}"`;
  if (waitTool !== askTool) {
    return `${waitTool} again${after === undefined ? "" : ` with ${after}`}`;
  }
  const args = [`session_id "${sessionId}"`, after].filter(Boolean).join(", ");
  return `${askTool} with ${args} and no message`;
}

/** What the call that waits on is made of. */
type WaitingCall = ToolsOfCaller & Pick<Situation, "sessionId" | "cursor">;

function canSend(tools: Tools): boolean {
  return tools.has("send_message") || askToolOf(tools) !== undefined;
}

function adviseFirst(tools: Tools): string | undefined {
  const askTool = askToolOf(tools);
  if (tools.askTool === undefined && tools.has("send_message")) return "Call send_message first.";
  return askTool && `Call ${askTool} with its session_id and a message.`;
}

/** Returns the way that all calls have in common; undefined where they have several. */
function onlyWay(pending: readonly AnswerWay[]): AnswerWay | undefined {
  // Some servers block without naming a call.
  const [way = "confirmation", ...others] = new Set(pending);
  return others.length === 0 ? way : undefined;
}

/** Says in few words that calls wait for an answer, for a result that is to be short. */
function describePendingBriefly(pending: readonly AnswerWay[], tools: Tools): string {
  const way = onlyWay(pending);
  return `${pending.length} tool call(s) wait ${way ? givenBy(way, tools).wait : "for answers"}.`;
}

function describePending({ pending, shown, has, askTool, viewAnswers }: Situation): string {
  const way = onlyWay(pending);
  const whoGivesIt = way
    ? `, which ${givenBy(way, { has, askTool, viewAnswers }).which}`
    : "; the answer field of each says who gives it";
  return `The agent waits for an answer to ${pending.length} tool call(s)` +
    (shown < pending.length ? `, the first ${shown} of which are shown` : "") + `${whoGivesIt}.`;
}

/** Returns the error that ended the turn, or the newest one if none says that it did. */
function lastError({ collected: { errors } }: Turn): TurnError | undefined {
  return errors.findLast(endsTurn) ?? errors.at(-1);
}

function endsTurn({ retry_status: given }: TurnError): boolean {
  return given === "exhausted" || given === "terminal";
}

function adviseExhausted(error: TurnError | undefined, tools: Tools): string {
  const fault = error && turnFaultOf(error);
  if (fault) return joined("The turn was given up.", fault.what, helpOf(fault, tools));
  return joined(
    "The turn was given up after repeated errors.",
    canSend(tools) && "Send the message again to retry.",
  );
}

/** Says what helps against an error. */
function helpOf({ remedy, then = "again" }: TurnFault, tools: Tools): string {
  return joined(
    remedy !== undefined && `Tell the user what helps: ${remedy}.`,
    canSend(tools) && (remedy === undefined ? HELP[then] : "Then send the message again."),
  );
}

/** Says which message helps. */
const HELP: Readonly<Record<NonNullable<TurnFault["then"]>, string>> = {
  again: "Send the message again in a few minutes.",
  continue: "Send a message that asks it to go on.",
  smaller: "Send a smaller task, or start another session.",
};

function adviseRefused(stop: StopInfo | undefined, tools: Tools): string {
  const ways = [
    canSend(tools) && "rephrase the request",
    canStart(tools) && "start another session",
  ].filter((way) => way !== false).join(" or ");
  const category = stop?.category === undefined ? "" : ` (${label(stop.category)})`;
  return joined(
    `The model declined to go on${category}${stop?.explanation ? "; stop_reason says why" : ""}.`,
    ways !== "" && `${ways.slice(0, 1).toUpperCase()}${ways.slice(1)}.`,
  );
}

function canStart(tools: Tools): boolean {
  return tools.has("create_session") || askToolOf(tools) !== undefined;
}

function adviseEnded(error: TurnError | undefined, tools: Tools): string {
  const askTool = askToolOf(tools);
  const byAsking = tools.askTool !== undefined || !tools.has("create_session");
  const fault = error?.retry_status === "terminal" ? turnFaultOf(error) : undefined;
  return joined(
    "This session takes no more messages.",
    fault?.what,
    fault?.remedy !== undefined && `Tell the user what helps: ${fault.remedy}.`,
    byAsking
      ? askTool && `Call ${askTool} without session_id for a new one.`
      : "Use create_session for a new one.",
  );
}

/** Tells an error that ended the turn: some servers end such a turn like any other. */
function adviseIdle(turn: Turn, tools: Tools): string | undefined {
  const { errors, textLength } = turn.collected;
  const error = errors.at(-1);
  if (!error || (textLength > 0 && !endsTurn(error))) return adviseUnmet(turn, tools);
  const fault = turnFaultOf(error);
  return joined(
    `The turn ended with an error (${error.type}) and ` +
      (textLength > 0 ? "the reply may be incomplete." : "no reply."),
    ...(fault ? [fault.what, helpOf(fault, tools)] : [
      canSend(tools) && "Sending the message again helps only if the cause has passed.",
    ]),
  );
}

/** Says that the turn ended without what was asked of it; undefined where no evaluation says so. */
function adviseUnmet({ details: { evaluations } }: Turn, tools: Tools): string | undefined {
  const { result = "satisfied" } = evaluations.at(-1) ?? {};
  if (result === "satisfied") return undefined;
  return joined(
    `The outcome is not met (${label(result)}): its evaluation says why.`,
    canSend(tools) && "A message can ask the agent to go on.",
  );
}

function joined(...sentences: readonly (string | false | undefined)[]): string {
  return sentences.filter(Boolean).join(" ");
}

/**
 * The reason why calls still wait that a person was asked about: that the person put all of them
 * off, or some, did not answer, or could not be asked; that the answer came too late, or belongs to
 * no question of this server; that a decision could not be sent, or that it is not known if it
 * arrived; that one call asks no more often.
 */
export type NotDecided =
  | Undecided
  | "put_off"
  | "partly"
  | "expired"
  | "unusable"
  | "not_sent"
  | "unknown"
  | "asked_often";

const NOT_DECIDED: Readonly<Record<NotDecided, string>> = {
  put_off: "The person who was asked put it off, so nothing was sent.",
  partly: "The person who was asked put some of it off, so nothing was sent for that.",
  // Seen of `claude -p`, which closes a form at once, and of Codex `exec` and Copilot CLI `-p`, which
  // decline it.
  declined: "The question was declined, by a person or a host without one, so nothing was sent.",
  cancelled: "The question was closed, by a person or a host without one, so nothing was sent.",
  timed_out: "Nobody answered in time, so nothing was sent.",
  expired: "The answer came too late, so nothing was sent.",
  unusable: "The answer could not be used, so nothing was sent.",
  failed: "The host could not ask a person, so nothing was sent.",
  not_sent: "A decision could not be sent: decisions says which.",
  unknown: "It is not known if a decision arrived, and it is not sent again.",
  asked_often: "One call asks a person no more often than this.",
};

/**
 * Says why calls still wait in a wait that has asked a person and ended with `requires_action`, and
 * what the caller can do.
 *
 * @param result of that wait
 * @param asksAgain false for a caller whose person is not asked by another wait
 */
export function adviseUndecided(
  why: NotDecided,
  { session_id: sessionId, last_event_id: cursor, next }: {
    readonly session_id: string;
    readonly last_event_id?: string;
    readonly next?: string;
  },
  tools: ToolsOfCaller = {},
  asksAgain = true,
): string {
  const { has = isDefaultTool } = tools;
  // Asking again does not help, or is not possible.
  if (!asksAgain || why === "failed" || why === "unknown") return joined(NOT_DECIDED[why], next);
  return joined(
    NOT_DECIDED[why],
    `Talk with the person first: ${waitAgain({ ...tools, sessionId, cursor })} asks again` +
      (has("interrupt") ? ", and interrupt gives it up." : "."),
  );
}
