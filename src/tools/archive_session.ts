import * as z from "zod";
import { ApiError } from "../api/errors.ts";
import { ToolError } from "../core/errors.ts";
import { CHECK_TIMEOUT_MS, isAmbiguous, WRITE_TIMEOUT_MS } from "../session/ambiguous_write.ts";
import { readEventStatus } from "../session/event_status.ts";
import { isWorking } from "../session/verdict.ts";
import { defineTool, type ToolCall, type ToolDefinition } from "./define.ts";
import { idSchema } from "./ids.ts";

/**
 * Pauses between tries, in milliseconds. The session's status trails its events: right after an
 * idle event the API may still reject the request.
 */
const LAG_DELAYS_MS: readonly number[] = [200, 400, 800, 1_200];

/** `archive_session`: ends a session for good and keeps its events. */
export const archiveSession: ToolDefinition = defineTool({
  name: "archive_session",
  title: "Archive session",
  description: "Archive a session: its events stay readable, it takes no more messages, and this " +
    "cannot be undone. Interrupt a running session first.",
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
  output: () => z.object({ archived: z.boolean() }),
  async run({ session_id }, call) {
    let attempt = await tryArchive(session_id, call);
    for (const delayMs of LAG_DELAYS_MS) {
      if (attempt.archived) break;
      await call.services.clock.sleep(delayMs, call.signal);
      const lagged = attempt.statusLags;
      attempt = await tryArchive(session_id, call);
      // The status had caught up before this try, so the error was not about a lag.
      if (!lagged) break;
    }
    if (!attempt.archived) throw attempt.error;
    return attempt.result;
  },
});

type ArchiveAttempt =
  | { readonly archived: true; readonly result: { archived: boolean; archived_at?: string } }
  /**
   * Fails although the events end at rest; `statusLags` is true while the status still says
   * otherwise.
   */
  | { readonly archived: false; readonly error: ApiError; readonly statusLags: boolean };

async function tryArchive(
  sessionId: string,
  { signal, services: { api } }: ToolCall,
): Promise<ArchiveAttempt> {
  try {
    const session = await api.sessions.archive(sessionId, { signal, timeoutMs: WRITE_TIMEOUT_MS });
    return archived(session.archived_at);
  } catch (error) {
    if (signal.aborted || !(error instanceof ApiError)) throw error;
    const ambiguous: boolean = isAmbiguous(error);
    if (!ambiguous && error.status !== 400 && error.status !== 409) throw error;
    const options = { signal, timeoutMs: CHECK_TIMEOUT_MS };
    const session = await api.sessions.retrieve(sessionId, options).catch((checkError) => {
      throw signal.aborted ? checkError : error;
    });
    if (session.archived_at) return archived(session.archived_at);
    if (ambiguous || error.errorCode !== undefined) throw error;
    if (!isWorking({ status: session.status ?? "" })) {
      return { archived: false, error, statusLags: false };
    }
    const events = await readEventStatus(api, sessionId, { exposeToolInputs: false }, options);
    if (events.status === undefined || events.status === "running") {
      throw new ToolError(
        "session_running",
        // Whoever may archive a session may interrupt it.
        (has) =>
          "The session is running and cannot be archived: call interrupt, then " +
          `${has("wait_for_idle") ? "wait_for_idle, then " : ""}archive_session again.`,
        { cause: error },
      );
    }
    return { archived: false, error, statusLags: true };
  }
}

function archived(archivedAt: string | null | undefined): ArchiveAttempt {
  return {
    archived: true,
    result: { archived: true, ...(archivedAt && { archived_at: archivedAt }) },
  };
}
