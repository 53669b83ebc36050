/**
 * The lines of the Script agent that call tools:
 *
 * ```text
 * tool bash ls -1
 * ask bash rm -r build
 * and ask bash git push
 * ask crm/delete_customer {"id":7}
 * as Researcher ask bash curl example.com
 * as Researcher say Nothing to report.
 * await bash ls -1
 * custom get_weather {"city":"Lisbon"}
 * ```
 *
 * `as` and a name with `say` let a subagent report to the agent.
 *
 * A call takes the name of a tool and an input: a JSON object, or the text of its field `input`. A
 * name with a slash is a tool of an MCP server. `as` and a name let a subagent make the call, and
 * `and` makes it at the same time as the call on the line before: the turn then waits for all of
 * them at once.
 *
 * @module
 */

import {
  type Answer,
  askFor,
  emit,
  say,
  type ScriptedTurn,
  type Steps,
  textContent,
  toolResult,
  toolUse,
} from "../script.ts";
import { isWireObject, type WireObject } from "../wire.ts";
import { excerpt } from "./quick.ts";

/** Says how a call is treated: `tool` runs at once, each of the others waits for its answer. */
type CallKind = "tool" | "ask" | "await" | "custom";

/** A call that a line asks for. */
export interface DirectedCall {
  readonly kind: CallKind;
  readonly name: string;
  /** The MCP server that has the tool. */
  readonly server?: string;
  readonly input: WireObject;
  /** The subagent that makes the call. */
  readonly subagent?: string;
}

const LINE = /^(?:as ("(?:[^"\\]|\\.)*"|\S+) +)?(tool|ask|await|custom)\s+(\S+)\s*(.*)$/s;

/** Reads a line that calls a tool; returns undefined for any other line. */
export function parseCall(line: string): DirectedCall | undefined {
  const [, by, word, name = "", rest = ""] = LINE.exec(line) ?? [];
  const kind = kindOf(word);
  const subagent = by === undefined ? undefined : unquoted(by);
  // What a subagent does without asking stands on its own thread only.
  if (!kind || (by !== undefined && (kind === "tool" || subagent === undefined))) return undefined;
  const [, server, tool] = /^([^/]+)\/(.+)$/.exec(name) ?? [];
  const ofServer = server !== undefined && tool !== undefined && kind !== "custom" &&
    kind !== "await";
  return {
    kind,
    name: ofServer ? tool : name,
    input: inputOf(rest),
    ...(ofServer && { server }),
    ...(subagent !== undefined && { subagent }),
  };
}

function kindOf(word: string | undefined): CallKind | undefined {
  const kinds = ["tool", "ask", "await", "custom"] as const;
  return kinds.find((kind) => kind === word);
}

function unquoted(name: string): string | undefined {
  const value = name.startsWith('"') ? parseJson(name) : name;
  return typeof value === "string" && value !== "" ? value : undefined;
}

function inputOf(text: string): WireObject {
  const value = text.startsWith("{") ? parseJson(text) : undefined;
  return isWireObject(value) && !isTooDeep(value) ? value : { input: text };
}

/** Most levels of an input: deeper ones could not be written into a response. */
const MAX_LEVELS = 1_000;

function isTooDeep(value: unknown): boolean {
  let level = [value];
  for (let count = 0; level.length > 0; count++) {
    if (count > MAX_LEVELS) return true;
    level = level.flatMap((one) =>
      typeof one === "object" && one !== null ? Object.values(one) : []
    );
  }
  return false;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A call that was made. */
interface MadeCall extends DirectedCall {
  readonly id: string;
  /** The subagent's thread. */
  readonly threadId: string | undefined;
}

/** Makes these calls, waits for the answers to those that need one, and adds the results. */
export function* makeCalls(calls: readonly DirectedCall[], turn: ScriptedTurn): Steps {
  const started = new Map<string, string>();
  const made: MadeCall[] = [];
  for (const call of calls) {
    const threadId = call.subagent === undefined
      ? undefined
      : started.get(call.subagent) ?? (yield* startSubagent(call.subagent, turn));
    if (call.subagent !== undefined && threadId !== undefined) started.set(call.subagent, threadId);
    made.push({ ...call, threadId, id: yield* makeCall(call, threadId) });
  }
  for (const call of made) if (call.kind === "tool") yield* addResult(call);
  const open = made.filter(({ kind }) => kind !== "tool");
  if (open.length === 0) return;
  const answers = yield* askFor(...open.map(({ id }) => id));
  for (const [index, call] of open.entries()) yield* finish(call, answers[index], turn);
  for (const [name, threadId] of started) yield* endSubagent(name, threadId);
}

const REPORT = /^as ("(?:[^"\\]|\\.)*"|\S+) +say\s+(.+)$/s;

/** Reads a line by which a subagent reports; returns undefined for any other line. */
export function parseReport(line: string): { subagent: string; text: string } | undefined {
  const [, by, text] = REPORT.exec(line) ?? [];
  const subagent = by === undefined ? undefined : unquoted(by);
  return subagent === undefined || text === undefined ? undefined : { subagent, text };
}

/** Lets a subagent work and report. */
export function* report(
  { subagent, text }: { readonly subagent: string; readonly text: string },
  turn: ScriptedTurn,
): Steps {
  const threadId = yield* startSubagent(subagent, turn);
  yield* tellSession(subagent, threadId, text);
  yield* endSubagent(subagent, threadId);
}

/** Sends what a subagent has to say to the session's own thread. */
function* tellSession(name: string, threadId: string, text: string): Steps {
  yield* emit("agent.thread_message_received", {
    from_session_thread_id: threadId,
    from_agent_name: name,
    content: textContent(text),
  });
}

/** Lets a subagent begin to work; returns its thread, a new one where it has none yet. */
function* startSubagent(agent_name: string, turn: ScriptedTurn): Steps<string> {
  const known = turn.threadOf(agent_name);
  const session_thread_id = known ?? turn.makeId("sthr");
  const thread = { session_thread_id, agent_name };
  if (!known) yield* emit("session.thread_created", { ...thread, workflow_run_id: null });
  yield* emit("session.thread_status_running", thread);
  yield* emit("agent.thread_message_sent", {
    to_session_thread_id: session_thread_id,
    to_agent_name: agent_name,
    content: textContent("Simulated task."),
  });
  return session_thread_id;
}

function* endSubagent(agent_name: string, session_thread_id: string): Steps {
  const stop = { stop_reason: { type: "end_turn" }, stop_details: null };
  yield* emit("session.thread_status_idle", { session_thread_id, agent_name, ...stop });
}

function* makeCall(call: DirectedCall, threadId: string | undefined): Steps<string> {
  const { kind, name, server, input } = call;
  const session_thread_id = threadId ?? null;
  if (kind === "custom") {
    return yield* emit("agent.custom_tool_use", { name, input, session_thread_id });
  }
  const permission = kind === "ask" ? "ask" : "allow";
  return yield* toolUse(name, input, permission, { server, threadId });
}

/** Does what follows an answer: the call's result, or the words of who made the call. */
function* finish(call: MadeCall, answer: Answer | undefined, turn: ScriptedTurn): Steps {
  const { kind, name, subagent, threadId } = call;
  if (threadId === undefined && kind === "ask") return yield* addResult(call, answer);
  if (threadId === undefined && kind === "await") return;
  const given = excerpt(answer?.text ?? "", 200);
  const outcome = kind === "ask"
    ? `${name} was ${answer?.allowed ? "allowed" : "denied"}. ${given}`.trim()
    : `${name} ${answer?.isError ? "failed" : "gave"}: ${given}`;
  if (threadId === undefined) return yield* say(outcome);
  yield* tellSession(subagent ?? turn.agentName, threadId, outcome);
}

/** Adds the result of a call that runs on the agent's side. */
function* addResult(call: MadeCall, answer?: Answer): Steps {
  const denied = answer !== undefined && !answer.allowed;
  const text = denied ? `Denied. ${answer.text}`.trim() : "Simulated result.";
  yield* toolResult(call.id, text, denied, call.server !== undefined);
}
