/**
 * From a turn to the result of a wait, within a size budget.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import { firstChars, jsonLength, lastJsonChars } from "../core/text.ts";
import type { ToolUse } from "./event_types.ts";
import type {
  Omitted,
  PendingAction,
  ToolActivity,
  TurnError,
  WaitResult,
  WaitStatus,
} from "./outcome.ts";
import { nextCursor } from "./cursor.ts";
import { toolInputView } from "./event_view.ts";
import type { Collected, TextPart, Turn } from "./turn.ts";

/** Longest reply, in characters of its JSON text. */
export const REPLY_BUDGET = 30_000;
/** Longest result, in characters of its JSON text. */
const RESULT_BUDGET = 40_000;
/** What a result holds beside its lists and its reply: cursors, reasons, advice. */
const FRAME_BUDGET = 7_000;
/** Bounds of the lists, in entries and in characters of their JSON text. */
const MAX_TOOLS = { entries: 50, chars: 4_000 };
const MAX_ERRORS = { entries: 10, chars: 6_000 };
const MAX_ACTIONS = { entries: 10, chars: 15_000 };
const MAX_MESSAGE = 500;
/**
 * The same for a wait that timed out. Its caller asks again and again, and each result stays in the
 * context of a model: beside new text all of it is to take about 400 characters.
 */
const BRIEF = {
  tools: { entries: 3, chars: 110 },
  errors: { entries: 1, chars: 130 },
  actions: { entries: 2, chars: 200 },
  message: 60,
  doing: 60,
};

/** What {@linkcode buildResult} is made from. */
export interface ResultParts {
  readonly sessionId: string;
  readonly afterId?: string;
  readonly status: WaitStatus;
  readonly turn: Turn;
  readonly elapsedMs: number;
  /** Whether the log reaches back to the beginning of what counts. */
  readonly complete: boolean;
  /** Whether the session's log could be read at all. */
  readonly seen: boolean;
  /** What keeps the bridge from the API, for a wait that timed out. */
  readonly trouble?: unknown;
  /** What the agent is doing, for a wait that timed out. */
  readonly doing: string;
  readonly exposeToolInputs: boolean;
}

/** The result object of `wait_for_idle`. */
export function buildResult(parts: ResultParts): WaitResult {
  const { turn, status } = parts;
  const tools = listTools(turn, status);
  const errors = listErrors(turn.collected, status, troubleOf(parts));
  const actions = listActions(parts);
  const listsLength = jsonLength([tools.list, errors.list, actions.list]);
  const room = Math.min(REPLY_BUDGET, RESULT_BUDGET - FRAME_BUDGET - listsLength);
  const reply = joinReply(turn.collected, parts.complete, room);
  const omitted = mergeOmitted(withPassed(reply.omitted, turn), tools.omitted, errors.omitted);
  const cursor = cursorOf(parts);
  const next = describeNext(parts, actions, cursor, omitted);
  return {
    session_id: parts.sessionId,
    status,
    reply: reply.text,
    ...(omitted && { omitted }),
    ...(turn.stop && status !== "timeout" && { stop_reason: turn.stop }),
    tool_activity: tools.list,
    pending_actions: actions.list,
    errors: errors.list,
    ...(cursor !== undefined && { last_event_id: cursor }),
    elapsed_sec: Math.round(parts.elapsedMs / 100) / 10,
    ...(next !== undefined && { next }),
  };
}

/** The cursor to go on from: never the one of this call where the same call is to be made again. */
function cursorOf({ turn, status, afterId }: ResultParts): string | undefined {
  const { anchor, cursor } = turn;
  const again = status === "timeout" || status === "requires_action";
  // While the cursor's own turn is to come, no earlier event takes its place, unless words of those
  // turns have been told: they would be told again.
  const stays = anchor !== undefined && (anchor.id === undefined ||
    (anchor.queued && turn.collected.textLength === 0));
  const isSame = stays || cursor === undefined || cursor === anchor?.id;
  if (!isSame) return cursor;
  return again ? nextCursor(afterId, anchor?.id) : afterId ?? cursor;
}

/** Adds the words of earlier turns that the wait saw pass: they are older than the reply. */
function withPassed(omitted: Omitted | undefined, { passed }: Turn): Omitted | undefined {
  if (!passed) return omitted;
  const { characters = 0, after_id: _later, ...rest } = omitted ?? {};
  return {
    ...rest,
    characters: characters + passed.characters,
    ...(passed.cursorBefore !== undefined && { after_id: passed.cursorBefore }),
  };
}

/** The newest messages that fit; of the newest one at least its end. */
function joinReply(
  collected: Collected,
  complete: boolean,
  budget: number,
): { text: string; omitted?: Omitted } {
  const kept: string[] = [];
  let room = budget;
  let cutAt: TextPart | undefined;
  let oldest: TextPart | undefined;
  let keptLength = 0;
  for (const part of collected.texts.toReversed()) {
    oldest = part;
    if (cutAt) continue;
    // A text takes at least its length: most that are too long need no measuring.
    const isTooLong = part.leftOut !== undefined || part.text.length > room;
    const length = isTooLong ? Infinity : jsonLength(part.text) - 2;
    if (length > room) {
      cutAt = part;
      if (kept.length > 0) continue;
      const end = lastJsonChars(part.text, room);
      kept.push(`… ${end}`);
      keptLength += end.length;
      continue;
    }
    kept.push(part.text);
    keptLength += part.text.length;
    // The blank line between two messages.
    room -= length + 4;
  }
  const text = kept.reverse().join("\n\n");
  if (!cutAt && complete) return { text };
  const characters = collected.textLength - keptLength;
  return {
    text,
    omitted: {
      ...(complete && { characters }),
      ...(complete && oldest?.cursorBefore && { after_id: oldest.cursorBefore }),
    },
  };
}

function listTools(
  turn: Turn,
  status: WaitStatus,
): { list: ToolActivity[]; omitted?: Omitted } {
  const { tools, results } = turn.collected;
  const failed = new Map<string, boolean>();
  for (const { toolUseId, failed: hasFailed } of results) {
    // A second result of one call says nothing.
    if (toolUseId !== undefined && !failed.has(toolUseId)) failed.set(toolUseId, hasFailed);
  }
  const waiting = new Set(turn.openActions());
  const bounds = status === "timeout" ? BRIEF.tools : MAX_TOOLS;
  const list = newestWithin(bounds, tools, (tool) => ({
    name: tool.name ?? "unknown",
    ...(tool.server !== undefined && { server: tool.server }),
    status: toolStatus(tool, failed.get(tool.id), waiting.has(tool.id), status),
  }));
  const omitted = tools.length - list.length;
  return { list, ...(omitted > 0 && { omitted: { tools: omitted } }) };
}

/** The newest entries within both bounds, oldest first. */
function newestWithin<T, V>(
  bounds: { readonly entries: number; readonly chars: number },
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

function toolStatus(
  tool: ToolUse,
  failed: boolean | undefined,
  waiting: boolean,
  status: WaitStatus,
): ToolActivity["status"] {
  if (waiting) return "waiting";
  if (failed !== undefined) return failed ? "failed" : "done";
  if (status !== "timeout") return "done";
  return tool.custom ? "waiting" : "running";
}

function listErrors(
  collected: Collected,
  status: WaitStatus,
  trouble: unknown,
): { list: TurnError[]; omitted?: Omitted } {
  const brief = status === "timeout";
  const bounds = brief ? BRIEF.errors : MAX_ERRORS;
  const list = newestWithin(bounds, collected.errors, ({ message, ...error }) => ({
    ...error,
    ...(message !== undefined && { message: brief ? firstChars(message, BRIEF.message) : message }),
  }));
  const omitted = collected.errors.length - list.length;
  if (trouble !== undefined) list.push(describeTrouble(trouble));
  return { list, ...(omitted > 0 && { omitted: { errors: omitted } }) };
}

function troubleOf({ status, trouble, seen }: ResultParts): unknown {
  if (status !== "timeout") return undefined;
  return trouble ?? (seen ? undefined : new ApiError("No answer in time", { kind: "timeout" }));
}

/** The bridge's own trouble, so that nobody takes it for the agent's. */
function describeTrouble(trouble: unknown): TurnError {
  const message = trouble instanceof ApiError ? trouble.message : "The connection failed";
  const answers = trouble instanceof ApiError && trouble.kind === "http";
  const what = answers
    ? `The Managed Agents API answers ${trouble.status}`
    : "No connection to the Managed Agents API";
  return {
    type: "api_unreachable",
    message: firstChars(`${what}: ${message}`, MAX_MESSAGE),
    retry_status: "retrying",
  };
}

/** Actions that wait for an answer: as many as are shown, and how many there are. */
interface Actions {
  readonly list: PendingAction[];
  readonly count: number;
}

function listActions({ turn, status, exposeToolInputs }: ResultParts): Actions {
  const blocked = turn.phase === "blocked" ? turn.openActions() : [];
  const mayAsk = status === "timeout" || status === "requires_action";
  const asked = blocked.length === 0 && mayAsk ? turn.unansweredAsks() : blocked;
  const bounds = status === "timeout" ? BRIEF.actions : MAX_ACTIONS;
  let room = bounds.chars;
  const list = asked.slice(0, bounds.entries).map((eventId) => {
    const tool = turn.asking.get(eventId);
    const action = {
      event_id: eventId,
      kind: tool?.custom ? "custom_tool_result" as const : "tool_confirmation" as const,
      ...(tool?.name !== undefined && { name: tool.name }),
      ...(tool?.threadId !== undefined && { session_thread_id: tool.threadId }),
    };
    const input = tool && toolInputView(tool.input, exposeToolInputs);
    room -= jsonLength(action) + jsonLength(input);
    // An input that finds no room is in the log.
    return input === undefined || room < 0 ? action : { ...action, input };
  });
  return { list, count: asked.length };
}

/** How many calls wait, and whether others are left out. */
function countActions({ list, count }: Actions): string {
  const shown = list.length < count ? `, the first ${list.length} of which are shown` : "";
  return `${count} tool call(s)${shown}`;
}

function mergeOmitted(...parts: (Omitted | undefined)[]): Omitted | undefined {
  const present = parts.filter((part) => part !== undefined);
  return present.length === 0 ? undefined : Object.assign({}, ...present);
}

function describeNext(
  parts: ResultParts,
  actions: Actions,
  cursor: string | undefined,
  omitted: Omitted | undefined,
): string | undefined {
  const missing = omitted && describeOmitted(omitted, parts);
  const advice = advise(parts, actions, cursor);
  return [advice, missing].filter((text) => text !== undefined).join(" ") || undefined;
}

function describeOmitted(
  omitted: Omitted,
  { turn, status }: ResultParts,
): string | undefined {
  const isText = omitted.characters !== undefined || omitted.after_id !== undefined;
  if (!isText && Object.keys(omitted).length > 0) {
    // The caller goes on asking: which tools were used until now is a detail of the log.
    if (status === "timeout") return undefined;
    const kinds = [omitted.tools && "tool calls", omitted.errors && "errors"].filter(Boolean);
    return `Earlier ${kinds.join(" and ")} of this turn were left out: list_events shows them.`;
  }
  const from = omitted.after_id === undefined ? "the message's event_id" : `"${omitted.after_id}"`;
  const what = turn.passed
    ? "What the agent said in answer to earlier messages"
    : "The oldest part";
  return `${what} was left out: list_events with after_id = ${from}, types = ["agent.message"] ` +
    "and limit = 1 shows it, part by part, each time with its last_event_id as the next after_id.";
}

function advise(parts: ResultParts, actions: Actions, cursor: string | undefined) {
  const again = cursor === undefined ? "" : ` with after_id "${cursor}"`;
  switch (parts.status) {
    case "timeout":
      if (!parts.seen) {
        return `The API did not tell how the session stands. Call wait_for_idle again${again}.`;
      }
      return `Still running (${firstChars(parts.doing, BRIEF.doing)}). ` +
        (actions.count > 0
          ? `${actions.count} tool call(s) wait for an answer in the Claude Console. `
          : "") +
        `Call wait_for_idle again${again}.`;
    case "requires_action":
      return `The agent waits for an answer to ${countActions(actions)}, which a person gives in ` +
        `the Claude Console. Then call wait_for_idle again${again}, or interrupt to give it up.`;
    case "retries_exhausted":
      return "The turn was given up after repeated errors. Send the message again to retry.";
    case "budget_reached":
      return "The session's budget is used up. It goes on when somebody raises or removes it.";
    case "refusal":
      return "The model declined to go on. Rephrase the request or start another session.";
    case "terminated":
    case "deleted":
      return "This session takes no more messages. Use create_session for a new one.";
    case "not_started":
      return "No message was sent to this session yet. Call send_message first.";
    case "idle":
      return parts.turn.isUnanswered
        ? `A message was not answered: the session is idle and no turn has begun for it. Call ` +
          `wait_for_idle again${again} to go on waiting, or send the message again.`
        : adviseIdle(parts.turn.collected);
  }
}

/** Some servers end a turn that an error has killed like any other. */
function adviseIdle({ errors, textLength }: Collected): string | undefined {
  const error = errors.at(-1);
  if (!error) return undefined;
  const given = error.retry_status;
  const gaveUp = given === "exhausted" || given === "terminal";
  if (textLength > 0 && !gaveUp) return undefined;
  return `The turn ended with an error (${error.type}) and ` +
    (textLength > 0 ? "the reply may be incomplete. " : "no reply. ") +
    "Sending the message again helps only if the cause has passed.";
}
