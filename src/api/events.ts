/**
 * Session events as they cross the wire, and the meaning of their fields. Reading never fails: a
 * new event type, stop reason or error type passes through, and a field that cannot be read counts
 * as absent.
 *
 * Source of the shapes: the types of `@anthropic-ai/sdk` (checked against them in
 * `tests/contract`), and the habits of other implementations of the API, which omit ids,
 * `processed_at` and stop reasons.
 *
 * @module
 */

import { sha256 } from "../core/sha256.ts";
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
  /** Id as {@linkcode eventIdOf} returns it; absent or null where the event has none. */
  readonly id?: string | null;
  /** Time of processing. Null means "queued"; an absent or unreadable time means nothing. */
  readonly processed_at?: string | null;
  readonly [field: string]: unknown;
}

/** Fields in which gateways and frameworks wrap what they pass on. */
const WRAPPING_FIELDS = ["event", "data", "payload", "item"] as const;
/** Deepest wrapper that is opened. */
const MAX_WRAPPERS = 3;

/**
 * Returns the event in a wrapper such as `{"event":{…}}`, or the value itself where it is an event.
 * All documented event types have a dot in their name, which tells them from types of wrappers.
 */
function unwrapped(value: unknown, depth = 0): unknown {
  const fields = fieldsOf(value);
  if (!fields || depth >= MAX_WRAPPERS || textOf(fields.type)?.includes(".")) return value;
  for (const name of WRAPPING_FIELDS) {
    const inner = fieldsOf(unwrapped(fields[name], depth + 1));
    if (!textOf(inner?.type)?.includes(".")) continue;
    // The wrapper may name the session of the event.
    return "session_id" in fields ? { session_id: fields.session_id, ...inner } : inner;
  }
  return value;
}

/**
 * Returns true if an event of a session's list or stream belongs to the session. Some servers send
 * the events of several sessions over one stream, and then name the session in each.
 *
 * @param sessionId as it was requested; a server may leave out, or add, the prefix of its kind
 */
export function isOfSession({ session_id: named }: SessionEvent, sessionId: string): boolean {
  const id = textOf(named);
  return id === undefined || id === sessionId || bareId(id) === bareId(sessionId);
}

function bareId(id: string): string {
  return id.replace(/^[a-z]{1,16}_/, "");
}

/**
 * Reads an event: an object with a `type`, or one in a wrapper; undefined for any other value.
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

/** Returns true for a text in the form of the API's own times, without parsing it. */
function isTimeOfThisAge(value: unknown): value is string {
  return typeof value === "string" && value.length >= 20 && value.length <= 40 &&
    value.startsWith("2") && value[10] === "T" && value.endsWith("Z");
}

/**
 * Returns true if a client sent the event and the agent has not taken it up, so that its place in
 * the list is not final. In the agent's and the session's own events, null means nothing.
 */
export function isQueued(event: SessionEvent): boolean {
  return event.processed_at === null && isInput(event);
}

/** Returns true for an event that a client sent: its time says at most when it was taken up. */
export function isInput({ type }: SessionEvent): boolean {
  return type.startsWith("user.") || type.startsWith("system.");
}

/** Event types that show that a turn has begun. */
const TURN_STARTS: ReadonlySet<string> = new Set([
  "session.status_running",
  "session.thread_status_running",
  "span.model_request_start",
]);

/** Returns true for an event that shows that a turn has begun. */
export function beginsTurn({ type }: SessionEvent): boolean {
  return TURN_STARTS.has(type);
}

/**
 * Keeps each event once, where it stood first in time: events with the same id are the same event,
 * and the fuller version counts.
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
 * Returns the fuller of two versions of an event: stamped before queued, then the longer one, then
 * the second.
 */
export function fullerEvent(first: SessionEvent, second: SessionEvent): SessionEvent {
  if (isQueued(first) !== isQueued(second)) return isQueued(first) ? second : first;
  return JSON.stringify(first).length > JSON.stringify(second).length ? first : second;
}

/**
 * Returns the text of a message's content: its text blocks, joined as they are. Also reads texts in
 * the list, a text or a block in place of the list, and blocks without a type.
 */
export function contentText(content: unknown): string {
  const blocks = entriesOf(content);
  return blocks ? blocks.map((block) => blockText(block)).join("") : blockText(content);
}

/** Returns what a message says: a person's texts stand apart, the blocks of others are one text. */
export function messageText({ type, content }: SessionEvent): string {
  return type === "user.message" ? textsIn(content).join("\n\n") : contentText(content);
}

/** Returns the texts of a content, block by block, without those that are empty. */
export function textsIn(content: unknown): string[] {
  return (entriesOf(content) ?? [content]).map((block) => blockText(block)).filter(Boolean);
}

/** Types of text blocks; the second is that of OpenAI's Responses API. */
const TEXT_TYPES: readonly unknown[] = ["text", "output_text"];
/** Deepest nesting of lists that is read. */
const MAX_LISTS = 3;

/** Returns the text of a content block, or of a list of them; "" for a block without text. */
export function blockText(block: unknown, depth = 0): string {
  if (typeof block === "string") return block;
  if (Array.isArray(block)) {
    return depth < MAX_LISTS ? block.map((inner) => blockText(inner, depth + 1)).join("") : "";
  }
  const { type, text } = fieldsOf(block) ?? {};
  const isText = TEXT_TYPES.includes(type) || textOf(type) === undefined;
  return isText && typeof text === "string" ? text : "";
}

/** Returns the types of the blocks that are not text. */
export function attachmentTypes(content: unknown): string[] {
  return attachmentsIn(content).map(({ type }) => type);
}

/** An image, a document or another block that is not text, and what it names. */
export interface Attachment {
  readonly type: string;
  /** Address of the content, if that is what the block has. */
  readonly url?: string;
  /** File of the content, if that is what the block has. */
  readonly fileId?: string;
}

/** Returns the blocks that are not text. */
export function attachmentsIn(content: unknown): Attachment[] {
  return (entriesOf(content) ?? [content]).flatMap((block) => {
    const { type: given, source } = fieldsOf(block) ?? {};
    const type = textOf(given);
    if (type === undefined || TEXT_TYPES.includes(type)) return [];
    const { url, file_id } = fieldsOf(source) ?? {};
    return [{ type, url: textOf(url), fileId: textOf(file_id) }];
  });
}

/** The reason why a session went idle. Only `requires_action` means that the turn is not over. */
export interface StopReason {
  readonly type: string;
  /** Ids of the tool calls that wait for a result; undefined where the event has no such list. */
  readonly eventIds?: readonly string[];
  readonly category?: string;
  readonly explanation?: string;
}

/**
 * Reads the stop reason of a `session.status_idle` or `session.thread_status_idle`, if there is
 * one.
 */
export function stopReasonOf(event: SessionEvent): StopReason | undefined {
  const given = unquotedObject(event.stop_reason);
  const reason = fieldsOf(given);
  const ids = reason?.event_ids;
  const eventIds = textOf(ids) ? [ids] : entriesOf(ids);
  const waiting = readEach(eventIds ?? [], eventIdOf);
  // A session that names the calls it waits for is waiting, whatever its reason is called.
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

/** Parses an object that was written as JSON into a text; returns any other value as it is. */
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
  /** Name of the MCP server of the tool. */
  readonly server?: string;
  readonly input?: unknown;
  /** `allow`, `ask`, `deny`; others pass through. */
  readonly permission?: string;
  readonly threadId?: string;
}

/** Reads the fields of a tool use. */
export function toolUseOf(event: SessionEvent): ToolUseFields {
  return {
    name: textOf(event.name),
    server: textOf(event.mcp_server_name),
    input: event.input,
    permission: textOf(event.evaluated_permission),
    threadId: textOf(event.session_thread_id),
  };
}

/**
 * Returns the SHA-256 of what a tool use calls, and with what input: another one is another call.
 *
 * @param inputJson its input as JSON text; absent where that is nested too deeply to be written
 */
export function toolUseDigest(event: SessionEvent, inputJson: string | undefined): string {
  const { name, server, threadId } = toolUseOf(event);
  return sha256(JSON.stringify([event.type, name, server, threadId, inputJson]));
}

/**
 * Returns the input of a tool use as JSON text, `{}` where it has none; undefined for one that is
 * nested more deeply than the stack is high.
 */
export function inputJsonOf(event: SessionEvent): string | undefined {
  try {
    return JSON.stringify(toolUseOf(event).input ?? {});
  } catch {
    return undefined;
  }
}

/** Returns the id of the tool use that a result, or a person's decision, is for. */
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
 * Reads an error event. There was an error, whatever its fields say. Some implementations give a
 * code or a sentence in place of the object, or the sentence in `content` or `message`.
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
