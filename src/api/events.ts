/**
 * Session events as they cross the wire, and what their fields mean. Reading is total: an event
 * type, a stop reason or an error type that is new passes through, and a field that
 * cannot be read is as good as absent.
 *
 * Source of the shapes: the types of `@anthropic-ai/sdk` (checked against them in
 * `tests/contract`), and the habits of other implementations of the API, which omit ids,
 * `processed_at` and stop reasons.
 *
 * @module
 */

import {
  entriesOf,
  eventIdOf,
  type Fields,
  fieldsOf,
  isEventId,
  readEach,
  textOf,
  timeOf,
} from "./read.ts";

/**
 * One event of a session's list or stream. `processed_at` is null while a client-sent event is
 * queued; the same id then comes again, stamped. Fields that are not named here pass through as
 * they came: the functions of this module read them.
 */
export interface SessionEvent {
  readonly type: string;
  /** As `eventIdOf` gives it; absent or null where the event has none. */
  readonly id?: string | null;
  /** A text that is no time says nothing. Null says "queued"; absent does not. */
  readonly processed_at?: string | null;
  readonly [field: string]: unknown;
}

/** Fields in which gateways and frameworks wrap what they pass on. */
const WRAPPING_FIELDS = ["event", "data", "payload", "item"] as const;
/** Wrappers in wrappers are followed so far. */
const MAX_WRAPPERS = 3;

/**
 * The event that lies in a wrapper such as `{"event":{…}}`; the value itself where it is one. All
 * documented types of events have a dot in their name, which tells them from types of wrappers.
 */
function unwrapped(value: unknown, depth = 0): unknown {
  const fields = fieldsOf(value);
  if (!fields || depth >= MAX_WRAPPERS || textOf(fields.type)?.includes(".")) return value;
  for (const name of WRAPPING_FIELDS) {
    const inner = fieldsOf(unwrapped(fields[name], depth + 1));
    if (!textOf(inner?.type)?.includes(".")) continue;
    // Whose event it is may be written on the wrapper.
    return "session_id" in fields ? { session_id: fields.session_id, ...inner } : inner;
  }
  return value;
}

/**
 * True when an event of a session's list or stream is the session's own. Some servers send the events
 * of several sessions over one stream, and then name the session in each.
 *
 * @param sessionId as it was asked for; a server may leave out, or add, the prefix of its kind
 */
export function isOfSession({ session_id: named }: SessionEvent, sessionId: string): boolean {
  const id = textOf(named);
  return id === undefined || id === sessionId || bareId(id) === bareId(sessionId);
}

function bareId(id: string): string {
  return id.replace(/^[a-z]{1,16}_/, "");
}

/**
 * An event, if the value is one: an object with a `type`, or one in a wrapper.
 *
 * @param fallbackType used where the object has none, such as the `event:` name of its frame
 */
export function decodeEvent(value: unknown, fallbackType?: string): SessionEvent | undefined {
  const fields = fieldsOf(unwrapped(value));
  if (!fields) return undefined;
  // Nearly every event fits as it is, and lists are long.
  if (isEvent(fields)) return fields;
  const type = textOf(fields.type) ?? fallbackType;
  if (type === undefined) return undefined;
  const { id, processed_at: processedAt } = fields;
  return {
    ...fields,
    type,
    id: eventIdOf(id) ?? null,
    processed_at: processedAt === null ? null : timeOf(processedAt),
  };
}

function isEvent(fields: Fields): fields is SessionEvent {
  const { type, id, processed_at: processedAt } = fields;
  return typeof type === "string" && type !== "" && (id == null || isEventId(id)) &&
    (processedAt == null || isTimeOfThisAge(processedAt) || timeOf(processedAt) === processedAt);
}

/** Recognises the form of the API's own times without reading them. */
function isTimeOfThisAge(value: unknown): value is string {
  return typeof value === "string" && value.length >= 20 && value.length <= 40 &&
    value.startsWith("2") && value[10] === "T" && value.endsWith("Z");
}

/**
 * True when a client sent the event and it is not taken up: its place in the list is not final. Of
 * the agent's and the session's own events null says nothing.
 */
export function isQueued(event: SessionEvent): boolean {
  return event.processed_at === null && isInput(event);
}

/** True for events that a client sent: their time says at most when they were taken up. */
export function isInput({ type }: SessionEvent): boolean {
  return type.startsWith("user.") || type.startsWith("system.");
}

/** Types of events that show that a turn has begun. */
const TURN_STARTS: ReadonlySet<string> = new Set([
  "session.status_running",
  "session.thread_status_running",
  "span.model_request_start",
]);

/** True for events that show that a turn has begun. */
export function beginsTurn({ type }: SessionEvent): boolean {
  return TURN_STARTS.has(type);
}

/**
 * Each event once, where it stood first in time: what comes again under the same id is the same
 * event, and of two versions the fuller one counts.
 */
export function eachOnce(
  events: readonly SessionEvent[],
  order: "asc" | "desc" = "asc",
): SessionEvent[] {
  const versions = new Map<string, SessionEvent>();
  let again = false;
  for (const event of events) {
    if (!event.id) continue;
    const other = versions.get(event.id);
    again ||= other !== undefined;
    versions.set(event.id, other ? fullerEvent(other, event) : event);
  }
  if (!again) return [...events];
  const ascending = order === "asc" ? events : events.toReversed();
  const kept = ascending.flatMap((event) => {
    if (!event.id) return event;
    const version = versions.get(event.id);
    versions.delete(event.id);
    return version ?? [];
  });
  return order === "asc" ? kept : kept.reverse();
}

/**
 * Of two versions of an event the one that says more: stamped before queued, then the longer one,
 * then the second.
 */
export function fullerEvent(first: SessionEvent, second: SessionEvent): SessionEvent {
  if (isQueued(first) !== isQueued(second)) return isQueued(first) ? second : first;
  return JSON.stringify(first).length > JSON.stringify(second).length ? first : second;
}

/**
 * The text of a message's content: its text blocks, joined as they are. Texts in the list, a text
 * or a block in place of the list, and blocks without a type count.
 */
export function contentText(content: unknown): string {
  const blocks = entriesOf(content);
  return blocks ? blocks.map((block) => blockText(block)).join("") : blockText(content);
}

/** Types of blocks that are text; the second as the Responses API of OpenAI has it. */
const TEXT_TYPES: readonly unknown[] = ["text", "output_text"];
/** Lists in lists are followed so far. */
const MAX_LISTS = 3;

/** The text of one block of a content, or of a list of them; "" of one that is no text. */
export function blockText(block: unknown, depth = 0): string {
  if (typeof block === "string") return block;
  if (Array.isArray(block)) {
    return depth < MAX_LISTS ? block.map((inner) => blockText(inner, depth + 1)).join("") : "";
  }
  const { type, text } = fieldsOf(block) ?? {};
  const isText = TEXT_TYPES.includes(type) || textOf(type) === undefined;
  return isText && typeof text === "string" ? text : "";
}

/** The types of the blocks of a content that are not text. */
export function attachmentTypes(content: unknown): string[] {
  return (entriesOf(content) ?? [content]).flatMap((block) => {
    const type = textOf(fieldsOf(block)?.type);
    return type === undefined || TEXT_TYPES.includes(type) ? [] : [type];
  });
}

/** The reason why a session went idle. Only `requires_action` means that the turn is not over. */
export interface StopReason {
  readonly type: string;
  /** Ids of the tool calls that wait for an answer; undefined where the event has no such list. */
  readonly eventIds?: readonly string[];
  readonly category?: string;
  readonly explanation?: string;
}

/** The stop reason of a `session.status_idle` or `session.thread_status_idle`, if it tells one. */
export function stopReasonOf(event: SessionEvent): StopReason | undefined {
  const given = unquotedObject(event.stop_reason);
  const reason = fieldsOf(given);
  const ids = reason?.event_ids;
  const eventIds = textOf(ids) ? [ids] : entriesOf(ids);
  const waiting = readEach(eventIds ?? [], eventIdOf);
  // A session that names the calls it waits for waits, whatever became of the word for it.
  const type = (textOf(given) ?? textOf(reason?.type))?.trim().toLowerCase() ||
    (waiting.length > 0 ? "requires_action" : undefined);
  if (type === undefined) return undefined;
  const details = fieldsOf(event.stop_details);
  return {
    type,
    ...(ids !== undefined && ids !== null && { eventIds: waiting }),
    category: textOf(details?.category),
    explanation: textOf(details?.explanation),
  };
}

/** Reads an object that was written as JSON into a text; gives everything else as it is. */
function unquotedObject(value: unknown): unknown {
  if (typeof value !== "string" || !value.trimStart().startsWith("{")) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** Fields of an `agent.tool_use`, `agent.mcp_tool_use` or `agent.custom_tool_use`. */
export interface ToolUseFields {
  readonly name?: string;
  /** Name of the MCP server that offers the tool. */
  readonly server?: string;
  readonly input?: unknown;
  /** `allow`, `ask`, `deny`; others pass through. */
  readonly permission?: string;
  readonly threadId?: string;
}

/** Reads a tool use. */
export function toolUseOf(event: SessionEvent): ToolUseFields {
  return {
    name: textOf(event.name),
    server: textOf(event.mcp_server_name),
    input: event.input,
    permission: textOf(event.evaluated_permission),
    threadId: textOf(event.session_thread_id),
  };
}

/** The id of the tool use that a result, or a person's answer, is for. */
export function answeredToolUse(event: SessionEvent): string | undefined {
  return eventIdOf(event.tool_use_id) ?? eventIdOf(event.mcp_tool_use_id) ??
    eventIdOf(event.custom_tool_use_id);
}

/** Fields of a `session.error` or `workflow_run.error`. */
export interface ErrorFields {
  readonly type: string;
  readonly message?: string;
  /** `retrying`, `exhausted`, `terminal`; others pass through. */
  readonly retryStatus?: string;
  readonly server?: string;
}

/**
 * Reads an error event. That there was an error is certain, whatever it tells. Some implementations
 * give a code or a sentence in place of the object, or the sentence in `content` or `message`.
 */
export function errorOf(event: SessionEvent): ErrorFields {
  const error = fieldsOf(event.error) ?? {};
  const text = textOf(event.error);
  const isCode = text !== undefined && /^[\w.-]{1,128}$/.test(text);
  const type = textOf(error.type) ?? (isCode ? text : undefined) ?? "unknown_error";
  return {
    type,
    message: textOf(error.message) ?? (isCode ? undefined : text) ?? textOf(event.message) ??
      textOf(contentText(event.content)),
    retryStatus: textOf(error.retry_status) ?? textOf(fieldsOf(error.retry_status)?.type),
    server: textOf(error.mcp_server_name),
  };
}
