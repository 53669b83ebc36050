/**
 * Opening a session's event stream.
 *
 * @module
 */

import { bindSignal, DeadlineError } from "../core/abort.ts";
import { ApiError } from "../core/errors.ts";
import type { CallOptions, EventStream, StreamItem } from "./api.ts";
import { type ChunkReader, discardBody, openReader } from "./body.ts";
import { mediaType, networkError, typeError } from "./failures.ts";
import {
  type Exchange,
  exchange,
  type HttpContext,
  observed,
  originOf,
  type RequestSpec,
  timeoutError,
  timeoutOf,
} from "./http.ts";
import { createItemDecoder, type ItemDecoder } from "./sse.ts";

/**
 * Opens a stream; resolves when its head has arrived.
 *
 * @param options `timeoutMs` bounds the wait for the head; `signal` drops the stream at any time
 * @throws `ApiError`, or the signal's reason as soon as that aborts
 */
export async function openEventStream(
  context: HttpContext,
  spec: RequestSpec,
  options: CallOptions = {},
): Promise<EventStream> {
  const { clock } = context;
  const timeoutMs = timeoutOf(options);
  const closer = new AbortController();
  const life = bindSignal(clock, { signals: [options.signal, closer.signal] });
  const cancelTimer = clock.after(timeoutMs, () => closer.abort(new DeadlineError()));
  try {
    options.signal?.throwIfAborted();
    const answer = await observed(context, spec, 0, (noteStatus) => {
      return exchange(context, spec, { signal: life.signal, noteStatus, stream: true });
    });
    return readEvents(context, answer, { life, closer, callerSignal: options.signal });
  } catch (error) {
    life.dispose();
    options.signal?.throwIfAborted();
    if (error instanceof DeadlineError) throw timeoutError(timeoutMs, originOf(context));
    throw error;
  } finally {
    cancelTimer();
  }
}

/** What ends a stream from this side. */
interface StreamLife {
  /** Aborts with the caller's signal or with `closer`. */
  readonly life: { readonly signal: AbortSignal; dispose(): void };
  readonly closer: AbortController;
  readonly callerSignal: AbortSignal | undefined;
}

function readEvents(
  context: HttpContext,
  { response, redact }: Exchange,
  { life, closer, callerSignal }: StreamLife,
): EventStream {
  const body = eventStreamBody(response, originOf(context));
  const reader = openReader(body, life.signal, { stream: true });
  const { maxFrameChars, log } = context;
  const decoder = createItemDecoder({ maxFrameChars, log, redact });
  const free = () => {
    // Ends the request, and with it the bound signal, which lets go of the caller's.
    closer.abort();
    reader.close();
  };
  const items = readItems(reader, decoder, {
    signal: life.signal,
    free,
    toError: (error) => {
      callerSignal?.throwIfAborted();
      return error instanceof ApiError ? error : networkError(error, originOf(context));
    },
    isClosed: () => closer.signal.aborted,
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
  readonly free: () => void;
  readonly toError: (error: unknown) => unknown;
  readonly isClosed: () => boolean;
}

async function* readItems(
  reader: ChunkReader,
  decoder: ItemDecoder,
  { signal, free, toError, isClosed }: ReadItemsOptions,
): AsyncGenerator<StreamItem, void, undefined> {
  try {
    for (let chunk = await reader.read(); chunk; chunk = await reader.read()) {
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
