/**
 * Session events as they cross the wire. Every schema is tolerant: fields that are not named here,
 * event types, stop reasons and error types that nobody has seen yet all pass through. Made when
 * they are first used: a start should not wait for them.
 *
 * Source of the shapes: the types of `@anthropic-ai/sdk` (checked against them in
 * `tests/contract`), and the habits of other implementations of the API, which omit ids,
 * `processed_at` and stop reasons.
 *
 * @module
 */

import * as z from "zod";

/**
 * One event of a session's log or stream. `processed_at` is null while a client-sent event is
 * queued; the same id then comes again, stamped.
 */
export const sessionEventSchema = z.lazy(() =>
  z.looseObject({
    type: z.string(),
    id: z.string().nullish(),
    processed_at: z.string().nullish(),
  })
);
/** An event of a session; fields that are not named here pass through. */
export type SessionEvent = z.infer<typeof sessionEventSchema>;

const textBlockSchema = z.lazy(() =>
  z.looseObject({ type: z.string(), text: z.string().optional() })
);

/** Content as the API documents it (blocks), or as others send it (a bare string, null). */
export const contentSchema = z.lazy(() =>
  z.union([z.string(), z.array(textBlockSchema)]).nullish()
);

/** The text of a content value: its text blocks, joined as they are. */
export function contentText(content: z.infer<typeof contentSchema>): string {
  if (typeof content === "string") return content;
  return (content ?? []).map((block) => block.type === "text" ? block.text ?? "" : "").join("");
}

/** Why a session went idle. Only `requires_action` means that the turn is not over. */
export const stopReasonSchema = z.lazy(() =>
  z.looseObject({
    type: z.string(),
    event_ids: z.array(z.string()).optional(),
  })
);
export type StopReason = z.infer<typeof stopReasonSchema>;

export const stopDetailsSchema = z.lazy(() =>
  z.looseObject({
    type: z.string().optional(),
    category: z.string().nullish(),
    explanation: z.string().nullish(),
  })
);

/** `session.status_idle` */
export const statusIdleSchema = z.lazy(() =>
  z.looseObject({
    stop_reason: stopReasonSchema.nullish(),
    stop_details: stopDetailsSchema.nullish(),
  })
);

/** `agent.message`, `user.message`, `system.message` */
export const messageSchema = z.lazy(() => z.looseObject({ content: contentSchema }));

/** `agent.tool_use`, `agent.mcp_tool_use`, `agent.custom_tool_use` */
export const toolUseSchema = z.lazy(() =>
  z.looseObject({
    name: z.string().optional(),
    input: z.unknown().optional(),
    evaluated_permission: z.string().nullish(),
    mcp_server_name: z.string().nullish(),
    session_thread_id: z.string().nullish(),
  })
);

/** `agent.tool_result`, `agent.mcp_tool_result`, `user.custom_tool_result`, `user.tool_result` */
export const toolResultSchema = z.lazy(() =>
  z.looseObject({
    tool_use_id: z.string().nullish(),
    mcp_tool_use_id: z.string().nullish(),
    custom_tool_use_id: z.string().nullish(),
    is_error: z.boolean().nullish(),
    content: z.unknown().optional(),
  })
);

/** `user.tool_confirmation` */
export const toolConfirmationSchema = z.lazy(() =>
  z.looseObject({
    tool_use_id: z.string(),
    result: z.string().optional(),
  })
);

/** `session.error`; one implementation sends a bare string as the error. */
export const sessionErrorSchema = z.lazy(() =>
  z.looseObject({
    error: z.union([
      z.string(),
      z.looseObject({
        type: z.string().optional(),
        message: z.string().nullish(),
        retry_status: z.looseObject({ type: z.string() }).nullish(),
      }),
    ]),
  })
);

/** `session.thread_created`, `session.thread_status_*` */
export const threadEventSchema = z.lazy(() =>
  z.looseObject({
    session_thread_id: z.string().nullish(),
    agent_name: z.string().nullish(),
  })
);

/** `workflow_run.*` */
export const workflowRunEventSchema = z.lazy(() =>
  z.looseObject({
    workflow_run_id: z.string().nullish(),
    name: z.string().nullish(),
  })
);

/** Any other field set that carries a usage object, such as `session.usage`. */
export const usageEventSchema = z.lazy(() => z.looseObject({ usage: z.unknown().optional() }));
