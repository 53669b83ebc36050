/**
 * Shows session events: what matters of each type, nothing else. The inputs of tools and amounts of
 * money are shown alike wherever they stand.
 *
 * @module
 */

import {
  answeredToolUse,
  attachmentTypes,
  contentText,
  errorOf,
  isQueued,
  messageText,
  type SessionEvent,
  stopReasonOf,
  toolUseOf,
} from "../api/events.ts";
import { leftOutOf } from "../api/json.ts";
import { isMark } from "../api/metadata.ts";
import { centsOf } from "../api/money.ts";
import { boundedCopy, entriesOf, type Fields, fieldsOf, textOf } from "../api/read.ts";
import { clipText, firstJsonChars } from "../core/text.ts";

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

/** Says how to show events. */
export interface ViewOptions {
  /** Show tool inputs as they are; otherwise only the names and sizes of their fields. */
  readonly exposeToolInputs: boolean;
  /** Longest text field, in characters; what is cut off is counted in its place. */
  readonly maxFieldChars: number;
  /** Show the text of a message or a result from this character on, with as much as fits. */
  readonly textFrom?: number;
}

/** Shows the fields of one type of event. Total: no event makes it throw. */
export type View = (event: SessionEvent, options: ViewOptions) => Fields;

/** Puts the fields that every event has around those that its type has to tell. */
export function eventView(event: SessionEvent, fields: Fields): EventView {
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

function textView(all: string, { maxFieldChars, textFrom }: ViewOptions): Fields {
  if (textFrom === undefined) return { text: clipText(all, maxFieldChars) };
  const text = firstJsonChars(all.slice(textFrom), PART_CHARS);
  if (text.length === all.length) return { text };
  return { text, text_part: { from: textFrom, to: textFrom + text.length, of: all.length } };
}

// Functions that show an event: the column `view` in `event_types.ts`.

export function messageView(event: SessionEvent, options: ViewOptions): Fields {
  return {
    ...textView(messageText(event), options),
    attachments: attachmentsView(event.content),
    ...pick(event, [
      "session_thread_id",
      "from_session_thread_id",
      "from_agent_name",
      "to_session_thread_id",
      "to_agent_name",
    ]),
  };
}

function attachmentsView(content: unknown): readonly string[] | undefined {
  const types = attachmentTypes(content).slice(0, MAX_LISTED);
  return types.length > 0 ? types.map((type) => clipText(type, 50)) : undefined;
}

export function toolUseView(event: SessionEvent, { exposeToolInputs }: ViewOptions): Fields {
  const { name, server, input, permission, threadId } = toolUseOf(event);
  return {
    name: text(name, 500),
    server: text(server, 200),
    input: toolInputView(input, exposeToolInputs),
    // `allow` is the rule; only what departs from it is worth the reader's attention.
    permission: permission === "allow" ? undefined : text(permission, 50),
    session_thread_id: text(threadId, 500),
  };
}

export function toolResultView(event: SessionEvent, options: ViewOptions): Fields {
  const shown = resultText(event.content, options);
  return {
    tool_use_id: answeredToolUse(event),
    is_error: event.is_error === true ? true : undefined,
    ...(shown !== "" && textView(shown, options)),
    attachments: attachmentsView(event.content),
  };
}

/** Returns the text of a result, which a tool may also give as data of its own. */
function resultText(content: unknown, options: ViewOptions): string {
  const known = contentText(content);
  const isContent = known !== "" || entriesOf(content)?.every(isBlock);
  return isContent ? known : JSON.stringify(withoutInputs(boundedCopy(content), options));
}

function isBlock(entry: unknown): boolean {
  return textOf(fieldsOf(entry)?.type) !== undefined;
}

export function stopView(event: SessionEvent, { maxFieldChars }: ViewOptions): Fields {
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
}

export function errorView(event: SessionEvent, { maxFieldChars }: ViewOptions): Fields {
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
}

export function threadView(event: SessionEvent): Fields {
  return pick(event, ["session_thread_id", "agent_name", "workflow_run_id"]);
}

export function workflowView(event: SessionEvent, { maxFieldChars }: ViewOptions): Fields {
  return {
    ...pick(event, ["workflow_run_id", "workflow_run_phase_id", "name"]),
    description: text(event.description, maxFieldChars),
    phases: event.phases === undefined
      ? undefined
      : entriesOf(event.phases)?.slice(0, MAX_LISTED).map((phase) =>
        text(fieldsOf(phase)?.name, 200) ?? "unnamed"
      ),
    result: text(fieldsOf(event.result)?.type, 50),
    error: text(fieldsOf(fieldsOf(event.result)?.error)?.message, maxFieldChars),
  };
}

export function usageView(event: SessionEvent, options: ViewOptions): Fields {
  return {
    usage: withoutZeros(scalars(event.usage ?? event.model_usage, options)),
    budget: scalars(event.budget, options),
    ...pick(event, ["is_error"]),
  };
}

// An update carries whole agent definitions, system prompt included: only what changed is named.
export function updatedView(event: SessionEvent): Fields {
  return {
    changed: ["agent", "budget", "metadata", "title"].filter((name) => name in event),
    ...pick(event, ["title"]),
  };
}

export function confirmationView(event: SessionEvent, { maxFieldChars }: ViewOptions): Fields {
  return {
    ...pick(event, ["tool_use_id", "result", "session_thread_id"]),
    deny_message: text(event.deny_message, maxFieldChars),
  };
}

export function outcomeView(event: SessionEvent, { maxFieldChars }: ViewOptions): Fields {
  return {
    ...pick(event, ["outcome_id", "iteration", "max_iterations", "result"]),
    description: text(event.description, maxFieldChars),
    explanation: text(event.explanation, maxFieldChars),
  };
}

export function otherView(event: SessionEvent, options: ViewOptions): Fields {
  const { id: _id, type: _type, processed_at: _processedAt, ...rest } = event;
  return scalars(rest, options) ?? {};
}

export function nothingView(): Fields {
  return {};
}

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
 * Picks the small scalar fields of an object, one level of nesting included. What a tool was given
 * is shown as everywhere, under whichever name it comes.
 */
function scalars(
  value: unknown,
  options: ViewOptions,
  depth = 1,
): Record<string, unknown> | undefined {
  const fields = fieldsOf(value);
  if (!fields) return undefined;
  const shown: [string, unknown][] = [];
  for (const [name, field] of Object.entries(fields).slice(0, MAX_SCALARS)) {
    if (isMark(name)) continue;
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

/** Copies a value of bounded depth, with what a tool was given as it is shown everywhere. */
function withoutInputs(value: unknown, options: ViewOptions): unknown {
  if (Array.isArray(value)) return value.map((part) => withoutInputs(part, options));
  const fields = fieldsOf(value);
  if (!fields) return value;
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      isInputField(name, field)
        ? toolInputView(field, options.exposeToolInputs)
        : withoutInputs(field, options),
    ]),
  );
}

/** Drops the counters of what was not used: most are of that kind, and say nothing. */
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

/** Longest input that is shown, in characters of its JSON text. */
const MAX_INPUT_CHARS = 4_000;
/** More fields than this are counted instead of named. */
const MAX_FIELDS = 20;

/**
 * Shows a tool's input. Inputs carry commands, file contents and credentials, so unless the operator
 * shows them only the names of the top-level fields and the size of each value remain.
 *
 * @param input as it stands in the tool-use event
 * @param expose true if the operator shows inputs
 */
export function toolInputView(input: unknown, expose: boolean): unknown {
  if (input === undefined || input === null) return undefined;
  return expose ? clipInput(input) : redactInput(input);
}

function clipInput(input: unknown): unknown {
  const copy = boundedCopy(input);
  const text = typeof copy === "string" ? copy : JSON.stringify(copy);
  return text.length <= MAX_INPUT_CHARS ? copy : clipText(text, MAX_INPUT_CHARS);
}

/** Last words of the names of fields that hold what a tool, a command or a request was given. */
const INPUT_WORDS: ReadonlySet<string> = new Set([
  ...["input", "inputs", "argument", "arguments", "arg", "args", "argv", "parameter", "parameters"],
  ...["param", "params", "command", "commands", "cmd", "script", "env", "environ", "stdin", "body"],
  ...["header", "headers", "cookie", "cookies", "payload", "query", "url", "uri"],
  ...["authorization", "password", "passwd", "secret", "secrets", "credential", "credentials"],
]);
/** Names that say so only by themselves: an `error_code` is no program. */
const INPUT_NAMES: ReadonlySet<string> = new Set(["code", "source_code", "environment_variables"]);

/**
 * True if a field holds an input of a tool by its name, in whatever kind of event: `input`,
 * `toolInput`, `request_headers`. A number or a flag gives nothing away, and counters are named
 * alike.
 */
function isInputField(name: string, value: unknown): boolean {
  if (typeof value !== "string" && (typeof value !== "object" || value === null)) return false;
  const words = name.slice(0, 100).replace(/([a-z\d])([A-Z])/g, "$1_$2").toLowerCase()
    .split(/[^a-z\d]+/).filter(Boolean);
  return INPUT_WORDS.has(words.at(-1) ?? "") || INPUT_NAMES.has(words.join("_"));
}

function redactInput(input: unknown): unknown {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return sizeOf(input);
  const entries = Object.entries(input);
  const shown = entries.slice(0, MAX_FIELDS)
    .map(([name, value]) => [clipText(name, 100), sizeOf(value)]);
  const more = entries.length - shown.length;
  return Object.fromEntries(more > 0 ? [...shown, ["…", `${more} more fields`]] : shown);
}

function sizeOf(value: unknown): string {
  if (typeof value === "string") return `[redacted, ${value.length} characters]`;
  if (Array.isArray(value)) return `[redacted, ${value.length} items]`;
  return "[redacted]";
}

/** Names of amounts that say more than the field's own with `_usd` behind it. */
const NAMES: Readonly<Record<string, string>> = {
  list_cost: "cost_usd",
  max_list_cost: "max_cost_usd",
};

/**
 * Shows a field that holds an amount of US dollars as a field that says so, in dollars: readers take
 * the API's cents for dollars.
 *
 * @returns undefined for any other field
 */
function dollarsOf(
  name: string,
  value: unknown,
): readonly [name: string, dollars: number] | undefined {
  const cents = centsOf(value);
  if (cents === undefined) return undefined;
  return [Object.hasOwn(NAMES, name) ? NAMES[name] ?? name : `${name}_usd`, cents / 100];
}

/** Copies a value of bounded depth, with every amount of US dollars in it in dollars. */
export function inDollars(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inDollars);
  const fields = fieldsOf(value);
  if (!fields) return value;
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) =>
      dollarsOf(name, field) ?? [name, inDollars(field)]
    ),
  );
}
