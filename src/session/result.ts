/**
 * Makes the result of a wait from a turn, within a size budget.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import {
  firstChars,
  firstJsonChars,
  jsonLength,
  label,
  lastJsonChars,
  MAX_RESULT_CHARS,
} from "../core/text.ts";
import { advise } from "./advice.ts";
import { consoleUrlOf } from "./console_url.ts";
import { repeatedCursor } from "./cursor.ts";
import type { StopInfo, ToolUse, TurnError } from "./event_types.ts";
import {
  answerWay,
  isDefaultTool,
  type PendingAction,
  pendingActions,
  type ResultView,
  shownName,
} from "./pending_actions.ts";
import type { DecisionView } from "./person.ts";
import type { Collected, Turn } from "./turn.ts";
import type { WaitStatus } from "./verdict.ts";

/** The result object of `wait_for_idle`. */
export interface WaitResult {
  readonly session_id: string;
  readonly status: WaitStatus;
  /** The agent's text of this turn, or what came after `after_id`; messages parted by a blank line. */
  readonly reply: string;
  /** Counts what was left out to stay within the size budget: always the oldest. */
  readonly omitted?: Omitted;
  readonly stop_reason?: StopInfo;
  readonly tool_activity: ToolActivity[];
  readonly pending_actions: PendingAction[];
  readonly errors: TurnError[];
  /** The subagents that worked in the turn, those that an event told of last at the end. */
  readonly subagents?: SubagentView[];
  /** What came of the evaluations of an outcome in the turn, oldest first. */
  readonly outcome_evaluations?: EvaluationView[];
  /** Images and documents that the agent returned in the turn, oldest first. */
  readonly attachments?: readonly AttachmentView[];
  /** Pass as `after_id` to get only what comes later; absent for a session without events. */
  readonly last_event_id?: string;
  /** What became of a person's decisions in this call; absent where there were none. */
  readonly decisions?: readonly DecisionView[];
  /** Seconds since the call began, to a tenth. */
  readonly elapsed_sec: number;
  /** Dollars that the session has cost by list prices; absent where not known. */
  readonly cost_usd?: number;
  /** Dollars of that which the newest turn has cost; absent where not known. */
  readonly turn_cost_usd?: number;
  /** The page of the console that shows the session, for a turn that did not end by itself. */
  readonly console_url?: string;
  /** Advice to the caller on what to do now; absent where nothing is left to do. */
  readonly next?: string;
}

/** Counts what a result leaves out, and says where it is. */
export interface Omitted {
  /** Characters of the reply; absent when none, or when it is not known how many. */
  readonly characters?: number;
  readonly tools?: number;
  readonly errors?: number;
  readonly subagents?: number;
  readonly outcome_evaluations?: number;
  readonly attachments?: number;
  /** `list_events` with this `after_id` (or without one) shows what is missing. */
  readonly after_id?: string;
}

/** One tool that the agent used in the turn. */
export interface ToolActivity {
  readonly name: string;
  /** Name of the MCP server that offers the tool. */
  readonly server?: string;
  readonly status: "running" | "done" | "failed" | "waiting";
  /** Name of the subagent that used it. */
  readonly agent?: string;
}

/** A subagent that worked in the turn. */
export interface SubagentView {
  readonly name: string;
  readonly thread_id: string;
  /**
   * Status of its thread (`running`, `idle`, `rescheduling`, `terminated`), or of an idle one why it
   * is, as `requires_action`; absent where no event tells it.
   */
  readonly status?: string;
  /** Dollars that its thread has cost so far, where an event tells it. */
  readonly cost_usd?: number;
}

/** An evaluation of an outcome. */
export interface EvaluationView {
  readonly outcome_id?: string;
  /** Revision cycle, from 0. */
  readonly iteration?: number;
  /** `satisfied`, `needs_revision`, `max_iterations_reached`, `failed`, `interrupted`, or others. */
  readonly result: string;
  readonly explanation?: string;
}

/** An image or a document that the agent returned. */
export interface AttachmentView {
  readonly type: "image" | "document";
  /** What the agent's side says of its type. */
  readonly media_type?: string;
  readonly title?: string;
  /** Name of the MCP server's tool in whose result it stands; absent where the agent's message has it. */
  readonly tool?: string;
  readonly event_id?: string;
  readonly url?: string;
  readonly file_id?: string;
  /** True if it stands beside this result; absent where the event does not have its bytes. */
  readonly shown?: boolean;
  /** Of one that is not shown: `list_events` with this cursor and `limit` 1 shows it. */
  readonly after_id?: string;
}

/** Longest reply, in characters of its JSON text. */
export const REPLY_BUDGET = 30_000;
/** Room for what stands beside the lists and the reply: cursors, reasons, advice. */
const FRAME_BUDGET = 7_000;
/** Bounds of a list, in entries and in characters of their JSON text. */
export interface ListLimits {
  readonly entries: number;
  readonly chars: number;
}

/** Bounds of all lists, and of the message of an error, in characters. */
const FULL = {
  tools: { entries: 50, chars: 4_000 },
  errors: { entries: 10, chars: 6_000 },
  actions: { entries: 10, chars: 15_000 },
  message: 500,
};
/**
 * Bounds of the lists that only a result has whose turn is over or blocked; those of one that timed
 * out would take the room of words.
 */
const DETAILS = {
  subagents: { entries: 20, chars: 1_500 },
  evaluations: { entries: 5, chars: 3_000 },
  attachments: { entries: 10, chars: 2_000 },
};
/** Longest explanation of an evaluation, in characters of its JSON text. */
const MAX_EXPLANATION_CHARS = 1_500;
/**
 * The same for a wait that timed out. Its caller asks again and again, and each result stays in the
 * context of a model: beside new text all of it is to take about 400 characters.
 */
const BRIEF = {
  tools: { entries: 3, chars: 110 },
  errors: { entries: 1, chars: 130 },
  actions: { entries: 2, chars: 200 },
  message: 60,
};

/** Statuses of a session that somebody may want to look into. */
const SHOWN_IN_CONSOLE: ReadonlySet<WaitStatus> = new Set([
  "requires_action",
  "retries_exhausted",
  "budget_reached",
  "refusal",
  "terminated",
]);

/** Room for what grows in a result; as much as the result of one wait has where absent. */
export interface ResultRoom {
  /** Longest reply, in characters of its JSON text. */
  readonly replyChars?: number;
  /** Bounds of the calls that wait for an answer, for a wait that did not time out. */
  readonly actions?: ListLimits;
}

/** The parts of which {@linkcode buildResult} makes a result. */
export interface ResultParts extends ResultView, ResultRoom {
  readonly sessionId: string;
  readonly afterId?: string;
  readonly status: WaitStatus;
  /** As for a wait. */
  readonly again?: (cursor: string | undefined) => string;
  readonly turn: Turn;
  readonly elapsedMs: number;
  /** True if the events reach back to the beginning of what counts. */
  readonly complete: boolean;
  /** True if the session's events could be read at all. */
  readonly wasRead: boolean;
  /** The error that keeps this server from the API, for a wait that timed out. */
  readonly connectionError?: unknown;
  /** Words for what the agent is doing, for a wait that timed out. */
  readonly doing: string;
}

/** Makes the result object of `wait_for_idle`. */
export function buildResult(parts: ResultParts): WaitResult {
  const { turn, status } = parts;
  const { collected } = turn;
  const bounds = status === "timeout" ? BRIEF : FULL;
  const actionBounds = status === "timeout" ? BRIEF.actions : parts.actions ?? FULL.actions;
  const tools = listTools(turn, status, bounds.tools);
  const errors = listErrors(collected, bounds);
  const details = status === "timeout" ? undefined : listDetails(turn);
  const leftOut = {
    tools: collected.tools.length - tools.length,
    errors: collected.errors.length - errors.length,
    ...details?.leftOut,
  };
  if (status === "timeout") errors.push(...connectionErrorOf(parts));
  const calls = pendingIds(turn, status).map((eventId) => ({
    eventId,
    tool: turn.asking.get(eventId),
  }));
  const shown = calls.slice(0, actionBounds.entries);
  const actions = pendingActions({ ...parts, calls: shown }, parts, actionBounds.chars);
  const listsLength = jsonLength([tools, errors, actions, details?.shown]);
  const room = parts.replyChars ??
    Math.min(REPLY_BUDGET, MAX_RESULT_CHARS - FRAME_BUDGET - listsLength);
  const reply = joinReply(collected, room);
  const omitted = omittedOf(parts, reply.shownChars, leftOut);
  const cursor = cursorOf(parts);
  const advice = advise({
    ...parts,
    cursor,
    pending: calls.map(({ tool }) => answerWay(tool)),
    shown: shown.length,
    has: parts.has ?? isDefaultTool,
  });
  const next = [advice, omitted && describeOmitted(omitted, parts)].filter(Boolean).join(" ");
  return {
    session_id: parts.sessionId,
    status,
    reply: reply.text,
    ...(omitted && { omitted }),
    ...(turn.stop && status !== "timeout" && { stop_reason: turn.stop }),
    tool_activity: tools,
    pending_actions: actions,
    errors,
    ...details?.shown,
    ...(cursor !== undefined && { last_event_id: cursor }),
    elapsed_sec: Math.round(parts.elapsedMs / 100) / 10,
    // Of a turn that goes on, nothing says yet what it costs.
    ...(status !== "timeout" && costOf(turn)),
    ...(parts.consoleUrl !== undefined && SHOWN_IN_CONSOLE.has(status) &&
      { console_url: consoleUrlOf(parts.consoleUrl, parts.sessionId) }),
    ...(next !== "" && { next }),
  };
}

function costOf(
  { costCents, turnCostCents }: Turn,
): Pick<WaitResult, "cost_usd" | "turn_cost_usd"> {
  return {
    ...(costCents !== undefined && { cost_usd: costCents / 100 }),
    ...(turnCostCents !== undefined && { turn_cost_usd: turnCostCents / 100 }),
  };
}

/** The cursor to go on from: never the one of this call where the same call is to be made again. */
function cursorOf({ turn, status, afterId }: ResultParts): string | undefined {
  const { anchor, lastEventId } = turn;
  const again = status === "timeout" || status === "requires_action";
  // While the cursor's own turn is to come, no earlier event takes its place, unless words of those
  // turns have been told: they would be told again.
  const stays = anchor !== undefined && (anchor.id === undefined ||
    (anchor.queued && turn.collected.textLength === 0));
  const isNew = !stays && lastEventId !== undefined && lastEventId !== anchor?.id;
  if (isNew) return lastEventId;
  return again ? repeatedCursor(afterId, anchor?.id) : afterId ?? lastEventId;
}

/**
 * Counts what is left out: the beginning of the reply, words of earlier turns, which are older, and
 * entries of the lists.
 */
function omittedOf(
  { turn: { earlierText, collected }, complete }: ResultParts,
  shownChars: number,
  leftOut: Readonly<Record<string, number>>,
): Omitted | undefined {
  // If older events were not read, it is not known how much is missing.
  const cutChars = complete ? collected.textLength - shownChars : 0;
  const characters = cutChars + (earlierText?.characters ?? 0);
  const entries = Object.entries(leftOut).filter(([, count]) => count > 0);
  if (complete && characters === 0 && entries.length === 0) return undefined;
  const oldest = earlierText ?? (cutChars > 0 ? collected.texts[0] : undefined);
  return {
    ...(characters > 0 && { characters }),
    ...(oldest?.cursorBefore !== undefined && { after_id: oldest.cursorBefore }),
    ...Object.fromEntries(entries),
  };
}

/** Joins the newest messages that fit; of the newest one at least its end. */
function joinReply(
  { texts }: Collected,
  budget: number,
): { readonly text: string; readonly shownChars: number } {
  const kept: string[] = [];
  let room = budget;
  let shownChars = 0;
  for (const { text, leftOut } of texts.toReversed()) {
    // A text takes at least its length: most that are too long need no measuring.
    const isTooLong = leftOut !== undefined || text.length > room;
    const length = isTooLong ? Infinity : jsonLength(text) - 2;
    const isCut = length > room;
    if (isCut && kept.length > 0) break;
    const shown = isCut ? lastJsonChars(text, room) : text;
    kept.push(isCut ? `… ${shown}` : shown);
    shownChars += shown.length;
    if (isCut) break;
    // The blank line between two messages.
    room -= length + 4;
  }
  return { text: kept.reverse().join("\n\n"), shownChars };
}

function listTools(turn: Turn, status: WaitStatus, bounds: ListLimits): ToolActivity[] {
  const { tools, results } = turn.collected;
  // The first result of a call counts.
  const failed = new Map(results.toReversed().map((result) => [result.toolUseId, result.failed]));
  const waiting = new Set(turn.openActions());
  return newestWithin(bounds, tools, (tool) => ({
    name: tool.name ?? "unknown",
    ...(tool.server !== undefined && { server: tool.server }),
    status: waiting.has(tool.id) ? "waiting" : toolStatus(tool, failed.get(tool.id), status),
    ...(status !== "timeout" && agentOf(turn, tool.threadId)),
  }));
}

/** Names the subagent of a thread; nothing for a thread that is none's, as far as is known. */
function agentOf(turn: Turn, threadId: string | undefined): { readonly agent: string } | undefined {
  const name = turn.isSubagent(threadId) ? turn.subagentOf(threadId) : undefined;
  return name === undefined ? undefined : { agent: shownName(name) };
}

/** Lists what only a result has whose turn is over or blocked, and counts what finds no room. */
function listDetails(turn: Turn): {
  readonly shown: Pick<WaitResult, "subagents" | "outcome_evaluations" | "attachments">;
  readonly leftOut: Readonly<Record<string, number>>;
} {
  const { details } = turn;
  const subagents = newestWithin(
    DETAILS.subagents,
    [...details.subagents],
    ([threadId, known]) => ({
      name: shownName(turn.subagentOf(threadId) ?? "unknown"),
      thread_id: threadId,
      ...(known.status !== undefined && { status: label(known.status) }),
      ...(known.costCents !== undefined && { cost_usd: known.costCents / 100 }),
    }),
  );
  const evaluations = newestWithin(
    DETAILS.evaluations,
    details.evaluations,
    ({ outcomeId, iteration, result, explanation }) => ({
      ...(outcomeId !== undefined && { outcome_id: label(outcomeId) }),
      ...(iteration !== undefined && { iteration }),
      result: label(result ?? "unknown"),
      ...(explanation !== undefined &&
        { explanation: firstJsonChars(explanation, MAX_EXPLANATION_CHARS) }),
    }),
  );
  const attachments = newestWithin(
    DETAILS.attachments,
    details.attachments,
    ({ type, mediaType, title, tool, eventId, url, fileId, isInline, cursorBefore }) => ({
      type,
      ...(mediaType !== undefined && { media_type: mediaType }),
      ...(title !== undefined && { title: shownName(title) }),
      ...(tool !== undefined && { tool: shownName(tool) }),
      ...(eventId !== undefined && { event_id: eventId }),
      ...(url !== undefined && { url }),
      ...(fileId !== undefined && { file_id: fileId }),
      ...(isInline && { shown: false }),
      ...(isInline && cursorBefore !== undefined && { after_id: cursorBefore }),
    }),
  );
  return {
    shown: {
      ...(subagents.length > 0 && { subagents }),
      ...(evaluations.length > 0 && { outcome_evaluations: evaluations }),
      ...(attachments.length > 0 && { attachments }),
    },
    leftOut: {
      subagents: details.subagents.size - subagents.length,
      outcome_evaluations: details.evaluationCount - evaluations.length,
      attachments: details.attachmentCount - attachments.length,
    },
  };
}

function toolStatus(
  { custom }: ToolUse,
  failed: boolean | undefined,
  status: WaitStatus,
): ToolActivity["status"] {
  if (failed !== undefined) return failed ? "failed" : "done";
  if (status !== "timeout") return "done";
  return custom ? "waiting" : "running";
}

function listErrors({ errors }: Collected, bounds: typeof FULL): TurnError[] {
  return newestWithin(bounds.errors, errors, ({ server, ...error }) => ({
    ...error,
    ...(server !== undefined && bounds === FULL && { server }),
    ...(error.message !== undefined && { message: firstChars(error.message, bounds.message) }),
  }));
}

/** The newest entries within both bounds, oldest first. */
function newestWithin<T, V>(
  bounds: ListLimits,
  entries: readonly T[],
  view: (entry: T) => V,
): V[] {
  const list: V[] = [];
  let room = bounds.chars;
  for (const entry of entries.toReversed()) {
    if (list.length === bounds.entries) break;
    const shown = view(entry);
    room -= jsonLength(shown) + 1;
    if (room < 0) break;
    list.push(shown);
  }
  return list.reverse();
}

/** Tells why this server cannot reach the API, so that nobody takes it for the agent's error. */
function connectionErrorOf({ connectionError, wasRead }: ResultParts): TurnError[] {
  const error = connectionError ??
    (wasRead ? undefined : new ApiError("No answer in time", { kind: "timeout" }));
  if (error === undefined) return [];
  const message = error instanceof ApiError ? error.message : "The connection failed";
  const what = error instanceof ApiError && error.kind === "http"
    ? `The Managed Agents API answers ${error.status}`
    : "No connection to the Managed Agents API";
  return [{
    type: "api_unreachable",
    message: firstChars(`${what}: ${message}`, FULL.message),
    retry_status: "retrying",
  }];
}

/** Lists the ids of the calls whose answers the turn waits for. */
function pendingIds(turn: Turn, status: WaitStatus): readonly string[] {
  const blocked = turn.phase === "blocked" ? turn.openActions() : [];
  const mayAsk = status === "timeout" || status === "requires_action";
  return blocked.length === 0 && mayAsk ? turn.unansweredAsks() : blocked;
}

function describeOmitted(
  omitted: Omitted,
  { turn, status, has = isDefaultTool }: ResultParts,
): string | undefined {
  const canList = has("list_events");
  const isText = omitted.characters !== undefined || omitted.after_id !== undefined;
  if (!isText && Object.keys(omitted).length > 0) {
    // The caller goes on asking: which tools were used until now is a detail.
    if (status === "timeout") return undefined;
    const kinds = [
      omitted.tools && "tool calls",
      omitted.errors && "errors",
      omitted.subagents && "subagents",
      omitted.outcome_evaluations && "outcome evaluations",
      omitted.attachments && "attachments",
    ].filter(Boolean);
    const eventByEvent = omitted.attachments === undefined ? "" : ", attachments with limit = 1";
    return `Earlier ${kinds.join(" and ")} of this turn were left out` +
      (canList ? `: list_events shows them${eventByEvent}.` : ".");
  }
  const from = omitted.after_id === undefined ? "the message's event_id" : `"${omitted.after_id}"`;
  const what = turn.earlierText
    ? "What the agent said in answer to earlier messages"
    : "The oldest part";
  if (!canList) return `${what} was left out.`;
  return `${what} was left out: list_events with after_id = ${from}, types = ["agent.message"] ` +
    "and limit = 1 shows it, part by part, each time with its last_event_id as the next after_id.";
}
