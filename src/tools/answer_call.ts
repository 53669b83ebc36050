/**
 * Answers a tool call that a session waits for: what `confirm_tool_use`, `submit_tool_result` and
 * `answer_tool_use` have in common.
 *
 * @module
 */

import type { AttachmentBlock } from "../api/types.ts";
import { ToolError } from "../core/errors.ts";
import { label } from "../core/text.ts";
import type { Outcome } from "../session/answer_sender.ts";
import { readAskedCalls } from "../session/asked_calls.ts";
import { consoleUrlOf } from "../session/console_url.ts";
import { isDefaultTool } from "../session/pending_actions.ts";
import type { AskedCall, Decision, ShownCall } from "../session/person.ts";
import { answererOf } from "./answerer.ts";
import type { ToolCall } from "./define.ts";

/** An answer to a tool call. */
export interface CallAnswer {
  readonly sessionId: string;
  /** Id of the event of the call. */
  readonly eventId: string;
  /** Kind of calls that the tool answers. */
  readonly kind: AskedCall["kind"];
  readonly decision: Decision;
  /** Name of the tool that answers, for the audit log. */
  readonly channel: string;
  /** Throws where the call must not get this answer. */
  readonly check?: (asked: AskedCall) => void;
}

/** What became of an answer. */
export interface CallAnswered {
  /**
   * `sent`; `repeated` the same answer was there before; `answered_elsewhere` another answer was
   * first; `unknown` the API's response was lost. Nothing is sent a second time.
   */
  readonly outcome: "sent" | "repeated" | "answered_elsewhere" | "unknown";
  /** What can be done now. */
  readonly next: string;
}

/**
 * Sends an answer to a call that waits for one, at most once.
 *
 * @throws `ToolError` `not_waiting` when no such call waits, with the same text for every event id
 * that is none; what `check` throws; `ApiError`; the signal's reason
 */
export async function answerCall(answer: CallAnswer, call: ToolCall): Promise<CallAnswered> {
  const { sessionId, eventId, kind } = answer;
  const { signal, services: { api, redact } } = call;
  const calls = await readAskedCalls(api, sessionId, redact, { signal });
  const asked = calls.waiting.find((waiting) => waiting.eventId === eventId);
  if (asked && asked.kind !== kind) throw otherKind(asked, call);
  if (asked) answer.check?.(asked);
  // An answer to a call that does not wait goes the same way: nothing is sent, and the sender finds
  // out whether another one was first, and logs that there was this one.
  const shown = asked ?? { kind, eventId, digest: "" };
  return answered(await sendAnswer(shown, answer, call), answer, call);
}

/**
 * Sends an answer to a call as a person was shown it, at most once.
 *
 * @throws `ApiError` where the API refused it; the signal's reason
 */
export async function sendAnswer(
  shown: ShownCall,
  { sessionId, decision, channel }: Pick<CallAnswer, "sessionId" | "decision" | "channel">,
  call: ToolCall,
): Promise<Exclude<Outcome, { readonly kind: "failed" }> | undefined> {
  const { signal, services: { answers } } = call;
  const by = { ...answererOf(call), channel };
  const [outcome] = await answers.send(sessionId, [{ shown, decision }], by, signal);
  if (outcome?.kind === "failed") throw outcome.error;
  return outcome;
}

/**
 * Returns a person's decision on a call.
 *
 * @throws `ToolError` `invalid_argument` for a reason beside `allow`
 */
export function confirmationOf(
  result: "allow" | "deny",
  deny_message: string | undefined,
): Decision {
  if (result === "deny") {
    return { result, ...(deny_message !== undefined && { reason: deny_message }) };
  }
  if (deny_message === undefined) return { result };
  throw new ToolError(
    "invalid_argument",
    'deny_message goes with result "deny" only. Nothing was sent: leave it out, or deny.',
  );
}

/**
 * Returns the result of a custom tool.
 *
 * @param pass names the arguments that can hold something, for the error
 * @throws `ToolError` `invalid_argument` for one without any content
 */
export function toolResultOf(
  { text = "", attachments = [], is_error = false }: {
    readonly text?: string;
    readonly attachments?: readonly AttachmentBlock[];
    readonly is_error?: boolean;
  },
  pass: string,
): Decision {
  if (text !== "" || attachments.length > 0 || is_error) {
    return { result: "answer", text, attachments, isError: is_error };
  }
  throw new ToolError(
    "invalid_argument",
    `The result has no content, so nothing was sent: pass ${pass}, or is_error true.`,
  );
}

/**
 * Checks that a person could have seen what they allow.
 *
 * @throws `ToolError` `input_not_shown`
 */
export function checkShown(
  sessionId: string,
  { eventId, mayAllow }: Pick<AskedCall, "eventId" | "mayAllow">,
  call: ToolCall,
): void {
  if (mayAllow) return;
  throw new ToolError(
    "input_not_shown",
    "Too little of this call's input can be shown, so it cannot be allowed here, " +
      `and nothing was sent. A person can deny it here, or read and allow it ` +
      `${inConsole({ sessionId, eventId }, call)}.`,
  );
}

function answered(
  outcome: Awaited<ReturnType<typeof sendAnswer>>,
  answer: CallAnswer,
  call: ToolCall,
): CallAnswered {
  switch (outcome?.kind) {
    case "sent":
      return { outcome: "sent", next: waitNext(call) };
    case "repeated":
      return {
        outcome: "repeated",
        next: `The call had the same answer already, and it was not sent again. ${waitNext(call)}`,
      };
    case "answered_elsewhere":
      return {
        outcome: "answered_elsewhere",
        next: `Another answer came first, and this one does not count. ${waitNext(call)}`,
      };
    case "unknown":
      return {
        outcome: "unknown",
        next: "The API's response was lost. The answer may have arrived, and is not sent again. " +
          `${waitNext(call)} If the call waits even then, a person can answer it ` +
          `${inConsole(answer, call)}.`,
      };
    case "changed":
      throw new ToolError(
        "changed",
        `The call under event_id "${answer.eventId}" is no longer the one that was read. Nothing ` +
          "was sent: read what waits, ask again, and call again.",
      );
    default:
      throw notWaiting(answer, call);
  }
}

/** Returns true if the caller may call the tool: texts name no other. */
function has({ has = isDefaultTool }: ToolCall, tool: string): boolean {
  return has(tool);
}

function waitNext(call: ToolCall): string {
  return has(call, "wait_for_idle")
    ? "Call wait_for_idle for what the agent does next."
    : "The agent goes on when every call of the turn has its answer.";
}

/** Returns where a person can read the whole call, and answer it. */
export function inConsole(
  { sessionId, eventId }: Pick<CallAnswer, "sessionId" | "eventId">,
  { services: { consoleUrl } }: ToolCall,
): string {
  return consoleUrl === undefined
    ? "in the Console"
    : `in the Console: ${consoleUrlOf(consoleUrl, sessionId, eventId)}`;
}

/** Words for the kinds of calls. */
const WAITS_FOR: Readonly<Record<AskedCall["kind"], string>> = {
  tool_confirmation: "a person's decision",
  custom_tool_result: "the result of a custom tool",
};

/** Reads the same for every event that is no such call, whether it exists or not. */
function notWaiting({ eventId, kind }: CallAnswer, call: ToolCall): ToolError {
  const listed = has(call, "get_session")
    ? " pending_actions of get_session lists what waits, and who can answer it."
    : "";
  return new ToolError(
    "not_waiting",
    `No tool call of this session waits for ${WAITS_FOR[kind]} under event_id "${eventId}", so ` +
      `nothing was sent: there is no such call, it has ended, or it asks for none.${listed}`,
  );
}

/** The tool that answers calls of each kind. */
const ANSWERED_BY: Readonly<Record<AskedCall["kind"], string>> = {
  tool_confirmation: "confirm_tool_use",
  custom_tool_result: "submit_tool_result",
};

function otherKind({ eventId, kind, tool }: AskedCall, call: ToolCall): ToolError {
  const other = ANSWERED_BY[kind];
  return new ToolError(
    "other_kind",
    `The call under event_id "${eventId}", of ${label(tool)}, waits for ${WAITS_FOR[kind]}, so ` +
      `nothing was sent${has(call, other) ? `: use ${other}` : ""}.`,
  );
}
