/**
 * Tells session events in a transcript: who speaks, what they say, and what happened beside it. The
 * words around foreign names and texts are this program's, and Markdown.
 *
 * @module
 */

import {
  answeredToolUse,
  attachmentsIn,
  contentText,
  errorOf,
  isQueued,
  messageText,
  type SessionEvent,
  stopReasonOf,
  toolUseOf,
} from "../api/events.ts";
import { textLeftOutOf } from "../api/json.ts";
import { entriesOf, fieldsOf, textOf } from "../api/read.ts";
import { codeMarkdown, inlineMarkdown } from "../core/markdown.ts";
import { clipText } from "../core/text.ts";
import { toolInputView } from "./event_view.ts";

/** What a transcript has of an event. */
export interface TranscriptEntry {
  /** Heading of the section that it belongs to. */
  readonly speaker: string;
  /** What happened, in one line. */
  readonly line?: string;
  /** What was said or written, as it came: to be quoted. */
  readonly text?: string;
  /** What came with the text: a line each. */
  readonly attachments?: readonly string[];
}

/** What the telling of one event takes from others, and from the operator's settings. */
export interface TellContext {
  /** Events of tool calls by their id. */
  readonly toolUses: ReadonlyMap<string, SessionEvent>;
  /** Results by the id of their call, which is told with them. */
  readonly results: ReadonlyMap<string, SessionEvent>;
  /** Names of subagents by the id of their thread. */
  readonly subagents: ReadonlyMap<string, string>;
  readonly exposeToolInputs: boolean;
  /** Hides secrets, before anything is cut. */
  readonly redact: (text: string) => string;
}

/** Tells an event; undefined for one that says nothing. Total: no event makes it throw. */
export type Tell = (event: SessionEvent, context: TellContext) => TranscriptEntry | undefined;

/** Longest name that is shown. */
const MAX_NAME_CHARS = 200;
const MAX_ATTACHMENTS = 50;

const USER = "User";
const AGENT = "Agent";
const SYSTEM = "System";
const SESSION = "Session";

// Functions that tell an event: the column `tell` in `event_types.ts`.

/** Tells nothing: the event is for programs, or another one says the same. */
export function untold(): undefined {}

export function tellUser(event: SessionEvent, context: TellContext): TranscriptEntry {
  return { speaker: USER, ...said(event, context) };
}

export function tellSystem(event: SessionEvent, context: TellContext): TranscriptEntry {
  return { speaker: SYSTEM, ...said(event, context) };
}

export function tellAgent(event: SessionEvent, context: TellContext): TranscriptEntry {
  return { speaker: speakerOf(event, context), ...said(event, context) };
}

export function tellMessageSent(event: SessionEvent, context: TellContext): TranscriptEntry {
  const to = subagentNamed(event.to_agent_name, event.to_session_thread_id, context);
  return { speaker: AGENT, line: `To ${to}:`, ...said(event, context) };
}

export function tellMessageReceived(event: SessionEvent, context: TellContext): TranscriptEntry {
  const from = subagentNamed(event.from_agent_name, event.from_session_thread_id, context);
  return { speaker: capital(from), ...said(event, context) };
}

export function tellOutcomeWanted(event: SessionEvent, context: TellContext): TranscriptEntry {
  return {
    speaker: USER,
    line: `Outcome wanted:${queuedNote(event)}`,
    ...quoted(event.description, context),
  };
}

export function tellInterrupt(event: SessionEvent): TranscriptEntry {
  return { speaker: USER, line: `Interrupted the agent.${queuedNote(event)}` };
}

export function tellConfirmation(event: SessionEvent, context: TellContext): TranscriptEntry {
  const isDenied = event.result === "deny";
  const did = isDenied ? "Denied" : event.result === "allow" ? "Allowed" : "Answered";
  const reason = isDenied ? quoted(event.deny_message, context) : {};
  const end = reason.text === undefined ? "." : ":";
  return { speaker: USER, line: `${did} ${answeredCall(event, context)}${end}`, ...reason };
}

/** Tells the result of a tool that the user's side has run. */
export function tellGivenResult(event: SessionEvent, context: TellContext): TranscriptEntry {
  const what = event.is_error === true ? "Failure" : "Result";
  const call = answeredCall(event, context);
  return { speaker: USER, line: `${what} of ${call}:`, ...said(event, context) };
}

export function tellToolUse(event: SessionEvent, context: TellContext): TranscriptEntry {
  const { server, input, permission } = toolUseOf(event);
  const result = event.id ? context.results.get(event.id) : undefined;
  const parts = [
    `Tool ${toolNameOf(event, context)}`,
    server && `of MCP server ${code(server, context)}`,
    event.type === "agent.custom_tool_use" && "(custom)",
    permission === "ask" && "(asked for approval)",
  ].filter(Boolean);
  const state = result
    ? `: ${stateOf(result)}`
    : permission === "deny"
    ? ": denied by its policy"
    : "";
  const shown = context.exposeToolInputs ? toolInputView(input, true) : undefined;
  return {
    speaker: speakerOf(event, context),
    line: `${parts.join(" ")}${state}`,
    ...shown !== undefined && { text: context.redact(JSON.stringify(shown)) },
  };
}

/** Tells the result of a tool where its call stands on another page. */
export function tellToolResult(
  event: SessionEvent,
  context: TellContext,
): TranscriptEntry | undefined {
  const call = answeredToolUse(event);
  if (call !== undefined && context.toolUses.has(call)) return undefined;
  return {
    speaker: speakerOf(event, context),
    line: `Result of ${answeredCall(event, context)}: ${stateOf(event)}`,
  };
}

export function tellThreadCreated(event: SessionEvent, context: TellContext): TranscriptEntry {
  const name = subagentNamed(event.agent_name, event.session_thread_id, context);
  return { speaker: AGENT, line: `Started ${name}` };
}

export function tellError(event: SessionEvent, context: TellContext): TranscriptEntry {
  const { type, message, retryStatus, server } = errorOf(event);
  const parts = [
    `Error ${code(type, context)}`,
    server !== undefined && `of MCP server ${code(server, context)}`,
    retryStatus !== undefined && `(${inline(retryStatus, context)})`,
  ].filter(Boolean);
  return { speaker: SESSION, line: parts.join(" "), ...quoted(message, context) };
}

/** Tells why a turn ended, where that is worth saying. */
export function tellStop(event: SessionEvent, context: TellContext): TranscriptEntry | undefined {
  const reason = stopReasonOf(event);
  if (!reason || reason.type === "end_turn" || reason.type === "requires_action") return undefined;
  return {
    speaker: SESSION,
    line: `The turn ended: ${code(reason.type, context)}`,
    ...quoted(reason.explanation, context),
  };
}

export function tellEnd(): TranscriptEntry {
  return { speaker: SESSION, line: "The session ended." };
}

export function tellOutcome(event: SessionEvent, context: TellContext): TranscriptEntry {
  const result = textOf(event.result);
  return {
    speaker: SESSION,
    line: `Outcome evaluated${result === undefined ? "" : `: ${code(result, context)}`}`,
    ...quoted(event.explanation, context),
  };
}

export function tellRun(event: SessionEvent, context: TellContext): TranscriptEntry {
  const name = textOf(event.name);
  const run = `workflow run${name === undefined ? "" : ` ${code(name, context)}`}`;
  if (event.type === "workflow_run.created") return { speaker: AGENT, line: `Started ${run}` };
  const { type, error } = fieldsOf(event.result) ?? {};
  const outcome = textOf(type);
  return {
    speaker: SESSION,
    line: `${capital(run)} ended${outcome === undefined ? "" : `: ${code(outcome, context)}`}`,
    ...quoted(fieldsOf(error)?.message, context),
  };
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function inline(name: string, { redact }: TellContext): string {
  return inlineMarkdown(redact(name), MAX_NAME_CHARS);
}

function code(name: string, { redact }: TellContext): string {
  return codeMarkdown(redact(name), MAX_NAME_CHARS);
}

/** Names a subagent by what the event says, or by its thread. */
function subagentNamed(name: unknown, threadId: unknown, context: TellContext): string {
  const known = textOf(name) ?? context.subagents.get(textOf(threadId) ?? "");
  return known === undefined ? "a subagent" : `subagent ${inline(known, context)}`;
}

/** Returns the agent, or the subagent whose thread the event names. */
function speakerOf(event: SessionEvent, context: TellContext): string {
  const threadId = textOf(event.session_thread_id) ?? "";
  return context.subagents.has(threadId)
    ? capital(subagentNamed(undefined, threadId, context))
    : AGENT;
}

function toolNameOf(event: SessionEvent | undefined, context: TellContext): string {
  return code((event && toolUseOf(event).name) ?? "unnamed", context);
}

/** Names the call that an event answers: by its tool, or by its id where it is not at hand. */
function answeredCall(event: SessionEvent, context: TellContext): string {
  const id = answeredToolUse(event);
  const use = id === undefined ? undefined : context.toolUses.get(id);
  if (use) return `tool ${toolNameOf(use, context)}`;
  return id === undefined ? "a tool call" : `tool call ${code(id, context)}`;
}

function stateOf(result: SessionEvent): string {
  const { length } = contentText(result.content);
  const chars = length + textLeftOutOf(result);
  const size = chars === 0 ? "" : `, ${chars} ${chars === 1 ? "character" : "characters"}`;
  return `${result.is_error === true ? "failed" : "done"}${size}`;
}

function queuedNote(event: SessionEvent): string {
  return isQueued(event) ? " (queued: not taken up yet)" : "";
}

function quoted(value: unknown, { redact }: TellContext): Pick<TranscriptEntry, "text"> {
  const text = textOf(value);
  return text === undefined ? {} : { text: redact(text) };
}

/** Returns what a message says, with what came with it. */
function said(
  event: SessionEvent,
  context: TellContext,
): Pick<TranscriptEntry, "text" | "attachments"> {
  const text = messageText(event);
  const leftOut = textLeftOutOf(event);
  const attachments = [
    ...leftOut > 0 ? [`${leftOut} more characters are left out: the event is too long.`] : [],
    ...isQueued(event) ? ["Queued: the agent has not taken it up yet."] : [],
    ...attachmentLines(event.content, context),
  ];
  return {
    ...(text !== "" && { text: context.redact(text) }),
    ...(attachments.length > 0 && { attachments }),
  };
}

/** Tells what a message carries beside its text: what it is, its title, and its id or address. */
function attachmentLines(content: unknown, context: TellContext): string[] {
  const titles = (entriesOf(content) ?? []).filter((block) => attachmentsIn([block]).length > 0)
    .map((block) => textOf(fieldsOf(block)?.title));
  const all = attachmentsIn(content);
  const lines = all.slice(0, MAX_ATTACHMENTS).map(({ type, url, fileId }, index) => {
    const title = titles[index];
    const source = fileId ?? (url === undefined ? undefined : clipText(url, MAX_NAME_CHARS));
    return [
      `With ${/^[aeiou]/.test(type) ? "an" : "a"} ${inline(type.replaceAll("_", " "), context)}:`,
      title !== undefined && inline(title, context),
      source !== undefined && code(source, context),
    ].filter(Boolean).join(" ").replace(/:$/, "");
  });
  const more = all.length - lines.length;
  return more > 0 ? [...lines, `With ${more} more.`] : lines;
}
