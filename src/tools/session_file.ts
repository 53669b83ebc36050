/**
 * One file that a session's agent has written: finds it, and reads a part of it.
 *
 * @module
 */

import { fileNotAvailable, isUnknownId } from "../access/policy.ts";
import { ApiError } from "../api/errors.ts";
import type { SessionFile } from "../api/resources.ts";
import { bindSignal } from "../core/abort.ts";
import { ToolError } from "../core/errors.ts";
import { ID } from "../core/ids.ts";
import {
  type FilePart,
  type FileRequest,
  readFilePart,
  type TextPage,
} from "../session/file_reader.ts";
import { belongsTo } from "../session/session_files.ts";
import type { ToolCall } from "./define.ts";

/** Milliseconds in which the part of a file that is asked for must have come. */
const READ_TIMEOUT_MS = 30_000;
/** Milliseconds before the second try, where the connection broke or the API failed. */
const RETRY_PAUSE_MS = 500;

/**
 * Finds a file of the session by its id.
 *
 * @throws `ToolError` `not_available`, the same for an unknown id and for a file of no session, or of
 * another one
 */
export async function findFile(
  sessionId: string,
  fileId: string,
  { signal, services: { api } }: ToolCall,
): Promise<SessionFile> {
  const file = await api.files.retrieve(fileId, { signal }).catch((error) => {
    if (isUnknownId(error)) return undefined;
    throw error;
  });
  if (file && belongsTo(file, sessionId)) return file;
  throw fileNotAvailable();
}

/**
 * Reads a part of a file; a second time where the connection breaks.
 *
 * @throws `ToolError` `file_too_slow` where it does not come in time, and `file_incomplete` where it
 * comes to an end too soon; `ApiError`
 */
export async function readPart(
  file: SessionFile,
  { offset = 0, ...bounds }: Omit<FileRequest, "hints" | "redact">,
  call: ToolCall,
): Promise<FilePart> {
  const { services: { api, clock, redact } } = call;
  const bound = bindSignal(clock, { signals: [call.signal], timeoutMs: READ_TIMEOUT_MS });
  const { signal } = bound;
  const read = async () => {
    const content = await api.files.content(file.id, { signal });
    try {
      const request = { hints: file, offset, ...bounds, redact: redact.thorough };
      const part = await readFilePart(content, request);
      if (!part.isWhole || part.bytesRead >= (file.size_bytes ?? 0)) return part;
      throw new ToolError("file_incomplete", "The API sent only a part of the file: try again.");
    } finally {
      content.close();
    }
  };
  try {
    return await read().catch(async (error) => {
      if (signal.aborted || !isPassing(error)) throw error;
      await clock.sleep(RETRY_PAUSE_MS, signal);
      return await read();
    });
  } catch (error) {
    if (!signal.aborted || call.signal.aborted) throw error;
    throw new ToolError(
      "file_too_slow",
      `The file did not come within ${READ_TIMEOUT_MS / 1_000} s: try again` +
        (offset > 0 ? ", or read less far into it." : "."),
    );
  } finally {
    bound.dispose();
  }
}

/**
 * Says how a person gets a file without a link; "" where nobody can: what a simulator in this process
 * has, no other program reaches.
 *
 * @param name what the shell is to call the file
 */
export function savingAdvice(
  { sessionId, fileId, name }: { sessionId: string; fileId: string; name: string },
  { principal, services: { simulated } }: Pick<ToolCall, "principal" | "services">,
): string {
  if (simulated || !ID.test(fileId)) return "";
  // Callers over HTTP have a token, and the command needs the key.
  const who = principal ? "Whoever has the API key" : "The user";
  return `${who} can save it with: cma-mcp files ${sessionId} ${fileId} > ${name}`;
}

/** Returns true for a failure that is worth a second try at once. */
function isPassing(error: unknown): boolean {
  if (error instanceof ToolError) return error.code === "file_incomplete";
  return error instanceof ApiError && error.retryable && error.retryAfterMs === undefined;
}

/** Returns the text of a page; the byte order mark of a file is no part of its text. */
export function shownTextOf({ from, text }: TextPage): string {
  return from === 0 ? text.replace(/^\ufeff/, "") : text;
}
