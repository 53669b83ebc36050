/**
 * A session event reduced to what a wait needs to know of it. Reading is total: whatever does not
 * have the documented shape becomes `other`.
 *
 * @module
 */

import {
  contentText,
  messageSchema,
  sessionErrorSchema,
  type SessionEvent,
  statusIdleSchema,
  threadEventSchema,
  toolConfirmationSchema,
  toolResultSchema,
  toolUseSchema,
  workflowRunEventSchema,
} from "../api/events.ts";
import { head } from "./json_text.ts";
import type { StopInfo, TurnError } from "./outcome.ts";

/** A tool call as the turn reducer keeps it. */
export interface ToolUse {
  readonly id: string;
  readonly name?: string;
  readonly server?: string;
  readonly custom: boolean;
  /** Kept only for calls that wait for an answer: others can be large and are not needed. */
  readonly input?: unknown;
  readonly threadId?: string;
}

/** What kind of thing happened. */
export type LogEventBody =
  /** Client input that begins or resumes a turn; `answers` names the tool call it settles. */
  | { readonly kind: "input"; readonly answers?: string }
  | { readonly kind: "interrupt" }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "thinking" }
  | { readonly kind: "tool_use"; readonly tool: ToolUse }
  | { readonly kind: "tool_result"; readonly toolUseId?: string; readonly failed: boolean }
  | { readonly kind: "model_start" }
  | { readonly kind: "model_end" }
  | { readonly kind: "running" }
  | { readonly kind: "rescheduled" }
  | { readonly kind: "idle"; readonly stop?: StopInfo; readonly eventIds: readonly string[] }
  | { readonly kind: "terminated" }
  | { readonly kind: "deleted" }
  | { readonly kind: "error"; readonly error: TurnError }
  | { readonly kind: "thread"; readonly change: string; readonly agentName?: string }
  | { readonly kind: "run_opened"; readonly runId: string; readonly name?: string }
  | { readonly kind: "run_closed"; readonly runId: string }
  | { readonly kind: "other" };

/** An event of the log, with what identifies and dates it. */
export type LogEvent = LogEventBody & {
  /** The event's id, or for an event without one a digest of what it says. */
  readonly key: string;
  readonly id?: string;
  /** `processed_at` in milliseconds, fractions kept; absent where the API gave none. */
  readonly at?: number;
  /** Sent but not taken up yet: `processed_at` is null on an event that a client sent. */
  readonly queued: boolean;
};

/** Longest id that can serve as a cursor; what is longer is no id. */
const MAX_ID_CHARS = 128;
/** Longest name or code that is kept. */
const MAX_NAME_CHARS = 128;
/** Longest message of an error, and explanation of a stop, that is kept. */
const MAX_MESSAGE_CHARS = 500;

const nameOf = (text: string) => head(text, MAX_NAME_CHARS);

/** Reads an event of the wire. */
export function readEvent(event: SessionEvent): LogEvent {
  const id = event.id && event.id.length <= MAX_ID_CHARS ? event.id : undefined;
  const at = event.processed_at ? instantMs(event.processed_at) : undefined;
  const fromClient = event.type.startsWith("user.") || event.type.startsWith("system.");
  return {
    ...readBody(event, id ?? ""),
    key: id ?? digest(event),
    ...(id !== undefined && { id }),
    ...(at !== undefined && { at }),
    queued: fromClient && event.processed_at === null,
  };
}

type BodyReader = (event: SessionEvent, id: string) => LogEventBody | undefined;

const readToolUse = (custom: boolean): BodyReader => (event, id) => {
  const parsed = toolUseSchema.safeParse(event);
  if (!parsed.success) return undefined;
  const use = parsed.data;
  const waits = custom || use.evaluated_permission === "ask";
  return {
    kind: "tool_use",
    tool: {
      id,
      custom,
      ...(use.name !== undefined && { name: nameOf(use.name) }),
      ...(use.mcp_server_name && { server: nameOf(use.mcp_server_name) }),
      ...(waits && { input: use.input }),
      ...(use.session_thread_id && { threadId: nameOf(use.session_thread_id) }),
    },
  };
};

const readResult: BodyReader = (event) => {
  const result = toolResultSchema.safeParse(event).data;
  const toolUseId = result?.tool_use_id ?? result?.mcp_tool_use_id ?? undefined;
  return {
    kind: "tool_result",
    ...(toolUseId && { toolUseId }),
    failed: result?.is_error === true,
  };
};

const readAnswer: BodyReader = (event) => {
  const result = toolResultSchema.safeParse(event).data;
  const answers = toolConfirmationSchema.safeParse(event).data?.tool_use_id ??
    result?.custom_tool_use_id ?? result?.tool_use_id;
  return { kind: "input", ...(answers && { answers }) };
};

const readThread: BodyReader = (event) => {
  const thread = threadEventSchema.safeParse(event).data;
  const change = event.type.replace(/^session\.thread_(status_)?/, "");
  const agentName = thread?.agent_name;
  return { kind: "thread", change, ...(agentName && { agentName: nameOf(agentName) }) };
};

const readIdle: BodyReader = (event) => {
  const idle = statusIdleSchema.safeParse(event).data;
  const reason = idle?.stop_reason;
  if (!reason) return { kind: "idle", eventIds: [] };
  const { category, explanation } = idle.stop_details ?? {};
  return {
    kind: "idle",
    stop: {
      type: nameOf(reason.type),
      ...(category && { category: nameOf(category) }),
      ...(explanation && { explanation: head(explanation, MAX_MESSAGE_CHARS) }),
    },
    eventIds: (reason.event_ids ?? []).filter((eventId) => eventId.length <= MAX_ID_CHARS),
  };
};

const readError: BodyReader = (event) => {
  const parsed = sessionErrorSchema.safeParse(event);
  if (!parsed.success) return undefined;
  const { error } = parsed.data;
  if (typeof error === "string") return { kind: "error", error: { type: nameOf(error) } };
  return {
    kind: "error",
    error: {
      type: nameOf(error.type ?? "unknown_error"),
      ...(error.message && { message: head(error.message, MAX_MESSAGE_CHARS) }),
      ...(error.retry_status && { retry_status: nameOf(error.retry_status.type) }),
    },
  };
};

const readRun = (kind: "run_opened" | "run_closed"): BodyReader => (event) => {
  const run = workflowRunEventSchema.safeParse(event).data;
  if (!run?.workflow_run_id) return undefined;
  const runId = nameOf(run.workflow_run_id);
  return kind === "run_closed"
    ? { kind, runId }
    : { kind, runId, ...(run.name && { name: nameOf(run.name) }) };
};

const READERS: Readonly<Record<string, BodyReader>> = {
  "user.message": () => ({ kind: "input" }),
  "user.define_outcome": () => ({ kind: "input" }),
  "user.tool_confirmation": readAnswer,
  "user.custom_tool_result": readAnswer,
  "user.tool_result": readAnswer,
  "user.interrupt": () => ({ kind: "interrupt" }),
  "agent.message": (event) => ({
    kind: "text",
    text: contentText(messageSchema.safeParse(event).data?.content),
  }),
  "agent.thinking": () => ({ kind: "thinking" }),
  "agent.tool_use": readToolUse(false),
  "agent.mcp_tool_use": readToolUse(false),
  "agent.custom_tool_use": readToolUse(true),
  "agent.tool_result": readResult,
  "agent.mcp_tool_result": readResult,
  "span.model_request_start": () => ({ kind: "model_start" }),
  "span.model_request_end": () => ({ kind: "model_end" }),
  "session.status_running": () => ({ kind: "running" }),
  "session.status_rescheduled": () => ({ kind: "rescheduled" }),
  "session.status_idle": readIdle,
  "session.status_terminated": () => ({ kind: "terminated" }),
  "session.deleted": () => ({ kind: "deleted" }),
  "session.error": readError,
  "session.thread_created": readThread,
  "session.thread_status_running": readThread,
  "session.thread_status_idle": readThread,
  "session.thread_status_rescheduled": readThread,
  "session.thread_status_terminated": readThread,
  "workflow_run.created": readRun("run_opened"),
  "workflow_run.status_ended": readRun("run_closed"),
};

function readBody(event: SessionEvent, id: string): LogEventBody {
  const read = Object.hasOwn(READERS, event.type) ? READERS[event.type] : undefined;
  return read?.(event, id) ?? { kind: "other" };
}

/** Milliseconds since the epoch with the microseconds that `Date.parse` drops. */
export function instantMs(time: string): number | undefined {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) return undefined;
  const beyondMs = /\.\d{3}(\d+)/.exec(time)?.[1];
  return beyondMs ? ms + Number(`0.${beyondMs}`) : ms;
}

/** A key for an event without an id: FNV-1a over its JSON. */
function digest(event: SessionEvent): string {
  const json = JSON.stringify(event);
  let hash = 0x811c9dc5;
  for (let i = 0; i < json.length; i++) {
    hash = Math.imul(hash ^ json.charCodeAt(i), 0x01000193);
  }
  return `~${event.type}~${json.length}~${(hash >>> 0).toString(36)}`;
}
