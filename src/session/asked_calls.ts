/**
 * Reads the tool calls that a session waits for an answer to, as a person is to see them.
 *
 * An agent chooses the input of a call, and could hide in it what runs. So each character of what is
 * shown is visible, and of a call that is shown too little of it is known that it cannot be allowed.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import { inputJsonOf, type SessionEvent, toolUseDigest, toolUseOf } from "../api/events.ts";
import { hiddenOf, leftOutOf } from "../api/json.ts";
import type { CallOptions, ManagedAgentsApi } from "../api/types.ts";
import { hiddenChars, type Redact } from "../core/redact.ts";
import { clipMiddle, escapeUnseen } from "../core/text.ts";
import { readBackToCalls, waitingCallIds } from "./event_status.ts";
import { readEvent, typesIn } from "./event_types.ts";
import { shownName } from "./pending_actions.ts";
import type { AskedCall } from "./person.ts";
import { turnOf } from "./turn.ts";
import { isDead } from "./verdict.ts";

/** Characters that are shown of the beginning, and of the end, of an input. */
const HEAD_CHARS = 1_500;
const TAIL_CHARS = 500;
/** With more characters than this left out of an input, nobody can allow its call. */
const MAX_UNSEEN_CHARS = 2_000;

/** Longest time for reading the session, in milliseconds: a person can decide without. */
const SESSION_TIMEOUT_MS = 5_000;

/** The calls of a session, as its newest events show them. */
export interface AskedCalls {
  /** The calls that wait for an answer, in the order in which they block. */
  readonly waiting: readonly AskedCall[];
  /** The event of each answer, by the id of its call. */
  readonly answers: ReadonlyMap<string, SessionEvent>;
  /** Names of the tools of all calls among the events, as a person sees them, by the call's id. */
  readonly tools: ReadonlyMap<string, string>;
}

const TYPES = [...typesIn("status"), ...typesIn("subagents")];

/**
 * Reads the calls that wait for a person's decision, or for the result of a custom tool. A call that
 * waits although no policy lets it ask is left out.
 *
 * @param redact hides secrets in all that is shown
 * @throws `ApiError`; the signal's reason
 */
export async function readAskedCalls(
  api: Pick<ManagedAgentsApi, "events">,
  sessionId: string,
  redact: Redact,
  options: CallOptions,
): Promise<AskedCalls> {
  const events = await readBackToCalls(api, sessionId, { types: TYPES }, options);
  const newestFirst = events.map(readEvent);
  const turn = turnOf(newestFirst.toReversed());
  const calls = new Map<string, SessionEvent>();
  const answers = new Map<string, SessionEvent>();
  const subagents = new Map<string, string>();
  for (const [index, event] of newestFirst.entries()) {
    const wire = events[index];
    if (event.kind === "thread" && event.threadId !== undefined) {
      subagents.set(event.threadId, event.agentName ?? event.threadId);
    }
    // Only the first answer to a call counts.
    if (wire && event.kind === "input" && event.answers !== undefined) {
      answers.set(event.answers, wire);
    }
    if (wire && event.kind === "tool_use" && event.id !== undefined) calls.set(event.id, wire);
  }
  const waiting = waitingCallIds(turn, newestFirst).flatMap((id) => {
    const call = calls.get(id);
    const kind = call && kindOf(call);
    return kind ? [askedCall(id, kind, call, subagents, redact)] : [];
  });
  return {
    waiting,
    answers,
    tools: new Map([...calls].map(([id, call]) => [id, toolName(call, redact)])),
  };
}

/** A session whose calls a person is to be asked about. */
export interface AskingSession {
  /** Name of its agent, as a person sees it; absent where it is not known. */
  readonly agent?: string;
  /** True if it takes no answer any more. */
  readonly isDead: boolean;
}

/**
 * Reads a session before a person is asked. The events of one that was archived do not say so.
 *
 * @param redact hides secrets in the name
 * @returns a living session without a name where it cannot be read
 * @throws the signal's reason
 */
export async function readAskingSession(
  api: Pick<ManagedAgentsApi, "sessions">,
  sessionId: string,
  redact: Redact,
  { signal }: { readonly signal: AbortSignal },
): Promise<AskingSession> {
  try {
    const options = { signal, timeoutMs: SESSION_TIMEOUT_MS, retry: false };
    const { agent, status = "", archived_at } = await api.sessions.retrieve(sessionId, options);
    const name = typeof agent === "object" ? agent?.name : undefined;
    return {
      ...(typeof name === "string" && name !== "" && { agent: nameShown(name, redact) }),
      isDead: isDead({ status, archived: Boolean(archived_at) }),
    };
  } catch (error) {
    if (signal.aborted || !(error instanceof ApiError)) throw error;
    return { isDead: false };
  }
}

/** Returns the kind of answer that a call may get; undefined where no policy lets it ask. */
function kindOf(call: SessionEvent): AskedCall["kind"] | undefined {
  if (call.type === "agent.custom_tool_use") return "custom_tool_result";
  return toolUseOf(call).permission === "ask" ? "tool_confirmation" : undefined;
}

function askedCall(
  eventId: string,
  kind: AskedCall["kind"],
  call: SessionEvent,
  subagents: ReadonlyMap<string, string>,
  redact: Redact,
): AskedCall {
  const { server, input, threadId } = toolUseOf(call);
  const json = inputJsonOf(call);
  const text = json ?? "(nested too deeply to be shown)";
  const redacted = redact.thorough(text);
  const shown = clipMiddle(escapeUnseen(redacted), HEAD_CHARS, TAIL_CHARS);
  // Characters of a large event are left out as it comes in, and what may be a secret is hidden then
  // and here: nobody has seen them.
  const hidden = hiddenOf(call);
  const leftOut = shown.leftOut + leftOutOf(call) + (hidden?.chars ?? 0) +
    hiddenChars(text, redacted);
  const subagent = threadId === undefined ? undefined : subagents.get(threadId) ?? threadId;
  return {
    kind,
    eventId,
    ...(subagent !== undefined && { subagent: nameShown(subagent, redact) }),
    tool: toolName(call, redact),
    ...(server !== undefined && { server: nameShown(server, redact) }),
    input: shown.text,
    leftOut,
    mayAllow: json !== undefined && leftOut <= MAX_UNSEEN_CHARS && !hasInexactNumber(input),
    digest: hidden?.digest ?? toolUseDigest(call, json),
  };
}

function toolName(call: SessionEvent, redact: Redact): string {
  return nameShown(toolUseOf(call).name ?? "a tool without a name", redact);
}

function nameShown(name: string, redact: Redact): string {
  return shownName(redact.thorough(name));
}

/**
 * Returns true if a value that can be written as JSON has a number which may be another one than came:
 * beyond 2^53, numbers of JavaScript have gaps.
 */
function hasInexactNumber(value: unknown): boolean {
  if (typeof value === "number") return Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return typeof value === "object" && value !== null && Object.values(value).some(hasInexactNumber);
}
