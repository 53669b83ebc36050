import * as z from "zod";
import { budgetDollarsOf } from "../api/money.ts";
import { consoleUrlOf } from "../session/console_url.ts";
import { ATTACHMENT_REACHES, attachmentShape, attachmentsOf } from "./attachments.ts";
import { defineTool, SENDS, type ToolDefinition } from "./define.ts";
import { idSchema } from "./ids.ts";
import { describeMounts, mountsOf, mountsSchema } from "./mounts.ts";
import { describeBudget, makeSession, maxCostSchema, titleSchema } from "./new_session.ts";
import { MAX_MESSAGE_CHARS } from "./send_message.ts";

/** `create_session`: starts a session, with its first message if there is one. */
export const createSession: ToolDefinition = defineTool({
  name: "create_session",
  title: "Create session",
  description: "Start a session with an agent. With a message, the agent begins at once: call " +
    "wait_for_idle next. One session keeps its context over many messages.",
  scope: "sessions:write",
  kind: "call",
  reaches: {
    ...{ agent_id: "agent", environment_id: "environment", files: "file" },
    ...ATTACHMENT_REACHES,
  },
  annotations: SENDS,
  input: () =>
    z.strictObject({
      agent_id: idSchema(),
      message: z.string().min(1).max(MAX_MESSAGE_CHARS).optional(),
      ...attachmentShape(),
      files: mountsSchema(),
      title: titleSchema(),
      agent_version: z.int().min(1).optional(),
      environment_id: idSchema("Only if the server has no default").optional(),
      metadata: z.record(z.string(), z.string()).optional(),
      max_cost_usd: maxCostSchema(),
    }),
  output: () =>
    z.object({
      session_id: z.string(),
      status: z.string(),
    }),
  async run(args, call) {
    const { consoleUrl } = call.services;
    const mounts = mountsOf(args.files);
    const wanted = { ...args, attachments: attachmentsOf(args), mounts };
    const made = await makeSession(wanted, call);
    const { session, confirmedByList, messageDropped, limitUsd } = made;
    const maxCost = limitUsd === undefined ? undefined : budgetDollarsOf(session.budget);
    const next = [
      messageDropped && "The API made the session without its first message" +
        (call.has?.("send_message") ?? true ? ": send it with send_message." : "."),
      describeBudget(made),
      describeMounts(session, mounts),
    ].filter(Boolean).join(" ");
    return {
      session_id: session.id,
      status: session.status ?? "unknown",
      ...(consoleUrl !== undefined && { console_url: consoleUrlOf(consoleUrl, session.id) }),
      ...(confirmedByList && { confirmed_by_list: true }),
      ...(maxCost !== undefined && { max_cost_usd: maxCost }),
      ...(mounts.length > 0 && { mount_paths: mounts.map(({ mountPath }) => mountPath) }),
      ...(messageDropped && { message_sent: false }),
      ...(next !== "" && { next }),
    };
  },
});
