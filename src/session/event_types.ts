/**
 * A session event reduced to what a wait needs to know of it. Reading is total and goes field by
 * field: what cannot be read is absent, and only an unknown type becomes `other`.
 *
 * @module
 */

import {
  answeredToolUse,
  contentText,
  errorOf,
  isQueued,
  type SessionEvent,
  stopReasonOf,
  toolUseOf,
} from "../api/events.ts";
import { boundedCopy, digest, instantMs, textOf } from "../api/read.ts";
import { firstChars, lastChars } from "../core/text.ts";
import { leftOutOf } from "../api/list_body.ts";
import type { StopInfo, TurnError } from "./outcome.ts";

/** A tool call as a turn keeps it. */
export interface ToolUse {
  readonly id: string;
  readonly name?: string;
  readonly server?: string;
  readonly custom: boolean;
  /** Whether somebody must answer it: a custom tool, or one whose use is to be confirmed. */
  readonly asks: boolean;
  /** Kept only for calls that wait for an answer: others can be large and are not needed. */
  readonly input?: unknown;
  readonly threadId?: string;
}

/** What kind of thing happened. */
export type LogEventBody =
  /** Client input that begins or resumes a turn; `answers` names the tool call it settles. */
  | { readonly kind: "input"; readonly answers?: string }
  | { readonly kind: "interrupt" }
  /** `leftOut` counts characters that the text had beside those that are kept. */
  | { readonly kind: "text"; readonly text: string; readonly leftOut?: number }
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
  /** The thread that a message, or the news of a thread, names. */
  readonly threadId?: string;
  /** Of a user's message: the {@linkcode textMark} of its text. */
  readonly mark?: string;
};

/** Tells a message's text from another's, without keeping it. */
export function textMark(content: unknown): string {
  return digest(contentText(content));
}

/** Longest name or code that is kept. */
const MAX_NAME_CHARS = 128;
/** Longest message of an error, and explanation of a stop, that is kept. */
const MAX_MESSAGE_CHARS = 500;

/** Longest message of the agent that is kept, of a longer one the end: no reply shows more. */
const MAX_WORDS_CHARS = 64 * 1024;

/** The texts that are there, each in its kept length: absent ones cost no memory in long logs. */
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

/** Reads an event of the wire. */
export function readEvent(event: SessionEvent): LogEvent {
  const id = event.id ?? undefined;
  const at = instantMs(event.processed_at);
  return {
    ...readBody(event, id ?? ""),
    key: id ?? keyOf(event),
    ...(id !== undefined && { id }),
    ...(at !== undefined && { at }),
    queued: isQueued(event),
    ...threadOf(event),
    ...(event.type === "user.message" && { mark: textMark(event.content) }),
  };
}

/** Types whose thread tells whose words are whose, and whose turn begins or ends. */
const THREADED: ReadonlySet<string> = new Set([
  "user.message",
  "agent.message",
  "session.thread_created",
  "session.status_running",
  "session.status_rescheduled",
  "session.status_idle",
  "session.status_terminated",
]);

function threadOf(event: SessionEvent): { readonly threadId?: string } | undefined {
  return THREADED.has(event.type) ? kept({ threadId: textOf(event.session_thread_id) }) : undefined;
}

type BodyReader = (event: SessionEvent, id: string) => LogEventBody | undefined;

const readToolUse = (custom: boolean): BodyReader => (event, id) => {
  const { name, server, input, permission, threadId } = toolUseOf(event);
  const asks = custom || permission === "ask";
  return {
    kind: "tool_use",
    tool: {
      id,
      custom,
      asks,
      ...kept({ name, server, threadId }),
      ...(asks && input !== undefined && { input }),
    },
  };
};

const readResult: BodyReader = (event) => {
  const toolUseId = answeredToolUse(event);
  return {
    kind: "tool_result",
    ...(toolUseId !== undefined && { toolUseId }),
    failed: event.is_error === true,
  };
};

const readAnswer: BodyReader = (event) => {
  const answers = answeredToolUse(event);
  return { kind: "input", ...(answers !== undefined && { answers }) };
};

const readThread: BodyReader = (event) => ({
  kind: "thread",
  change: event.type.replace(/^session\.thread_(status_)?/, ""),
  ...kept({ agentName: textOf(event.agent_name) }),
});

const readIdle: BodyReader = (event) => {
  const reason = stopReasonOf(event);
  if (!reason) return { kind: "idle", eventIds: [] };
  return {
    kind: "idle",
    stop: {
      type: firstChars(reason.type, MAX_NAME_CHARS),
      ...kept({ category: reason.category }),
      ...kept({ explanation: reason.explanation }, MAX_MESSAGE_CHARS),
    },
    eventIds: reason.eventIds ?? [],
  };
};

const readError: BodyReader = (event) => {
  const { type, message, retryStatus } = errorOf(event);
  return {
    kind: "error",
    error: {
      type: firstChars(type, MAX_NAME_CHARS),
      ...kept({ message }, MAX_MESSAGE_CHARS),
      ...kept({ retry_status: retryStatus }),
    },
  };
};

const readRun = (kind: "run_opened" | "run_closed"): BodyReader => (event) => {
  const runId = textOf(event.workflow_run_id);
  if (runId === undefined) return undefined;
  const run = { runId: firstChars(runId, MAX_NAME_CHARS) };
  return kind === "run_closed"
    ? { kind, ...run }
    : { kind, ...run, ...kept({ name: textOf(event.name) }) };
};

const READERS: Readonly<Record<string, BodyReader>> = {
  "user.message": () => ({ kind: "input" }),
  "user.define_outcome": () => ({ kind: "input" }),
  "user.tool_confirmation": readAnswer,
  "user.custom_tool_result": readAnswer,
  "user.tool_result": readAnswer,
  "user.interrupt": () => ({ kind: "interrupt" }),
  "agent.message": (event) => {
    const all = contentText(event.content);
    const text = all.length > MAX_WORDS_CHARS ? lastChars(all, MAX_WORDS_CHARS) : all;
    const leftOut = leftOutOf(event) + all.length - text.length;
    return { kind: "text", text, ...(leftOut > 0 && { leftOut }) };
  },
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

/** Readers of the calls and results of tools whose types are not known, by what types end in. */
const TOOL_READERS: readonly (readonly [RegExp, BodyReader])[] = [
  [/^agent\..*tool_(use|call)$/, readToolUse(false)],
  [/^agent\..*result$/, readResult],
];

function readBody(event: SessionEvent, id: string): LogEventBody {
  const read = Object.hasOwn(READERS, event.type)
    ? READERS[event.type]
    : TOOL_READERS.find(([type]) => type.test(event.type))?.[1];
  return read?.(event, id) ?? { kind: "other" };
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
