/**
 * Scripts, which play an agent in a turn: generators of steps, which are data. The turn's engine
 * performs a step and returns its result to the script.
 *
 * @module
 */

import type { Mount } from "./session.ts";
import type { EventBody, WireObject } from "./wire.ts";

/** The result of a tool call, or a person's decision about it. */
export interface Answer {
  /** True where a confirmation allowed the call, and for results. */
  readonly allowed: boolean;
  /** The reason of a denial, or the text of a result. */
  readonly text: string;
  /** True for a result that reports a failure. */
  readonly isError?: boolean;
}

/** One thing that an agent does. */
export type Step =
  /** Lets time pass, in milliseconds. */
  | { readonly do: "wait"; readonly ms: number }
  /** Adds an event to the session. */
  | { readonly do: "emit"; readonly event: EventBody }
  /** Writes a file to the session's outputs. */
  | { readonly do: "write"; readonly filename: string; readonly content: Uint8Array<ArrayBuffer> }
  /** Goes idle until each of these tool calls has its answer, then continues. */
  | { readonly do: "ask"; readonly eventIds: readonly string[] }
  /** Goes idle at the budget until that is raised or removed, then continues. */
  | { readonly do: "reach_budget" }
  /** Waits to be rescheduled, as after a failure of the machine; then continues. */
  | { readonly do: "reschedule"; readonly ms: number }
  /** Goes idle with the turn unfinished, as while a workflow run is open. */
  | { readonly do: "pause" }
  /** Continues after a pause. */
  | { readonly do: "resume" }
  /** Ends the turn with this reason; without this step a turn ends with `end_turn`. */
  | { readonly do: "end"; readonly stopReason: string; readonly stopDetails?: WireObject }
  /** Ends the session. */
  | { readonly do: "terminate" };

/** The result of a step. */
export interface StepResult {
  /** Id of the event that was added. */
  readonly eventId: string;
  /** Every answer of this turn so far, by the id of the tool call. */
  readonly answers: ReadonlyMap<string, Answer>;
}

/** A generator of steps that returns a value. */
export type Steps<T = void> = Generator<Step, T, StepResult>;

/** The turn that a script plays. */
export interface ScriptedTurn {
  /** Text of the message that started it. */
  readonly text: string;
  readonly agentName: string;
  /** The session's agent as the API shows it. */
  readonly agent: WireObject;
  readonly primaryThreadId: string;
  /** Files that are mounted into the session. */
  readonly mounts: readonly Pick<Mount, "path" | "content">[];
  /** Returns the outcome whose evaluation comes next, and its revision cycle. */
  readonly nextEvaluation: () => { readonly outcome_id: string; readonly iteration: number };
  /** Returns the thread of a subagent, by its name; undefined when the session has none yet. */
  readonly threadOf: (subagentName: string) => string | undefined;
  /** Makes an id such as `wrun_…`. */
  readonly makeId: (prefix: string) => string;
}

/** A scripted agent. */
export type Script = (turn: ScriptedTurn) => Steps;

/** Lets `ms` milliseconds pass. */
export function* wait(ms: number): Steps {
  yield { do: "wait", ms };
}

/** Adds an event; returns its id. */
export function* emit(type: string, fields: WireObject = {}): Steps<string> {
  return (yield { do: "emit", event: { ...fields, type } }).eventId;
}

/** Makes a content of one text block. */
export function textContent(text: string): readonly WireObject[] {
  return [{ type: "text", text }];
}

/** Adds a message of the agent. */
export function* say(text: string): Steps {
  yield* emit("agent.message", { content: textContent(text) });
}

/** Plays a model request of `ms` milliseconds, in which the agent does `body`. */
export function* think<T>(ms: number, body: () => Steps<T>): Steps<T> {
  const startId = yield* emit("span.model_request_start");
  yield* wait(ms);
  const outcome = yield* body();
  yield* emit("span.model_request_end", {
    model_request_start_id: startId,
    is_error: null,
    model_usage: modelUsage(1200, 80),
  });
  return outcome;
}

/** The retry status of an error: what the session does about it. */
export type RetryStatus = "retrying" | "exhausted" | "terminal";

const OVERLOADED = {
  type: "model_overloaded_error",
  message: "The simulated model is overloaded.",
};

/**
 * Plays a model request that fails after `ms` milliseconds.
 *
 * @param error fields of the error beside its retry status
 */
export function* failToThink(
  ms: number,
  retry: RetryStatus,
  error: WireObject = OVERLOADED,
): Steps {
  const startId = yield* emit("span.model_request_start");
  yield* wait(ms);
  yield* emit("span.model_request_end", {
    model_request_start_id: startId,
    is_error: true,
    model_usage: modelUsage(0, 0),
  });
  yield* fail(retry, error);
}

/**
 * Reports an error of the session.
 *
 * @param error its fields beside the retry status
 */
export function* fail(retry: RetryStatus, error: WireObject): Steps {
  yield* emit("session.error", { error: { ...error, retry_status: { type: retry } } });
}

/** Makes the usage of a model request. */
export function modelUsage(input: number, output: number): WireObject {
  return {
    input_tokens: input,
    output_tokens: output,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
  };
}

/** Options of {@linkcode toolUse}. */
export interface ToolUseOptions {
  /** The MCP server that has the tool; one of the agent's own tools when absent. */
  readonly server?: string;
  /** The thread of the subagent that makes the call; the primary one when absent. */
  readonly threadId?: string;
}

/**
 * Calls a tool; returns the event's id.
 *
 * @param permission result of the tool's policy, or the event's fields that state it
 */
export function toolUse(
  name: string,
  input: WireObject,
  permission: "allow" | "ask" | WireObject = "allow",
  options: ToolUseOptions = {},
): Steps<string> {
  const { server, threadId = null } = options;
  const evaluated = typeof permission === "string"
    ? { evaluated_permission: permission, evaluation: { type: `always_${permission}` } }
    : permission;
  const fields = { input, ...evaluated, session_thread_id: threadId };
  return server === undefined
    ? emit("agent.tool_use", { name, ...fields })
    : emit("agent.mcp_tool_use", { name, mcp_server_name: server, ...fields });
}

/**
 * Adds the result of a tool call.
 *
 * @param ofServer true where the tool is one of an MCP server
 */
export function* toolResult(
  toolUseId: string,
  text: string,
  isError = false,
  ofServer = false,
): Steps {
  const result = { content: textContent(text), is_error: isError };
  yield* ofServer
    ? emit("agent.mcp_tool_result", { mcp_tool_use_id: toolUseId, ...result })
    : emit("agent.tool_result", { tool_use_id: toolUseId, ...result });
}

/** Waits for the answers to these tool calls; returns them in the same order. */
export function* askFor(...eventIds: string[]): Steps<Answer[]> {
  const { answers } = yield { do: "ask", eventIds };
  return eventIds.map((id) => answers.get(id) ?? { allowed: false, text: "" });
}
