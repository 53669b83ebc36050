/**
 * Session events made compact for a reader: what matters of each type, nothing else. A type that
 * is not known here shows its small scalar fields.
 *
 * @module
 */

import { contentSchema, contentText, type SessionEvent, stopReasonSchema } from "../api/events.ts";
import { clipText, toolInputView } from "./tool_input.ts";

/** An event as a result shows it: always `type`, and what the type has to tell. */
export interface EventView {
  readonly id?: string;
  readonly type: string;
  /** Absent while the event is queued. */
  readonly processed_at?: string;
  /** Sent, but not taken up by the agent. */
  readonly queued?: true;
  readonly [field: string]: unknown;
}

/** How events are shown. */
export interface TranscriptOptions {
  /** Show tool inputs as they are; otherwise only the names and sizes of their fields. */
  readonly exposeToolInputs: boolean;
  /** Longest text field, in characters; what is cut off is counted in its place. */
  readonly maxFieldChars: number;
}

type Fields = Record<string, unknown>;
type View = (event: SessionEvent, options: TranscriptOptions) => Fields;

/** Makes an event compact. Total: no event makes it throw. */
export function eventView(event: SessionEvent, options: TranscriptOptions): EventView {
  const view = Object.hasOwn(VIEWS, event.type) ? VIEWS[event.type] : undefined;
  const fields = (view ?? otherView)(event, options);
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return {
    ...(event.id && { id: event.id }),
    type: clipText(event.type, 100),
    ...(event.processed_at && { processed_at: event.processed_at }),
    ...(isQueued(event) && { queued: true as const }),
    ...Object.fromEntries(shown),
  };
}

/** Whether the event was sent but not taken up: its place in the log is not final. */
export function isQueued(event: SessionEvent): boolean {
  return event.processed_at === null;
}

const messageView: View = (event, { maxFieldChars }) => {
  const content = contentSchema.safeParse(event.content).data;
  const others = Array.isArray(content) ? content.filter((block) => block.type !== "text") : [];
  return {
    text: clipText(contentText(content), maxFieldChars),
    attachments: others.length > 0 ? others.map((block) => clipText(block.type, 50)) : undefined,
    ...pick(event, [
      "session_thread_id",
      "from_session_thread_id",
      "from_agent_name",
      "to_session_thread_id",
      "to_agent_name",
    ]),
  };
};

const toolUseView: View = (event, { exposeToolInputs }) => ({
  ...pick(event, ["name"]),
  server: text(event.mcp_server_name, 200),
  input: toolInputView(event.input, exposeToolInputs),
  // `allow` is the rule; only what departs from it is worth the reader's attention.
  permission: event.evaluated_permission === "allow"
    ? undefined
    : text(event.evaluated_permission, 50),
  ...pick(event, ["session_thread_id"]),
});

const toolResultView: View = (event, { maxFieldChars }) => ({
  tool_use_id: text(
    event.tool_use_id ?? event.mcp_tool_use_id ?? event.custom_tool_use_id,
    128,
  ),
  is_error: event.is_error === true ? true : undefined,
  text: clipText(resultText(event.content), maxFieldChars) || undefined,
});

function resultText(content: unknown): string {
  const known = contentSchema.safeParse(content);
  if (known.success) return contentText(known.data);
  return content === undefined ? "" : JSON.stringify(content);
}

const stopView: View = (event, { maxFieldChars }) => {
  const reason = stopReasonSchema.safeParse(event.stop_reason).data;
  const details = record(event.stop_details);
  return {
    ...threadView(event),
    stop_reason: reason && {
      type: reason.type,
      ...(reason.event_ids && { event_ids: reason.event_ids.slice(0, 50) }),
      ...defined({
        category: text(details?.category, 100),
        explanation: text(details?.explanation, maxFieldChars),
      }),
    },
  };
};

const errorView: View = (event, { maxFieldChars }) => {
  if (typeof event.error === "string") return { error: { type: clipText(event.error, 200) } };
  const error = record(event.error);
  return {
    ...pick(event, ["workflow_run_id"]),
    error: defined({
      type: text(error?.type, 100),
      message: text(error?.message, maxFieldChars),
      retry_status: text(record(error?.retry_status)?.type, 50),
      mcp_server_name: text(error?.mcp_server_name, 200),
    }),
  };
};

function threadView(event: SessionEvent): Fields {
  return pick(event, ["session_thread_id", "agent_name", "workflow_run_id"]);
}

const workflowView: View = (event, { maxFieldChars }) => ({
  ...pick(event, ["workflow_run_id", "workflow_run_phase_id", "name"]),
  description: text(event.description, maxFieldChars),
  phases: Array.isArray(event.phases)
    ? event.phases.slice(0, 50).map((phase) => text(record(phase)?.name, 200) ?? "unnamed")
    : undefined,
  result: text(record(event.result)?.type, 50),
  error: text(record(record(event.result)?.error)?.message, maxFieldChars),
});

const usageView: View = (event) => ({
  usage: withoutZeros(scalars(event.usage ?? event.model_usage)),
  budget: scalars(event.budget),
  ...pick(event, ["is_error"]),
});

// An update carries whole agent definitions, system prompt included: only what changed is named.
const updatedView: View = (event) => ({
  changed: ["agent", "budget", "metadata", "title"].filter((name) => name in event),
  ...pick(event, ["title"]),
});

const confirmationView: View = (event, { maxFieldChars }) => ({
  ...pick(event, ["tool_use_id", "result", "session_thread_id"]),
  deny_message: text(event.deny_message, maxFieldChars),
});

const outcomeView: View = (event, { maxFieldChars }) => ({
  ...pick(event, ["outcome_id", "iteration", "max_iterations", "result"]),
  description: text(event.description, maxFieldChars),
  explanation: text(event.explanation, maxFieldChars),
});

const otherView: View = (event) => {
  const { id: _id, type: _type, processed_at: _processedAt, ...rest } = event;
  return scalars(rest) ?? {};
};

const nothing: View = () => ({});

const VIEWS: Readonly<Record<string, View>> = {
  "user.message": messageView,
  "user.interrupt": threadView,
  "user.tool_confirmation": confirmationView,
  "user.custom_tool_result": toolResultView,
  "user.tool_result": toolResultView,
  "user.define_outcome": outcomeView,
  "system.message": messageView,
  "agent.message": messageView,
  "agent.thinking": nothing,
  "agent.tool_use": toolUseView,
  "agent.mcp_tool_use": toolUseView,
  "agent.custom_tool_use": toolUseView,
  "agent.tool_result": toolResultView,
  "agent.mcp_tool_result": toolResultView,
  "agent.thread_message_sent": messageView,
  "agent.thread_message_received": messageView,
  "session.status_idle": stopView,
  "session.error": errorView,
  "session.updated": updatedView,
  "session.usage": usageView,
  "session.thread_created": threadView,
  "session.thread_status_running": threadView,
  "session.thread_status_idle": stopView,
  "session.thread_status_rescheduled": threadView,
  "session.thread_status_terminated": threadView,
  "span.model_request_end": usageView,
  "span.outcome_evaluation_start": outcomeView,
  "span.outcome_evaluation_ongoing": outcomeView,
  "span.outcome_evaluation_end": outcomeView,
  "workflow_run.created": workflowView,
  "workflow_run.status_running": workflowView,
  "workflow_run.status_idle": workflowView,
  "workflow_run.status_ended": workflowView,
  "workflow_run.error": errorView,
  "workflow_run.phase_started": workflowView,
  "workflow_run.phase_ended": workflowView,
};

/** Scalar fields longer than this are left out of unknown events. */
const MAX_SCALAR_CHARS = 200;
const MAX_SCALARS = 20;

function isSmallScalar(value: unknown): boolean {
  if (typeof value === "string") return value.length <= MAX_SCALAR_CHARS;
  return typeof value === "number" || typeof value === "boolean";
}

/** The small scalar fields of an object, one level of nesting included. */
function scalars(value: unknown, depth = 1): Fields | undefined {
  const fields = record(value);
  if (!fields) return undefined;
  const kept: Fields = {};
  for (const [name, field] of Object.entries(fields).slice(0, MAX_SCALARS)) {
    if (isSmallScalar(field)) kept[name] = field;
    else if (depth > 0) {
      const nested = scalars(field, depth - 1);
      if (nested && Object.keys(nested).length > 0) kept[name] = nested;
    }
  }
  return kept;
}

/** Counters of what was not used say nothing; most are of that kind. */
function withoutZeros(counters: Fields | undefined): Fields | undefined {
  return counters &&
    Object.fromEntries(Object.entries(counters).filter(([, value]) => value !== 0));
}

function record(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? { ...value }
    : undefined;
}

function text(value: unknown, maxChars: number): string | undefined {
  return typeof value === "string" && value !== "" ? clipText(value, maxChars) : undefined;
}

function pick(event: SessionEvent, names: readonly string[]): Fields {
  return Object.fromEntries(
    names.filter((name) => name in event).map((name) => {
      const value = event[name];
      return [name, typeof value === "string" ? clipText(value, 500) : scalarOrNothing(value)];
    }),
  );
}

function scalarOrNothing(value: unknown): unknown {
  return typeof value === "number" || typeof value === "boolean" ? value : undefined;
}

function defined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
