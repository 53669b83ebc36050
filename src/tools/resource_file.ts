import * as z from "zod";
import { ToolError } from "../core/errors.ts";
import { CONTENT, MAX_CONTENT_BYTES, MAX_CONTENT_CHARS } from "./content.ts";
import { defineTool, READS, type ToolDefinition } from "./define.ts";
import { idSchema } from "./ids.ts";
import { uriOf } from "./resource_uris.ts";
import { toBase64 } from "../core/text.ts";
import { findFile, readPart, savingAdvice, shownTextOf } from "./session_file.ts";

/**
 * `cma://sessions/{session_id}/files/{file_id}`: a file that the session's agent has written, whole:
 * a text as text, anything else as bytes.
 */
export const fileResource: ToolDefinition = defineTool({
  name: "resource:file",
  title: "File",
  description: "A file that a session's agent has written, whole: text as text, anything else as " +
    "bytes.",
  scope: "sessions:read",
  kind: "call",
  reaches: { session_id: "session", file_id: "file" },
  annotations: READS,
  input: () => z.strictObject({ session_id: idSchema(), file_id: idSchema() }),
  output: () => z.object({ size_bytes: z.number().optional() }),
  async run({ session_id, file_id }, call) {
    const file = await findFile(session_id, file_id, call);
    const bounds = { maxBytes: MAX_CONTENT_BYTES, maxChars: MAX_CONTENT_CHARS, anyKind: true };
    const { type: { mimeType }, bytes, page, isWhole } = await readPart(file, bounds, call);
    const uri = uriOf({ kind: "file", session_id, file_id });
    const isText = page?.rest === "nothing";
    if (!isText && !(bytes && isWhole)) {
      throw tooLarge(savingAdvice({ sessionId: session_id, fileId: file_id, name: "file" }, call));
    }
    return {
      ...(file.size_bytes !== undefined && { size_bytes: file.size_bytes }),
      [CONTENT]: [{
        type: "resource",
        resource: isText
          ? { uri, mimeType, text: shownTextOf(page) }
          : { uri, mimeType, blob: toBase64(bytes ?? new Uint8Array()) },
      }],
    };
  },
});

/** @param saving says how a person gets the file, where somebody can */
function tooLarge(saving: string): ToolError {
  return new ToolError(
    "file_too_large",
    (has) =>
      (`The file is too large to be read as a resource, of which texts have at most ` +
        `${MAX_CONTENT_CHARS} characters and other files ${MAX_CONTENT_BYTES} bytes. ` +
        (has("read_session_file") ? "read_session_file reads a text page by page. " : "") +
        saving).trimEnd(),
  );
}
