import * as z from "zod";
import { answerCall, toolResultOf } from "./answer_call.ts";
import { ATTACHMENT_REACHES, attachmentShape, attachmentsOf } from "./attachments.ts";
import { defineTool, SENDS, type ToolDefinition } from "./define.ts";
import { eventIdSchema, idSchema } from "./ids.ts";
import { MAX_MESSAGE_CHARS } from "./send_message.ts";

/** `submit_tool_result`: sends the result of a custom tool. */
export const submitToolResult: ToolDefinition = defineTool({
  name: "submit_tool_result",
  title: "Submit the result of a custom tool",
  description: "Send the result of a custom tool that the session waits for. Pass what the tool " +
    "gave: text, images or documents, or is_error with the reason. Each call gets one result. " +
    "Then call wait_for_idle.",
  scope: "actions",
  kind: "call",
  reaches: { session_id: "session", ...ATTACHMENT_REACHES },
  annotations: SENDS,
  input: () =>
    z.strictObject({
      session_id: idSchema(),
      event_id: eventIdSchema("As in pending_actions"),
      text: z.string().max(MAX_MESSAGE_CHARS).optional(),
      ...attachmentShape(),
      is_error: z.boolean().optional(),
    }),
  output: () =>
    z.object({
      session_id: z.string(),
      event_id: z.string(),
      outcome: z.string().describe("sent, repeated, answered_elsewhere or unknown"),
      next: z.string(),
    }),
  async run({ session_id, event_id, text, is_error, ...given }, call) {
    const attachments = attachmentsOf(given);
    const answered = await answerCall({
      sessionId: session_id,
      eventId: event_id,
      kind: "custom_tool_result",
      decision: toolResultOf({ text, attachments, is_error }, "text, images or documents"),
      channel: "submit_tool_result",
    }, call);
    return { session_id, event_id, ...answered };
  },
});
