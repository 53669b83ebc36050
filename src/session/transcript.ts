/**
 * Session events made compact for a reader: what matters of each type, nothing else. A type that
 * is not known here shows its small scalar fields.
 *
 * @module
 */

import {
  answeredToolUse,
  attachmentTypes,
  contentText,
  errorOf,
  isQueued,
  type SessionEvent,
  stopReasonOf,
  toolUseOf,
} from "../api/events.ts";
import { leftOutOf } from "../api/list_body.ts";
import { boundedCopy, entriesOf, type Fields, fieldsOf, textOf } from "../api/read.ts";
import { clipText, firstJsonChars } from "../core/text.ts";
import { dollarsOf } from "./money.ts";
import { isInputField, toolInputView } from "./tool_input.ts";

/** An event as a result shows it: always `type`, and what the type has to tell. */
export interface EventView {
  readonly id?: string;
  readonly type: string;
  /** Absent while the event is queued. */
  readonly processed_at?: string;
  /** Sent, but not taken up by the agent. */
  readonly queued?: true;
  /** Characters of an event that was too large to be read whole. */
  readonly omitted_characters?: number;
  /** Where `text` is a part of the event's text: from which character up to which, of how many. */
  readonly text_part?: { readonly from: number; readonly to: number; readonly of: number };
  readonly [field: string]: unknown;
}

/** How events are shown. */
export interface TranscriptOptions {
  /** Show tool inputs as they are; otherwise only the names and sizes of their fields. */
  readonly exposeToolInputs: boolean;
  /** Longest text field, in characters; what is cut off is counted in its place. */
  readonly maxFieldChars: number;
  /** Show the text of a message or a result from this character on, with as much as fits. */
  readonly textFrom?: number;
}

type View = (event: SessionEvent, options: TranscriptOptions) => Fields;

/** Makes an event compact. Total: no event makes it throw. */
export function eventView(event: SessionEvent, options: TranscriptOptions): EventView {
  const view = Object.hasOwn(VIEWS, event.type) ? VIEWS[event.type] : undefined;
  const fields = (view ?? otherView)(event, options);
  const leftOut = leftOutOf(event);
  const shown = Object.entries(fields).filter(([name, value]) =>
    value !== undefined && value !== null && !OWN_FIELDS.has(name)
  );
  return {
    ...(event.id && { id: event.id }),
    type: clipText(event.type, 100),
    ...(event.processed_at && { processed_at: event.processed_at }),
    ...(isQueued(event) && { queued: true as const }),
    ...(leftOut > 0 && { omitted_characters: leftOut }),
    ...Object.fromEntries(shown),
  };
}

const OWN_FIELDS: ReadonlySet<string> = new Set([
  "id",
  "type",
  "processed_at",
  "queued",
  "omitted_characters",
]);

/** Characters of the JSON text of a part of a text, so that it fits a result. */
const PART_CHARS = 30_000;

function textView(all: string, { maxFieldChars, textFrom }: TranscriptOptions): Fields {
  if (textFrom === undefined) return { text: clipText(all, maxFieldChars) };
  const text = firstJsonChars(all.slice(textFrom), PART_CHARS);
  if (text.length === all.length) return { text };
  return { text, text_part: { from: textFrom, to: textFrom + text.length, of: all.length } };
}

const messageView: View = (event, options) => {
  const others = attachmentTypes(event.content).slice(0, MAX_LISTED);
  return {
    ...textView(contentText(event.content), options),
    attachments: others.length > 0 ? others.map((type) => clipText(type, 50)) : undefined,
    ...pick(event, [
      "session_thread_id",
      "from_session_thread_id",
      "from_agent_name",
      "to_session_thread_id",
      "to_agent_name",
    ]),
  };
};

const toolUseView: View = (event, { exposeToolInputs }) => {
  const { name, server, input, permission, threadId } = toolUseOf(event);
  return {
    name: text(name, 500),
    server: text(server, 200),
    input: toolInputView(input, exposeToolInputs),
    // `allow` is the rule; only what departs from it is worth the reader's attention.
    permission: permission === "allow" ? undefined : text(permission, 50),
    session_thread_id: text(threadId, 500),
  };
};

const toolResultView: View = (event, options) => ({
  tool_use_id: answeredToolUse(event),
  is_error: event.is_error === true ? true : undefined,
  ...textOrNothing(resultText(event.content, options), options),
});

function textOrNothing(all: string, options: TranscriptOptions): Fields {
  return all === "" ? {} : textView(all, options);
}

/** The text of a result, which a tool may also give as data of its own. */
function resultText(content: unknown, options: TranscriptOptions): string {
  const known = contentText(content);
  const isContent = known !== "" || entriesOf(content)?.every(isBlock);
  return isContent ? known : JSON.stringify(withoutInputs(boundedCopy(content), options));
}

function isBlock(entry: unknown): boolean {
  return textOf(fieldsOf(entry)?.type) !== undefined;
}

const stopView: View = (event, { maxFieldChars }) => {
  const reason = stopReasonOf(event);
  return {
    ...threadView(event),
    stop_reason: reason && defined({
      type: clipText(reason.type, 100),
      event_ids: reason.eventIds?.slice(0, MAX_LISTED),
      category: text(reason.category, 100),
      explanation: text(reason.explanation, maxFieldChars),
    }),
  };
};

const errorView: View = (event, { maxFieldChars }) => {
  const { type, message, retryStatus, server } = errorOf(event);
  return {
    ...pick(event, ["workflow_run_id"]),
    error: defined({
      type: clipText(type, 200),
      message: text(message, maxFieldChars),
      retry_status: text(retryStatus, 50),
      mcp_server_name: text(server, 200),
    }),
  };
};

function threadView(event: SessionEvent): Fields {
  return pick(event, ["session_thread_id", "agent_name", "workflow_run_id"]);
}

const workflowView: View = (event, { maxFieldChars }) => ({
  ...pick(event, ["workflow_run_id", "workflow_run_phase_id", "name"]),
  description: text(event.description, maxFieldChars),
  phases: event.phases === undefined
    ? undefined
    : entriesOf(event.phases)?.slice(0, MAX_LISTED).map((phase) =>
      text(fieldsOf(phase)?.name, 200) ?? "unnamed"
    ),
  result: text(fieldsOf(event.result)?.type, 50),
  error: text(fieldsOf(fieldsOf(event.result)?.error)?.message, maxFieldChars),
});

const usageView: View = (event, options) => ({
  usage: withoutZeros(scalars(event.usage ?? event.model_usage, options)),
  budget: scalars(event.budget, options),
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

const otherView: View = (event, options) => {
  const { id: _id, type: _type, processed_at: _processedAt, ...rest } = event;
  return scalars(rest, options) ?? {};
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

/** Entries of a list that are shown. */
const MAX_LISTED = 50;
/** Scalar fields longer than this are left out of unknown events. */
const MAX_SCALAR_CHARS = 200;
const MAX_SCALARS = 20;

function isSmallScalar(value: unknown): boolean {
  if (typeof value === "string") return value.length <= MAX_SCALAR_CHARS;
  return typeof value === "number" || typeof value === "boolean";
}

/**
 * The small scalar fields of an object, one level of nesting included. What a tool was given is
 * shown as everywhere, under whichever name it comes.
 */
function scalars(
  value: unknown,
  options: TranscriptOptions,
  depth = 1,
): Record<string, unknown> | undefined {
  const fields = fieldsOf(value);
  if (!fields) return undefined;
  const shown: [string, unknown][] = [];
  for (const [name, field] of Object.entries(fields).slice(0, MAX_SCALARS)) {
    const dollars = dollarsOf(name, field);
    if (dollars) {
      shown.push([...dollars]);
    } else if (isInputField(name, field)) {
      shown.push([clipText(name, 100), toolInputView(field, options.exposeToolInputs)]);
    } else if (isSmallScalar(field)) {
      shown.push([clipText(name, 100), field]);
    } else if (depth > 0) {
      const nested = scalars(field, options, depth - 1);
      if (nested && Object.keys(nested).length > 0) shown.push([clipText(name, 100), nested]);
    }
  }
  return Object.fromEntries(shown);
}

/** A value of a bounded depth, with what a tool was given as it is shown everywhere. */
function withoutInputs(value: unknown, { exposeToolInputs }: TranscriptOptions): unknown {
  const walk = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(walk);
    const fields = fieldsOf(part);
    if (!fields) return part;
    return Object.fromEntries(
      Object.entries(fields).map(([name, field]) => [
        name,
        isInputField(name, field) ? toolInputView(field, exposeToolInputs) : walk(field),
      ]),
    );
  };
  return walk(value);
}

/** Counters of what was not used say nothing; most are of that kind. */
function withoutZeros(counters: Fields | undefined): Fields | undefined {
  return counters &&
    Object.fromEntries(Object.entries(counters).filter(([, value]) => value !== 0));
}

function text(value: unknown, maxChars: number): string | undefined {
  const known = textOf(value);
  return known === undefined ? undefined : clipText(known, maxChars);
}

function pick(event: SessionEvent, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.filter((name) => name in event).map((name) => {
      const value = event[name];
      return [name, text(value, 500) ?? scalarOrNothing(value)];
    }),
  );
}

function scalarOrNothing(value: unknown): unknown {
  return typeof value === "number" || typeof value === "boolean" ? value : undefined;
}

function defined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
