import * as z from "zod";
import { mayReadPage } from "../access/limits.ts";
import { newestFirst, type Session, type SessionFile } from "../api/resources.ts";
import { MAX_RESULT_CHARS } from "../core/text.ts";
import { plainMimeType } from "../session/file_type.ts";
import { isOutputOf, listMayTrail, nameOf, readTrailing } from "../session/session_files.ts";
import { takeWithinBudget } from "./budget.ts";
import { defineTool, READS, type ToolCall, type ToolDefinition } from "./define.ts";
import { idSchema } from "./ids.ts";
import { openCursor, readStretch, sealCursor } from "./session_pages.ts";

const DEFAULT_LIMIT = 50;
const FILES_BUDGET_CHARS = MAX_RESULT_CHARS - 3_000;

/** `list_session_files`: lists what a session's agent has written to its outputs. */
export const listSessionFiles: ToolDefinition = defineTool({
  name: "list_session_files",
  title: "List a session's files",
  description:
    "List the files that the session's agent wrote to its outputs, newest first. A file " +
    "shows up some seconds after it was written.",
  scope: "sessions:read",
  kind: "call",
  reaches: { session_id: "session" },
  annotations: READS,
  meta: { "anthropic/searchHint": "download results, charts, documents" },
  input: () =>
    z.strictObject({
      session_id: idSchema(),
      limit: z.int().min(1).max(100).optional().describe(`Default ${DEFAULT_LIMIT}`),
      cursor: z.string().min(1).optional(),
    }),
  output: () =>
    z.object({
      files: z.array(z.object({
        file_id: z.string(),
        filename: z.string(),
        mime_type: z.string().optional(),
        size_bytes: z.number().optional(),
        created_at: z.string().optional(),
      })),
      next_cursor: z.string().optional(),
      next: z.string().optional(),
    }),
  async run({ session_id, limit = DEFAULT_LIMIT, cursor }, call, checked) {
    const { signal, services: { api, clock } } = call;
    const list = { tool: "list_session_files", session_id };
    const from = cursor === undefined ? { size: limit } : await openCursor(cursor, list, call);
    let session: Session | undefined;
    const stretch = await readTrailing(
      () =>
        readStretch(
          async (params) => {
            const page = await api.files.list(session_id, params, { signal });
            return { ...page, data: page.data.filter((file) => isOutputOf(file, session_id)) };
          },
          from,
          limit,
          call,
        ),
      ({ entries, hasMoreAfter }) =>
        cursor !== undefined || entries.length > 0 || hasMoreAfter(entries.length),
      {
        clock,
        signal,
        async mayTrail() {
          const isFirst = session === undefined;
          if (!session || !isAtRest(session)) {
            const known = isFirst ? await checked : undefined;
            session = known ?? await api.sessions.retrieve(session_id, { signal });
          }
          // The status may trail the end of a turn, so that a second look decides.
          const mayShowMore = isAtRest(session) ? listMayTrail(session, clock) : isFirst;
          return mayShowMore && mayReadPage(call);
        },
        onPause: () => call.progress?.("waiting for the list of files"),
      },
    );
    const { taken } = takeWithinBudget(stretch.entries.map(viewOf), FILES_BUDGET_CHARS);
    const place = stretch.hasMoreAfter(taken.length) ? stretch.placeAfter(taken.length) : undefined;
    return {
      files: newestFirst(taken),
      ...(place && { next_cursor: await sealCursor(place, list, call) }),
      ...(session && taken.length === 0 && { next: adviceFor(session, call) }),
    };
  },
});

function viewOf(file: SessionFile) {
  const { id, size_bytes, created_at } = file;
  const mimeType = plainMimeType(file.mime_type);
  return {
    file_id: id,
    filename: nameOf(file),
    ...(mimeType !== undefined && { mime_type: mimeType }),
    ...(size_bytes !== undefined && { size_bytes }),
    ...(created_at && { created_at }),
  };
}

function isAtRest({ status }: Session): boolean {
  return status !== "running" && status !== "rescheduling";
}

/** Says what to do where no file is listed. */
function adviceFor(session: Session, { has = () => true, services: { clock } }: ToolCall): string {
  if (!isAtRest(session)) {
    return has("wait_for_idle")
      ? "The agent is still working: call wait_for_idle, and then list_session_files again."
      : "The agent is still working: call list_session_files again when its turn is over.";
  }
  if (listMayTrail(session, clock)) {
    return "No file is listed yet. If the agent says that it wrote one, call list_session_files " +
      "again in 10 seconds.";
  }
  const remedy = has("send_message")
    ? ": ask it with send_message to write there what is wanted"
    : "";
  return `The agent has written no file to /mnt/session/outputs/${remedy}.`;
}
