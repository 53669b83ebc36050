import * as z from "zod";
import { defineTool, type ToolDefinition } from "./define.ts";
import { idSchema } from "./ids.ts";

/** `interrupt`: stops the running turn. */
export const interrupt: ToolDefinition = defineTool({
  name: "interrupt",
  title: "Interrupt session",
  description: "Stop the session's running turn, if there is one. The session stays usable.",
  scope: "sessions:write",
  kind: "call",
  reaches: { session_id: "session" },
  annotations: {
    readOnlyHint: false,
    destructiveHint: true,
    idempotentHint: true,
    openWorldHint: true,
  },
  input: () => z.strictObject({ session_id: idSchema() }),
  output: () =>
    z.object({
      queued: z.boolean(),
      event_id: z.string().optional(),
    }),
  async run({ session_id }, { signal, services }) {
    return await services.eventSender.send(session_id, { type: "user.interrupt" }, signal);
  },
});
