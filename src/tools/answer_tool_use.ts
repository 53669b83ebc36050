import * as z from "zod";
import { openProof, type ProvenCall } from "../access/proofs.ts";
import { ToolError } from "../core/errors.ts";
import { label } from "../core/text.ts";
import { COULD_NOT_DO_IT, MAX_REASON_CHARS } from "../session/answer_sender.ts";
import type { Decision } from "../session/person.ts";
import {
  type ToolUseAnswer,
  type ToolUseAnswered,
  WRONG_PROOF,
} from "../session/watched_session.ts";
import { checkShown, confirmationOf, sendAnswer, toolResultOf } from "./answer_call.ts";
import { answererOf } from "./answerer.ts";
import { ANY_EFFECT, defineTool, type ToolCall, type ToolDefinition } from "./define.ts";
import { eventIdSchema, idSchema } from "./ids.ts";
import { MAX_MESSAGE_CHARS } from "./send_message.ts";

/** Name of the way on which answers come, for the audit log and the metrics. */
const CHANNEL = "view";

/** `answer_tool_use`: sends what a person has decided in the session view. */
export const answerToolUse: ToolDefinition = defineTool({
  name: "answer_tool_use",
  title: "Answer a tool call",
  description: "For the session view: sends what the person there decided on a tool call.",
  scope: "actions",
  kind: "call",
  reaches: { session_id: "session" },
  annotations: ANY_EFFECT,
  view: "app_only",
  input: () =>
    z.strictObject({
      session_id: idSchema(),
      event_id: eventIdSchema("Of the call"),
      // Bounded where it is opened: there too long a one reads like every other wrong one.
      proof: z.string(),
      result: z.enum(["allow", "deny", "answer"]),
      deny_message: z.string().max(MAX_REASON_CHARS).optional(),
      text: z.string().max(MAX_MESSAGE_CHARS).optional(),
      is_error: z.boolean().optional(),
    }),
  output: () =>
    z.object({
      session_id: z.string(),
      event_id: z.string(),
      result: z.enum(["allow", "deny", "answer"]),
      outcome: z.enum(["sent", "repeated", "answered_elsewhere", "changed", "gone", "unknown"]),
    }),
  async run(answer, call): Promise<ToolUseAnswered> {
    const { session_id, event_id, result } = answer;
    const decision = decisionOf(answer);
    const shown = await provenCall(answer, call);
    checkFits(shown, result, call);
    if (result === "allow") checkShown(session_id, shown, call);
    const outcome = await sendAnswer(
      shown,
      { sessionId: session_id, decision, channel: CHANNEL },
      call,
    );
    return { session_id, event_id, result, outcome: outcomeOf(outcome, call) };
  },
});

/** @throws `ToolError` `invalid_argument` for arguments that do not go together */
function decisionOf({ result, deny_message, text, is_error }: Decided): Decision {
  const odd = result === "answer"
    ? deny_message !== undefined && "deny_message"
    : (text !== undefined && "text") || (is_error !== undefined && "is_error");
  if (odd) {
    const fitting = odd === "deny_message" ? "deny" : "answer";
    throw new ToolError(
      "invalid_argument",
      `${odd} goes with result "${fitting}" only. Nothing was sent: leave it out.`,
    );
  }
  if (result !== "answer") return confirmationOf(result, deny_message);
  const isUnexplained = is_error && (text ?? "") === "";
  return toolResultOf({ text: isUnexplained ? COULD_NOT_DO_IT : text, is_error }, "text");
}

type Decided = Pick<ToolUseAnswer, "result" | "deny_message" | "text" | "is_error">;

/**
 * Returns the call that the proof is for, as it was shown.
 *
 * @throws `ToolError` `wrong_proof`, the same for every proof that does not count
 */
async function provenCall(
  { session_id: sessionId, event_id: eventId, proof }: ToolUseAnswer,
  call: ToolCall,
): Promise<ProvenCall> {
  const { services } = call;
  const opened = await openProof(services, call, { sessionId, eventId }, proof);
  if (opened.kind === "valid") return opened.call;
  services.answers.drop(opened, { ...answererOf(call), channel: CHANNEL }, sessionId);
  throw new ToolError(
    "wrong_proof",
    `${WRONG_PROOF}, or its ten minutes are over, so nothing was sent. ` +
      "Read the session again, and answer with the proof that comes with the call.",
  );
}

/** Checks that a call takes an answer of this kind from the person at the view. */
function checkFits(
  { kind, eventId }: ProvenCall,
  result: ToolUseAnswer["result"],
  call: ToolCall,
): void {
  const isCustom = kind === "custom_tool_result";
  if (isCustom !== (result === "answer")) {
    throw new ToolError(
      "other_kind",
      `The call under event_id "${label(eventId)}" takes ${
        isCustom ? 'result "answer"' : 'result "allow" or "deny"'
      } only, so nothing was sent.`,
    );
  }
  if (isCustom && !call.services.askCustomTools) {
    throw new ToolError(
      "not_asked",
      "People are not asked for the results of custom tools here, so nothing was sent: the program " +
        "that provides the tool answers.",
    );
  }
}

/** @throws `ToolError` where the caller has lost the right to act meanwhile */
function outcomeOf(
  outcome: Awaited<ReturnType<typeof sendAnswer>>,
  { principal }: ToolCall,
): ToolUseAnswered["outcome"] {
  if (outcome?.kind !== "dropped") return outcome?.kind ?? "gone";
  throw new ToolError(
    "missing_scope",
    principal?.person
      ? "You no longer have the scope actions, so nothing was sent. Ask the operator for it."
      : "Your token no longer has the scope actions, so nothing was sent. Ask the operator for one " +
        "that has it.",
  );
}
