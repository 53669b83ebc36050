/**
 * Asks an agent in one call: opens a session or goes on with one, sends a message, and waits for the
 * end of the turn.
 *
 * A call that carries a person's answer is the second half of one that has done all of that: it only
 * takes up the answer and waits on.
 *
 * @module
 */

import { CallEnded, PartlyDoneError, ToolError } from "../core/errors.ts";
import type { CarriedAnswer } from "../session/person.ts";
import type { WaitResult } from "../session/result.ts";
import { answererOf } from "./answerer.ts";
import type { ToolCall } from "./define.ts";
import { describeBudget, makeSession } from "./new_session.ts";
import { MAX_MESSAGE_CHARS } from "./send_message.ts";
import { waitInCall } from "./waiting.ts";

/** What is asked, by the names of the arguments; the caller must be allowed to reach every id. */
export interface AskRequest {
  /** Name of the tool that was called: texts name it for going on. */
  readonly tool: string;
  /** Agent of a new session; beside `session_id`, the agent that the session must be of. */
  readonly agent_id?: string;
  /** Session to go on with; a new one when absent. */
  readonly session_id?: string;
  /** Text to send; without one the call only waits, for which it needs a session. */
  readonly message?: string;
  /** Only what came after this event counts towards the reply; only beside `session_id`. */
  readonly after_id?: string;
  /** Of a new session, as are the following. */
  readonly environment_id?: string;
  readonly title?: string;
  readonly max_cost_usd?: number;
}

/**
 * Opens a session or goes on with one, sends the message if there is one, and waits until the call's
 * deadline for the end of the turn.
 *
 * @throws `PartlyDoneError`, which names the session, for what fails after something was created or
 * sent; else `ToolError`, `ApiError`, `CallEnded`, or the signal's reason
 */
export async function askAgent(request: AskRequest, call: ToolCall): Promise<WaitResult> {
  const carried = await call.person?.carried?.();
  const { sessionId, done, note } = carried
    ? await sessionOf(carried, request, call)
    : await open(planOf(request), request.tool, call);
  const { tool: askTool, after_id: afterId } = request;
  try {
    const result = await waitInCall({ sessionId, afterId, askTool }, call);
    const next = [note, result.next].filter(Boolean).join(" ");
    return next === "" ? result : { ...result, next };
  } catch (error) {
    throw done === undefined
      ? error
      : withDone(error, `${done} The wait for the reply failed.`, call);
  }
}

/** What a request comes to. */
type Plan =
  | {
    readonly kind: "open";
    readonly agentId: string;
    readonly message: string;
    readonly environmentId?: string;
    readonly title?: string;
    readonly maxCostUsd?: number;
  }
  | {
    readonly kind: "go_on";
    readonly sessionId: string;
    readonly agentId?: string;
    /** Absent where the call only waits. */
    readonly message?: string;
  };

/** @throws `ToolError` `invalid_argument` for arguments that do not go together */
function planOf(request: AskRequest): Plan {
  const { agent_id: agentId, session_id: sessionId, message } = request;
  const { environment_id: environmentId, title, max_cost_usd: maxCostUsd } = request;
  if (sessionId !== undefined) {
    const extra = Object.entries({ environment_id: environmentId, title, max_cost_usd: maxCostUsd })
      .flatMap(([name, value]) => value === undefined ? [] : [name]);
    if (extra.length === 0) return { kind: "go_on", sessionId, agentId, message };
    throw invalid(`Only a new session takes ${extra.join(", ")}: leave that out, or session_id.`);
  }
  if (agentId === undefined) {
    throw invalid("agent_id is required for a new session, or session_id to go on with one.");
  }
  if (message === undefined) {
    throw invalid(`message is required: a text of 1 to ${MAX_MESSAGE_CHARS} characters.`);
  }
  if (request.after_id !== undefined) {
    throw invalid("after_id goes with session_id only: a new session has no events yet.");
  }
  return { kind: "open", agentId, message, environmentId, title, maxCostUsd };
}

function invalid(text: string): ToolError {
  return new ToolError("invalid_argument", text);
}

/** The session in which the turn is waited for. */
interface Opened {
  readonly sessionId: string;
  /** What stands already, for a call that fails from here on; absent where it has changed nothing. */
  readonly done?: string;
  /** What the caller should know beside the result. */
  readonly note?: string;
}

async function open(plan: Plan, tool: string, call: ToolCall): Promise<Opened> {
  return plan.kind === "open" ? await openNew(plan, tool, call) : await goOn(plan, tool, call);
}

async function goOn(
  { sessionId, agentId, message }: Extract<Plan, { kind: "go_on" }>,
  tool: string,
  call: ToolCall,
): Promise<Opened> {
  if (agentId !== undefined) {
    await call.services.access.checkSessionAgent(sessionId, agentId, call);
  }
  if (message === undefined) return { sessionId };
  await send(sessionId, message, call);
  return { sessionId, done: doneSo(sessionId, tool) };
}

async function openNew(
  plan: Extract<Plan, { kind: "open" }>,
  tool: string,
  call: ToolCall,
): Promise<Opened> {
  const { message, title } = plan;
  const made = await makeSession({
    agent_id: plan.agentId,
    environment_id: plan.environmentId,
    title,
    message,
    max_cost_usd: plan.maxCostUsd,
  }, call);
  const { session: { id: sessionId }, messageDropped } = made;
  if (messageDropped) {
    await send(sessionId, message, call).catch((error) => {
      const done = `Session "${sessionId}" was created, without the message. Go on with it by ` +
        `${tool} with session_id "${sessionId}". To send the message failed.`;
      throw withDone(error, done, call);
    });
  }
  return { sessionId, done: doneSo(sessionId, tool), note: describeBudget(made) };
}

async function send(sessionId: string, text: string, call: ToolCall): Promise<void> {
  const event = { type: "user.message", content: [{ type: "text", text }] } as const;
  await call.services.eventSender.send(sessionId, event, call.signal);
}

/** Says that the agent has the message, and how to go on without sending it again. */
function doneSo(sessionId: string, tool: string): string {
  return `The message was sent, in session "${sessionId}": do not send it again. To go on waiting, ` +
    `call ${tool} with session_id "${sessionId}" and no message.`;
}

/** Makes the error of a call that failed after it had done something. */
function withDone(cause: unknown, done: string, { signal }: ToolCall): unknown {
  // Nobody reads the error of a call that was cancelled.
  if (signal.aborted || cause instanceof CallEnded) return cause;
  return new PartlyDoneError("partly_done", done, { cause });
}

/**
 * Finds the session of the question that a call carries the answer to. Creates and sends nothing.
 *
 * @throws `ToolError` `unusable_answer` where the answer does not tell the session
 */
async function sessionOf(
  carried: CarriedAnswer,
  { agent_id: agentId, session_id: given, tool }: AskRequest,
  call: ToolCall,
): Promise<Opened> {
  const { access, answers } = call.services;
  if (given !== undefined) {
    return await goOn({ kind: "go_on", sessionId: given, agentId }, tool, call);
  }
  const { sessionId } = carried;
  if (sessionId !== undefined) {
    // What the caller may reach can have changed since the question.
    await access.checkSession(sessionId, call);
    return { sessionId, done: doneSo(sessionId, tool) };
  }
  if (carried.kind === "invalid") {
    answers.drop(carried, { ...answererOf(call), channel: call.person?.channel ?? "form" });
  }
  throw new ToolError(
    "unusable_answer",
    (has) =>
      "This call carries the answer to a question, and the answer cannot be used: nothing was " +
      `created or sent. The session of the question goes on${
        has("list_sessions") ? ", and list_sessions shows it" : ""
      }: call ${tool} with its session_id and no message.`,
  );
}
