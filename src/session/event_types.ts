/**
 * The types of session events: one row each, with all that the program knows of a type.
 *
 * Reading is total and goes field by field: what cannot be read is absent, and a type without a row
 * is as good as unknown to a turn, while `list_events` shows its small fields.
 *
 * @module
 */

import {
  answeredToolUse,
  contentText,
  errorOf,
  isQueued,
  messageText,
  type SessionEvent,
  stopReasonOf,
  toolUseOf,
} from "../api/events.ts";
import { textLeftOutOf } from "../api/json.ts";
import { costCentsOf } from "../api/money.ts";
import { boundedCopy, digest, instantMs, integerOf, textOf } from "../api/read.ts";
import { firstChars, lastChars } from "../core/text.ts";
import { type ReturnedAttachment, returnedAttachmentsIn } from "./returned_attachments.ts";
import {
  confirmationView,
  errorView,
  type EventView,
  eventView,
  messageView,
  nothingView,
  otherView,
  outcomeView,
  stopView,
  threadView,
  toolResultView,
  toolUseView,
  updatedView,
  usageView,
  type View,
  type ViewOptions,
  workflowView,
} from "./event_view.ts";
import { contentDigestOf } from "./same_event.ts";
import {
  type Tell,
  tellAgent,
  tellConfirmation,
  type TellContext,
  tellEnd,
  tellError,
  tellGivenResult,
  tellInterrupt,
  tellMessageReceived,
  tellMessageSent,
  tellOutcome,
  tellOutcomeWanted,
  tellRun,
  tellStop,
  tellSystem,
  tellThreadCreated,
  tellToolResult,
  tellToolUse,
  tellUser,
  type TranscriptEntry,
  untold,
} from "./transcript_entry.ts";

/** A row of the table. */
interface EventType {
  /** Reads what a turn, and progress, need to know of the event. */
  readonly read: ReadEvent;
  /** Shows the event to whoever calls `list_events`. */
  readonly view: View;
  /** Tells the event in a transcript. */
  readonly tell: Tell;
  /** Names the reads of only a part of a session's events that ask for it. */
  readonly parts?: readonly EventPart[];
}

type ReadEvent = (event: SessionEvent) => ReadResult | undefined;
type ReadResult = Happening & Pick<TurnEvent, "threadId" | "contentDigest">;

/**
 * A read of some events of a session: `first` reads its first inputs and what tells whether turns
 * followed them, where it is small; `status` reads where the session stands and what it waits for;
 * `subagents` reads their names.
 */
type EventPart = "first" | "status" | "subagents";

const EVENT_TYPES: Readonly<Record<string, EventType>> = {
  "user.message": { read: readMessage, view: messageView, tell: tellUser, parts: ["first"] },
  "user.define_outcome": {
    read: readOutcome,
    view: outcomeView,
    tell: tellOutcomeWanted,
    parts: ["first"],
  },
  "user.interrupt": {
    read: readAs("interrupt"),
    view: threadView,
    tell: tellInterrupt,
    parts: ["first"],
  },
  "user.tool_confirmation": {
    read: readAnswer,
    view: confirmationView,
    tell: tellConfirmation,
    parts: ["first", "status"],
  },
  "user.custom_tool_result": {
    read: readAnswer,
    view: toolResultView,
    tell: tellGivenResult,
    parts: ["status"],
  },
  "user.tool_result": {
    read: readAnswer,
    view: toolResultView,
    tell: tellGivenResult,
    parts: ["status"],
  },
  "system.message": { read: unread, view: messageView, tell: tellSystem },
  "agent.message": { read: readAgentText, view: messageView, tell: tellAgent, parts: ["first"] },
  "agent.thinking": { read: readAs("thinking"), view: nothingView, tell: untold, parts: ["first"] },
  "agent.tool_use": {
    read: readToolUse(false),
    view: toolUseView,
    tell: tellToolUse,
    parts: ["status"],
  },
  "agent.mcp_tool_use": {
    read: readToolUse(false),
    view: toolUseView,
    tell: tellToolUse,
    parts: ["status"],
  },
  "agent.custom_tool_use": {
    read: readToolUse(true),
    view: toolUseView,
    tell: tellToolUse,
    parts: ["status"],
  },
  "agent.tool_result": { read: readToolResult, view: toolResultView, tell: tellToolResult },
  "agent.mcp_tool_result": { read: readMcpResult, view: toolResultView, tell: tellToolResult },
  "agent.thread_message_sent": {
    read: readThreadMessage("to"),
    view: messageView,
    tell: tellMessageSent,
  },
  "agent.thread_message_received": {
    read: readThreadMessage("from"),
    view: messageView,
    tell: tellMessageReceived,
  },
  "span.model_request_start": {
    read: readAs("model_start"),
    view: otherView,
    tell: untold,
    parts: ["first"],
  },
  "span.model_request_end": { read: readAs("model_end"), view: usageView, tell: untold },
  "span.outcome_evaluation_start": {
    read: readEvaluation("start"),
    view: outcomeView,
    tell: untold,
    parts: ["status"],
  },
  "span.outcome_evaluation_ongoing": {
    read: readEvaluation("ongoing"),
    view: outcomeView,
    tell: untold,
  },
  "span.outcome_evaluation_end": {
    read: readEvaluation("end"),
    view: outcomeView,
    tell: tellOutcome,
    parts: ["status"],
  },
  "session.status_running": {
    read: readStatus("running"),
    view: otherView,
    tell: untold,
    parts: ["first", "status"],
  },
  "session.status_rescheduled": {
    read: readStatus("rescheduled"),
    view: otherView,
    tell: untold,
    parts: ["first", "status"],
  },
  "session.status_idle": { read: readIdle, view: stopView, tell: tellStop, parts: ["status"] },
  "session.status_terminated": {
    read: readStatus("terminated"),
    view: otherView,
    tell: tellEnd,
    parts: ["status"],
  },
  "session.deleted": { read: readAs("deleted"), view: otherView, tell: tellEnd },
  "session.error": { read: readError, view: errorView, tell: tellError },
  "session.updated": { read: unread, view: updatedView, tell: untold },
  "session.usage": { read: readUsage, view: usageView, tell: untold },
  "session.thread_created": {
    read: readThread("created"),
    view: threadView,
    tell: tellThreadCreated,
    parts: ["subagents"],
  },
  "session.thread_status_running": { read: readThread("status"), view: threadView, tell: untold },
  "session.thread_status_idle": { read: readThread("status"), view: stopView, tell: untold },
  "session.thread_status_rescheduled": {
    read: readThread("status"),
    view: threadView,
    tell: untold,
  },
  "session.thread_status_terminated": {
    read: readThread("status"),
    view: threadView,
    tell: untold,
  },
  "workflow_run.created": { read: readRun("run_opened"), view: workflowView, tell: tellRun },
  "workflow_run.status_running": { read: unread, view: workflowView, tell: untold },
  "workflow_run.status_idle": { read: unread, view: workflowView, tell: untold },
  "workflow_run.status_ended": { read: readRun("run_closed"), view: workflowView, tell: tellRun },
  "workflow_run.error": { read: unread, view: errorView, tell: tellError },
  "workflow_run.phase_started": { read: unread, view: workflowView, tell: untold },
  "workflow_run.phase_ended": { read: unread, view: workflowView, tell: untold },
};

/** Types without a row that are read like one with: calls and results of tools nobody knows yet. */
const READ_LIKE: readonly (readonly [type: RegExp, like: string])[] = [
  [/^agent\..*tool_(use|call)$/, "agent.tool_use"],
  [/^agent\..*result$/, "agent.tool_result"],
];

const ROWS = new Map(Object.entries(EVENT_TYPES));

/** Reads what a turn needs to know of an event of the wire. */
export function readEvent(event: SessionEvent): TurnEvent {
  const id = event.id ?? undefined;
  const at = instantMs(event.processed_at);
  const row = ROWS.get(event.type) ??
    ROWS.get(READ_LIKE.find(([pattern]) => pattern.test(event.type))?.[1] ?? "");
  return {
    ...(row?.read(event) ?? { kind: "other" }),
    key: id ?? keyOf(event),
    ...(id !== undefined && { id }),
    ...(at !== undefined && { at }),
    queued: isQueued(event),
  };
}

/** A key for an event without an id: what it says. */
function keyOf(event: SessionEvent): string {
  return `~${event.type}~${digest(jsonOf(event))}`;
}

function jsonOf(event: SessionEvent): string {
  try {
    return JSON.stringify(event);
  } catch {
    // Nested more deeply than the stack is high.
    return JSON.stringify(boundedCopy(event));
  }
}

/** Shows an event as a result has it: always `type`, and what the type has to tell. Total. */
export function showEvent(event: SessionEvent, options: ViewOptions): EventView {
  const view = ROWS.get(event.type)?.view ?? otherView;
  return eventView(event, view(event, options));
}

/** Tells an event in a transcript; undefined for one that says nothing there. Total. */
export function tellEvent(event: SessionEvent, context: TellContext): TranscriptEntry | undefined {
  return ROWS.get(event.type)?.tell(event, context);
}

/** Lists the event types that a transcript has something of. */
export function typesTold(): string[] {
  return [...ROWS].filter(([, { tell }]) => tell !== untold).map(([type]) => type);
}

/** Lists the event types that a part of a session's events consists of. */
export function typesIn(part: EventPart): string[] {
  return [...ROWS].filter(([, { parts }]) => parts?.includes(part)).map(([type]) => type);
}

/** A tool call as a turn keeps it. */
export interface ToolUse {
  readonly id: string;
  readonly name?: string;
  readonly server?: string;
  readonly custom: boolean;
  /** True if somebody must answer it: a custom tool, or one whose use is to be confirmed. */
  readonly asks: boolean;
  /** True if its policy lets it run without anybody's answer. */
  readonly isAllowed?: true;
  /** Kept only for calls that wait for an answer: others can be large and are not needed. */
  readonly input?: unknown;
  readonly threadId?: string;
}

/** A `session.error` of the turn, or why this server cannot reach the API. */
export interface TurnError {
  readonly type: string;
  readonly message?: string;
  /** Name of the MCP server that the error is about. */
  readonly server?: string;
  /** `retrying`, `exhausted`, `terminal`; others pass through. */
  readonly retry_status?: string;
}

/** The stop reason of the idle event that ended the turn. */
export interface StopInfo {
  readonly type: string;
  readonly category?: string;
  readonly explanation?: string;
}

/** An evaluation of what the agent made of an outcome, in the API's words. */
export interface Evaluation {
  readonly outcomeId?: string;
  /** Revision cycle, from 0. */
  readonly iteration?: number;
  /** `satisfied`, `needs_revision`, `max_iterations_reached`, `failed`, `interrupted`, or others. */
  readonly result?: string;
  readonly explanation?: string;
}

/** Says what happened, as far as it matters to a turn. */
type Happening =
  /**
   * Client input that begins or resumes a turn; `answers` names the tool call it settles, and
   * `decision` is a person's on it. `beginning` is that of a message.
   */
  | {
    readonly kind: "input";
    readonly answers?: string;
    readonly decision?: "allow" | "deny";
    readonly beginning?: string;
  }
  | { readonly kind: "interrupt" }
  /** `leftOut` counts characters that the text had beside those that are kept. */
  | {
    readonly kind: "text";
    readonly text: string;
    readonly leftOut?: number;
    readonly attachments?: readonly ReturnedAttachment[];
  }
  | { readonly kind: "thinking" }
  | { readonly kind: "tool_use"; readonly tool: ToolUse }
  | {
    readonly kind: "tool_result";
    readonly toolUseId?: string;
    readonly failed: boolean;
    readonly attachments?: readonly ReturnedAttachment[];
  }
  | { readonly kind: "model_start" }
  | { readonly kind: "model_end" }
  | { readonly kind: "running" }
  | { readonly kind: "rescheduled" }
  | { readonly kind: "idle"; readonly stop?: StopInfo; readonly eventIds: readonly string[] }
  | { readonly kind: "terminated" }
  | { readonly kind: "deleted" }
  | { readonly kind: "error"; readonly error: TurnError }
  /** What the session has cost so far. */
  | { readonly kind: "usage"; readonly costCents: number }
  | {
    readonly kind: "thread";
    /** `sent` and `received`: a message to a subagent, and from one. */
    readonly change: "created" | "status" | "sent" | "received";
    readonly agentName?: string;
    /** Of a change of `status`: as {@linkcode Subagent} has it. */
    readonly status?: string;
  }
  | {
    readonly kind: "evaluation";
    readonly stage: "start" | "ongoing" | "end";
    readonly evaluation: Evaluation;
  }
  | { readonly kind: "run_opened"; readonly runId: string; readonly name?: string }
  | { readonly kind: "run_closed"; readonly runId: string }
  | { readonly kind: "other" };

/** A session event reduced to what a turn needs to know of it. */
export type TurnEvent = Happening & {
  /** The event's id, or for an event without one a digest of what it says. */
  readonly key: string;
  readonly id?: string;
  /** `processed_at` in milliseconds, fractions kept; absent where the API gave none. */
  readonly at?: number;
  /** Sent but not taken up yet: `processed_at` is null on an event that a client sent. */
  readonly queued: boolean;
  /** The thread that the event is about. */
  readonly threadId?: string;
  /** Of a user's message: {@linkcode contentDigestOf} its content. */
  readonly contentDigest?: string;
};

/** An event of one kind. */
export type EventOf<Kind extends TurnEvent["kind"]> = TurnEvent & { readonly kind: Kind };

/** Longest name or code that is kept. */
const MAX_NAME_CHARS = 128;
/** Longest message of an error, and explanation of a stop, that is kept. */
const MAX_MESSAGE_CHARS = 500;
/** Longest explanation of an evaluation that is kept: it says which criteria failed, and why. */
const MAX_EXPLANATION_CHARS = 1_000;
/** Longest beginning of a message to the agent that is kept. */
const MAX_BEGINNING_CHARS = 300;
/** Longest message of the agent that is kept, of a longer one the end: no reply shows more. */
const MAX_TEXT_CHARS = 64 * 1024;

/** Keeps the texts that are there, each cut to a length: absent ones cost no memory. */
function kept<T extends Readonly<Record<string, string | undefined>>>(
  texts: T,
  maxChars = MAX_NAME_CHARS,
): { [name in keyof T]?: string } {
  const short: { [name in keyof T]?: string } = {};
  for (const name in texts) {
    const text = texts[name];
    if (text !== undefined) short[name] = firstChars(text, maxChars);
  }
  return short;
}

function threadOf(event: SessionEvent): { readonly threadId?: string } | undefined {
  const threadId = textOf(event.session_thread_id);
  return threadId === undefined ? undefined : kept({ threadId });
}

// The column `read`: functions that read an event.

function unread(): undefined {}

function readAs(
  kind: "interrupt" | "thinking" | "model_start" | "model_end" | "deleted",
): ReadEvent {
  return () => ({ kind });
}

function readStatus(kind: "running" | "rescheduled" | "terminated"): ReadEvent {
  return (event) => ({ kind, ...threadOf(event) });
}

function readMessage(event: SessionEvent): ReadResult {
  return {
    kind: "input",
    contentDigest: contentDigestOf(event.content),
    ...beginningOf(messageText(event)),
    ...threadOf(event),
  };
}

function readOutcome({ description }: SessionEvent): ReadResult {
  return { kind: "input", ...beginningOf(textOf(description) ?? "") };
}

function beginningOf(text: string): { readonly beginning?: string } {
  const beginning = firstChars(text, MAX_BEGINNING_CHARS);
  return beginning === "" ? {} : { beginning };
}

function readAnswer({ result, ...event }: SessionEvent): ReadResult {
  const answers = answeredToolUse(event);
  const isDecision = event.type === "user.tool_confirmation" &&
    (result === "allow" || result === "deny");
  return {
    kind: "input",
    ...(answers !== undefined && { answers }),
    ...(isDecision && { decision: result }),
  };
}

function readAgentText(event: SessionEvent): ReadResult {
  const all = contentText(event.content);
  const text = all.length > MAX_TEXT_CHARS ? lastChars(all, MAX_TEXT_CHARS) : all;
  const leftOut = textLeftOutOf(event) + all.length - text.length;
  return {
    kind: "text",
    text,
    ...(leftOut > 0 && { leftOut }),
    ...attachmentsOf(event),
    ...threadOf(event),
  };
}

function readToolUse(custom: boolean): ReadEvent {
  return (event) => {
    const { name, server, input, permission, threadId } = toolUseOf(event);
    const asks = custom || permission === "ask";
    return {
      kind: "tool_use",
      tool: {
        id: event.id ?? "",
        custom,
        asks,
        ...(permission === "allow" && { isAllowed: true as const }),
        ...kept({ name, server, threadId }),
        ...(asks && input !== undefined && { input }),
      },
    };
  };
}

function readToolResult(event: SessionEvent): ReadResult {
  const toolUseId = answeredToolUse(event);
  return {
    kind: "tool_result",
    ...(toolUseId !== undefined && { toolUseId }),
    failed: event.is_error === true,
  };
}

/** Reads the result of a tool that stands on no file system, so that only the result shows it. */
function readMcpResult(event: SessionEvent): ReadResult {
  const failed = event.is_error === true;
  return { ...readToolResult(event), ...(!failed && attachmentsOf(event)) };
}

function attachmentsOf(
  { content }: SessionEvent,
): { readonly attachments?: readonly ReturnedAttachment[] } {
  const attachments = returnedAttachmentsIn(content);
  return attachments.length > 0 ? { attachments } : {};
}

function readIdle(event: SessionEvent): ReadResult {
  const reason = stopReasonOf(event);
  if (!reason) return { kind: "idle", eventIds: [], ...threadOf(event) };
  return {
    kind: "idle",
    stop: {
      type: firstChars(reason.type, MAX_NAME_CHARS),
      ...kept({ category: reason.category }),
      ...kept({ explanation: reason.explanation }, MAX_MESSAGE_CHARS),
    },
    eventIds: reason.eventIds ?? [],
    ...threadOf(event),
  };
}

function readError(event: SessionEvent): ReadResult {
  const { type, message, retryStatus, server } = errorOf(event);
  return {
    kind: "error",
    error: {
      type: firstChars(type, MAX_NAME_CHARS),
      ...kept({ message }, MAX_MESSAGE_CHARS),
      ...kept({ server, retry_status: retryStatus }),
    },
  };
}

function readUsage(event: SessionEvent): ReadResult | undefined {
  const costCents = costCentsOf(event.usage);
  return costCents === undefined ? undefined : { kind: "usage", costCents, ...threadOf(event) };
}

function readThread(change: "created" | "status"): ReadEvent {
  return (event) => {
    const agentName = textOf(event.agent_name);
    const status = change === "status" ? threadStatusOf(event) : undefined;
    return { kind: "thread", change, ...kept({ agentName, status }), ...threadOf(event) };
  };
}

/** Returns a thread's status as its own endpoint names it; of an idle one that waits, the reason. */
function threadStatusOf(event: SessionEvent): string {
  const status = event.type.slice("session.thread_status_".length);
  if (status === "rescheduled") return "rescheduling";
  const reason = status === "idle" ? stopReasonOf(event)?.type : undefined;
  return reason === undefined || reason === "end_turn" ? status : reason;
}

/** @param side which side of the message, seen from the session's own thread, is the subagent */
function readThreadMessage(side: "to" | "from"): ReadEvent {
  return (event) => {
    const threadId = textOf(event[`${side}_session_thread_id`]);
    if (threadId === undefined) return undefined;
    const agentName = textOf(event[`${side}_agent_name`]);
    const change = side === "to" ? "sent" : "received";
    return { kind: "thread", change, ...kept({ agentName, threadId }) };
  };
}

function readEvaluation(stage: "start" | "ongoing" | "end"): ReadEvent {
  return (event) => {
    const iteration = integerOf(event.iteration);
    return {
      kind: "evaluation",
      stage,
      evaluation: {
        ...kept({ outcomeId: textOf(event.outcome_id), result: textOf(event.result) }),
        ...(iteration !== undefined && { iteration }),
        ...kept({ explanation: textOf(event.explanation) }, MAX_EXPLANATION_CHARS),
      },
    };
  };
}

function readRun(kind: "run_opened" | "run_closed"): ReadEvent {
  return (event) => {
    const runId = textOf(event.workflow_run_id);
    if (runId === undefined) return undefined;
    const run = { runId: firstChars(runId, MAX_NAME_CHARS) };
    return kind === "run_closed"
      ? { kind, ...run }
      : { kind, ...run, ...kept({ name: textOf(event.name) }) };
  };
}
