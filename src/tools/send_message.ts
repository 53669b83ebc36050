import * as z from "zod";
import { defineTool, type ToolDefinition } from "./define.ts";
import { idSchema } from "./ids.ts";

/** Longest message of a user, in characters. */
export const MAX_MESSAGE_CHARS = 100_000;

/** `send_message`: queues a user message. */
export const sendMessage: ToolDefinition = defineTool({
  name: "send_message",
  title: "Send message",
  description: "Send a user message to a session. Returns as soon as it is queued; it does not " +
    "interrupt a running turn. Call wait_for_idle for the reply. Delivered at most once: an error " +
    "says whether sending again is safe.",
  scope: "sessions:write",
  kind: "call",
  reaches: { session_id: "session" },
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: false,
    openWorldHint: true,
  },
  input: () =>
    z.strictObject({
      session_id: idSchema(),
      text: z.string().min(1).max(MAX_MESSAGE_CHARS),
    }),
  output: () =>
    z.object({
      queued: z.boolean(),
      event_id: z.string().optional(),
    }),
  async run({ session_id, text }, { signal, services }) {
    const message = { type: "user.message", content: [{ type: "text", text }] } as const;
    return await services.eventSender.send(session_id, message, signal);
  },
});
