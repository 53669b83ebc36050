/**
 * Opening a session's event stream.
 *
 * @module
 */

import { bindSignal, DeadlineError } from "../core/abort.ts";
import { ApiError } from "./api_error.ts";
import type { CallOptions, EventStream, StreamItem } from "./api.ts";
import { type ChunkReader, discardBody, openReader } from "./body.ts";
import { mediaType, typeError } from "./failures.ts";
import { networkError } from "./network_trouble.ts";
import {
  Attempt,
  type Exchange,
  exchange,
  type HttpContext,
  observed,
  originOf,
  type RequestSpec,
  routeOf,
  timeoutError,
  timeoutOf,
} from "./http.ts";
import { createItemDecoder, type ItemDecoder } from "./sse.ts";

/**
 * A stream under doubt must show a byte within so many milliseconds of its last one: longer than a
 * heartbeat of 15 s takes. One that was silent for so long when it ended makes its way suspect.
 */
const DOUBTFUL_SILENCE_MS = 20_000;

/**
 * Opens a stream; resolves when its head has arrived.
 *
 * @param sessionId whose events it is for; those of others are left out
 * @param options `timeoutMs` bounds the wait for the head; `signal` drops the stream at any time
 * @throws `ApiError`, or the signal's reason as soon as that aborts
 */
export async function openEventStream(
  context: HttpContext,
  spec: RequestSpec,
  sessionId: string,
  options: CallOptions = {},
): Promise<EventStream> {
  const { clock } = context;
  const timeoutMs = timeoutOf(options);
  const closer = new AbortController();
  const life = bindSignal(clock, { signals: [options.signal, closer.signal] });
  const attempt = new Attempt(context, "stream", life.signal);
  const doubt = watchDoubt(context, attempt, (error) => closer.abort(error));
  const cancelTimer = clock.after(timeoutMs, () => closer.abort(new DeadlineError()));
  try {
    options.signal?.throwIfAborted();
    const answer = await observed(context, spec, 0, (noteStatus) => {
      return exchange(context, spec, { attempt, noteStatus });
    });
    const caller = options.signal;
    return readEvents(context, answer, { attempt, doubt, life, closer, caller, sessionId });
  } catch (error) {
    attempt.failed(error);
    doubt.end();
    life.dispose();
    options.signal?.throwIfAborted();
    if (error instanceof DeadlineError) throw timeoutError(timeoutMs, originOf(context));
    throw error;
  } finally {
    cancelTimer();
  }
}

/** Ends a stream that stays silent after requests have found the way to the API silent. */
function watchDoubt(
  { clock, connections }: HttpContext,
  attempt: Attempt,
  giveUp: (error: ApiError) => void,
): { end(): void } {
  let cancel = () => {};
  const unwatch = connections.watchStream(() => {
    const { heardAt } = attempt;
    cancel();
    cancel = clock.after(Math.max(0, heardAt + DOUBTFUL_SILENCE_MS - clock.now()), () => {
      if (attempt.heardAt !== heardAt) return;
      giveUp(new ApiError("The event stream went silent", { kind: "connection" }));
    });
  });
  const end = () => {
    unwatch();
    cancel();
  };
  return { end };
}

/** What an open stream lives by. */
interface StreamLife {
  readonly attempt: Attempt;
  readonly doubt: { end(): void };
  /** Aborts with the caller's signal or with `closer`. */
  readonly life: { readonly signal: AbortSignal; dispose(): void };
  readonly closer: AbortController;
  readonly caller: AbortSignal | undefined;
  readonly sessionId: string;
}

function readEvents(
  context: HttpContext,
  { response }: Exchange,
  { attempt, doubt, life, closer, caller, sessionId }: StreamLife,
): EventStream {
  const body = eventStreamBody(response, originOf(context));
  const reader = openReader(body, life.signal, { stream: true });
  const { maxFrameChars, log, redact } = context;
  const decoder = createItemDecoder({ maxFrameChars, log, redact, sessionId });
  let freed = false;
  const free = () => {
    if (freed) return;
    freed = true;
    attempt.ended(DOUBTFUL_SILENCE_MS);
    doubt.end();
    // Ends the request, and with it the bound signal, which lets go of the caller's.
    closer.abort();
    reader.close();
  };
  const items = readItems(reader, decoder, {
    signal: life.signal,
    heard: () => attempt.heard(),
    free,
    toError: (error) => {
      caller?.throwIfAborted();
      return attempt.failed(
        error instanceof ApiError ? error : networkError(error, routeOf(context)),
      );
    },
    isClosed: () => freed,
  });
  return {
    [Symbol.asyncIterator]: () => items,
    close: free,
  };
}

function eventStreamBody(response: Response, origin: string): ReadableStream<Uint8Array> {
  const { body, headers } = response;
  if (body && mediaType(headers) === "text/event-stream") return body;
  discardBody(response);
  throw typeError(response, "an event stream", origin);
}

interface ReadItemsOptions {
  readonly signal: AbortSignal;
  /** Told of every chunk. */
  readonly heard: () => void;
  readonly free: () => void;
  readonly toError: (error: unknown) => unknown;
  readonly isClosed: () => boolean;
}

async function* readItems(
  reader: ChunkReader,
  decoder: ItemDecoder,
  { signal, heard, free, toError, isClosed }: ReadItemsOptions,
): AsyncGenerator<StreamItem, void, undefined> {
  try {
    for (let chunk = await reader.read(); chunk; chunk = await reader.read()) {
      heard();
      for (const item of decoder.push(chunk)) {
        yield item;
        signal.throwIfAborted();
      }
    }
  } catch (error) {
    if (!isClosed()) throw toError(error);
  } finally {
    free();
  }
}
