import * as z from "zod";
import type { AttachmentBlock } from "../api/types.ts";
import { ToolError } from "../core/errors.ts";
import { answerCall } from "./answer_call.ts";
import { HTTPS_URL } from "./arguments.ts";
import { defineTool, type ToolDefinition } from "./define.ts";
import { eventIdSchema, idSchema } from "./ids.ts";
import { MAX_MESSAGE_CHARS } from "./send_message.ts";

/** Most images, or documents, by URL, and as many by file id. */
const MAX_ATTACHMENTS = 10;
const MAX_URL_CHARS = 2_048;

const urls = () => z.array(z.string().regex(HTTPS_URL).max(MAX_URL_CHARS)).max(MAX_ATTACHMENTS);
const fileIds = () => z.array(idSchema()).max(MAX_ATTACHMENTS);

/** `submit_tool_result`: sends the result of a custom tool. */
export const submitToolResult: ToolDefinition = defineTool({
  name: "submit_tool_result",
  title: "Submit the result of a custom tool",
  description: "Send the result of a custom tool that the session waits for. Pass what the tool " +
    "gave: text, images or documents, or is_error with the reason. Each call gets one result. " +
    "Then call wait_for_idle.",
  scope: "actions",
  kind: "call",
  reaches: {
    session_id: "session",
    image_file_ids: "file",
    document_file_ids: "file",
  },
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: false,
    openWorldHint: true,
  },
  input: () =>
    z.strictObject({
      session_id: idSchema(),
      event_id: eventIdSchema("As in pending_actions"),
      text: z.string().max(MAX_MESSAGE_CHARS).optional(),
      image_urls: urls().optional(),
      document_urls: urls().optional(),
      image_file_ids: fileIds().optional(),
      document_file_ids: fileIds().optional(),
      is_error: z.boolean().optional(),
    }),
  output: () =>
    z.object({
      session_id: z.string(),
      event_id: z.string(),
      outcome: z.string().describe("sent, repeated, answered_elsewhere or unknown"),
      next: z.string(),
    }),
  async run({ session_id, event_id, text = "", is_error = false, ...given }, call) {
    const attachments = [
      ...attachmentsOf("image", given.image_urls, given.image_file_ids),
      ...attachmentsOf("document", given.document_urls, given.document_file_ids),
    ];
    if (text === "" && attachments.length === 0 && !is_error) {
      throw new ToolError(
        "invalid_argument",
        "The result has no content, so nothing was sent: pass text, images or documents, or " +
          "is_error true.",
      );
    }
    const answered = await answerCall({
      sessionId: session_id,
      eventId: event_id,
      kind: "custom_tool_result",
      decision: { result: "answer", text, attachments, isError: is_error },
      channel: "submit_tool_result",
    }, call);
    return { session_id, event_id, ...answered };
  },
});

/** Makes the content blocks of one type: those by URL first. */
function attachmentsOf(
  type: AttachmentBlock["type"],
  urls: readonly string[] = [],
  fileIds: readonly string[] = [],
): AttachmentBlock[] {
  return [
    ...urls.map((url): AttachmentBlock => ({ type, source: { type: "url", url } })),
    ...fileIds.map((file_id): AttachmentBlock => ({ type, source: { type: "file", file_id } })),
  ];
}
