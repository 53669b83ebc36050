import * as z from "zod";
import { ToolError } from "../core/errors.ts";
import { ATTACHMENT_REACHES, attachmentShape, attachmentsOf } from "./attachments.ts";
import { defineTool, SENDS, type ToolDefinition } from "./define.ts";
import { idSchema } from "./ids.ts";

/** Longest message of a user, in characters: all of its texts together. */
export const MAX_MESSAGE_CHARS = 100_000;
/** Most texts of a message beside the first. */
const MAX_TEXTS = 20;

/** `send_message`: queues a user message. */
export const sendMessage: ToolDefinition = defineTool({
  name: "send_message",
  title: "Send message",
  description: "Send a user message to a session. It is queued and interrupts nothing: call " +
    "wait_for_idle for the reply. Delivered at most once: an error says whether sending again is " +
    "safe.",
  scope: "sessions:write",
  kind: "call",
  reaches: { session_id: "session", ...ATTACHMENT_REACHES },
  annotations: SENDS,
  input: () =>
    z.strictObject({
      session_id: idSchema(),
      text: z.string().min(1).max(MAX_MESSAGE_CHARS).optional(),
      texts: z.array(z.string().min(1)).max(MAX_TEXTS).optional(),
      ...attachmentShape(),
    }),
  output: () =>
    z.object({
      queued: z.boolean(),
      event_id: z.string().optional(),
    }),
  async run({ session_id, text, texts = [], ...given }, { signal, services }) {
    const all = text === undefined ? texts : [text, ...texts];
    if (all.reduce((chars, one) => chars + one.length, 0) > MAX_MESSAGE_CHARS) {
      throw new ToolError(
        "invalid_argument",
        `text and texts must have at most ${MAX_MESSAGE_CHARS} characters together.`,
      );
    }
    const content = [
      ...all.map((text) => ({ type: "text", text }) as const),
      ...attachmentsOf(given),
    ];
    if (content.length === 0) {
      throw new ToolError(
        "invalid_argument",
        `text is required: a text of 1 to ${MAX_MESSAGE_CHARS} characters, unless there are images ` +
          "or documents.",
      );
    }
    return await services.eventSender.send(session_id, { type: "user.message", content }, signal);
  },
});
