/**
 * The content of a file, read as it comes in.
 *
 * @module
 */

import { BodyReader, discardBody } from "./body.ts";
import { ApiError, networkError } from "./errors.ts";
import { Attempt, type HttpContext, pathSegment, sendRequest, timeoutOf } from "./http.ts";
import type { CallOptions, FileContent } from "./types.ts";

/** A file that brings no byte for so many milliseconds is given up. */
const SILENCE_MS = 30_000;

/** Bytes that a read holds. */
const BUFFER_BYTES = 64 * 1024;

/**
 * Opens a file; resolves when its head has arrived.
 *
 * @param options `timeoutMs` bounds the wait for the head; `signal` drops the file at any time
 * @throws `ApiError`, or the signal's reason as soon as that aborts
 */
export async function openFileContent(
  context: HttpContext,
  fileId: string,
  options: CallOptions = {},
): Promise<FileContent> {
  const { signal } = options;
  const timeoutMs = timeoutOf(options);
  const call = { signal, timeoutMs, deadlineAt: context.clock.now() + timeoutMs };
  const path = `/v1/files/${pathSegment(fileId)}/content`;
  const attempt = new Attempt(context, { method: "GET", path, bytes: true }, call, 0);
  try {
    const response = await sendRequest(attempt);
    attempt.endDeadline();
    attempt.report();
    return contentOf(response, attempt, signal);
  } catch (error) {
    const outcome = attempt.failed(error);
    attempt.dispose();
    signal?.throwIfAborted();
    throw outcome;
  }
}

function contentOf(
  response: Response,
  attempt: Attempt,
  callerSignal: AbortSignal | undefined,
): FileContent {
  const { context } = attempt;
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    attempt.dispose();
    attempt.abort(undefined);
    discardBody(response);
  };
  const silent = () =>
    attempt.abort(
      new ApiError(`No byte of the file came for ${SILENCE_MS / 1_000} s`, {
        kind: "connection_lost",
        origin: context.origin,
      }),
    );
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (!response.body) return;
    const reader = new BodyReader(response.body, attempt.signal, BUFFER_BYTES);
    try {
      for (;;) {
        // Not while the caller writes what it got: a reader of stdout may be slow.
        const cancel = context.clock.after(SILENCE_MS, silent);
        const chunk = await reader.read().finally(cancel);
        if (!chunk) return;
        attempt.noteBytes();
        yield chunk;
      }
    } catch (error) {
      if (closed) return;
      callerSignal?.throwIfAborted();
      throw attempt.failed(error instanceof ApiError ? error : networkError(error, context));
    } finally {
      reader.close();
      close();
    }
  }
  const iterator = chunks();
  return { [Symbol.asyncIterator]: () => iterator, close };
}
