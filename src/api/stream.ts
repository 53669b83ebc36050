/**
 * Opens a session's event stream, and reads its bytes as events.
 *
 * @module
 */

import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { Logger } from "../core/logger.ts";
import type { Redact } from "../core/redact.ts";
import { BodyReader, discardBody, STREAM_BUFFER_BYTES } from "./body.ts";
import { frameError, mediaType, typeError } from "./error_response.ts";
import { ApiError, networkError } from "./errors.ts";
import { decodeEvent, isOfSession, type SessionEvent } from "./events.ts";
import { Attempt, type HttpContext, type RequestSpec, sendRequest, timeoutOf } from "./http.ts";
import { parseClean } from "./json.ts";
import { eventIdOf, fieldsOf } from "./read.ts";
import type { CallOptions, EventStream, StreamItem } from "./types.ts";

/**
 * Silence, in milliseconds, after which a stream is ended once connections to the API are suspect:
 * longer than the pause between heartbeats of 15 s. A stream that was silent for so long when it
 * ended makes them suspect.
 */
const SUSPECT_SILENCE_MS = 20_000;
/** Made once: an error records a stack, which is dear where a thousand streams are closed at once. */
const CLOSED = new DOMException("The stream was closed", "AbortError");

/**
 * Opens a stream; resolves when its headers have arrived.
 *
 * @param sessionId session whose events are wanted; those of others are left out
 * @param options `timeoutMs` bounds the wait for the headers; `signal` drops the stream at any time
 * @throws `ApiError`, or the signal's reason as soon as that aborts
 */
export async function openEventStream(
  context: HttpContext,
  spec: RequestSpec,
  sessionId: string,
  options: CallOptions = {},
): Promise<EventStream> {
  const { signal } = options;
  const timeoutMs = timeoutOf(options);
  const deadlineAt = context.clock.now() + timeoutMs;
  signal?.throwIfAborted();
  const attempt = new Attempt(context, spec, { signal, timeoutMs, deadlineAt }, 0);
  const unwatch = endWhenSilent(context, attempt);
  const release = () => {
    unwatch();
    attempt.dispose();
  };
  try {
    const response = await sendRequest(attempt);
    attempt.endDeadline();
    attempt.report();
    return eventStreamOf(response, { context, attempt, release, callerSignal: signal, sessionId });
  } catch (error) {
    const outcome = attempt.failed(error);
    release();
    signal?.throwIfAborted();
    throw outcome;
  }
}

/**
 * Ends a stream that stays silent while connections to the API are suspect.
 *
 * @returns the function that stops the watch
 */
function endWhenSilent({ clock, connections }: HttpContext, attempt: Attempt): () => void {
  let cancel = () => {};
  const unwatch = connections.watchStream(() => {
    const { lastByteAt } = attempt;
    cancel();
    cancel = clock.after(Math.max(0, lastByteAt + SUSPECT_SILENCE_MS - clock.now()), () => {
      if (attempt.lastByteAt !== lastByteAt) return;
      attempt.abort(new ApiError("The event stream went silent", { kind: "connection_lost" }));
    });
  });
  return () => {
    unwatch();
    cancel();
  };
}

function eventStreamOf(
  response: Response,
  { context, attempt, release, callerSignal, sessionId }: {
    readonly context: HttpContext;
    readonly attempt: Attempt;
    /** Called once, when the stream is over. */
    readonly release: () => void;
    readonly callerSignal: AbortSignal | undefined;
    readonly sessionId: string;
  },
): EventStream {
  const { origin, maxFrameChars, log, record, redact } = context;
  const { body, headers } = response;
  if (!body || mediaType(headers) !== "text/event-stream") {
    discardBody(response);
    throw typeError(response, "an event stream", origin);
  }
  const reader = new BodyReader(body, attempt.signal, STREAM_BUFFER_BYTES);
  const decoder = createItemDecoder({ maxFrameChars, log, redact, sessionId });
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    attempt.dropIfSilent(SUSPECT_SILENCE_MS);
    release();
    // End the request.
    attempt.abort(CLOSED);
    reader.close();
  };
  async function* items(): AsyncGenerator<StreamItem, void, undefined> {
    try {
      for (let chunk = await reader.read(); chunk; chunk = await reader.read()) {
        attempt.noteBytes();
        for (const item of decoder.push(chunk)) {
          if (item.kind === "event") record.addEvents(sessionId, [item.event]);
          yield item;
          attempt.signal.throwIfAborted();
        }
      }
    } catch (error) {
      if (closed) return;
      callerSignal?.throwIfAborted();
      throw attempt.failed(error instanceof ApiError ? error : networkError(error, context));
    } finally {
      close();
    }
  }
  const iterator = items();
  return { [Symbol.asyncIterator]: () => iterator, close };
}

/** Turns the bytes of a stream into items. */
export interface ItemDecoder {
  /**
   * Decodes a chunk, and yields the items that it completes. A chunk without an event gives one
   * `activity`, whatever it holds: part of a frame, a comment, a heartbeat, noise.
   *
   * @throws `ApiError` at an `error` frame, and at one that is too large, after the events before
   * it
   */
  push(chunk: Uint8Array): Generator<StreamItem, void, undefined>;
}

/** Options of {@linkcode createItemDecoder}. */
export interface ItemDecoderOptions {
  /** Bound of a frame's data, in UTF-16 code units. */
  readonly maxFrameChars: number;
  readonly log: Logger;
  /** Hides secrets in the texts of frames. */
  readonly redact: Redact;
  /**
   * The session whose events are taken; those of other sessions are only signs of life. All are
   * taken when absent.
   */
  readonly sessionId?: string;
}

const ACTIVITY: StreamItem = { kind: "activity" };
const UNREADABLE: StreamItem = { kind: "unreadable" };

/** Names of frames that only show that the connection is alive. */
const HEARTBEATS: ReadonlySet<string> = new Set(["ping", "heartbeat"]);

/** Makes a decoder for one stream; any chunking of the same bytes gives the same events. */
export function createItemDecoder(options: ItemDecoderOptions): ItemDecoder {
  const { maxFrameChars, log } = options;
  // The parser drops the byte order mark.
  const text = new TextDecoder("utf-8", { ignoreBOM: true });
  const framer = createFramer(maxFrameChars);
  return {
    *push(chunk) {
      let hasEvent = false;
      let hasUnreadable = false;
      for (const frame of framer.push(text.decode(chunk, { stream: true }))) {
        const events = readFrame(frame, options);
        if (events === "unreadable") {
          hasUnreadable = true;
          continue;
        }
        for (const event of events) {
          hasEvent = true;
          yield { kind: "event", event };
        }
      }
      if (framer.isTooLarge) {
        log.warn("A frame of an event stream is too large, reading the list instead", {
          maxFrameChars,
        });
        const message = `A frame of the event stream has more than ${maxFrameChars} characters`;
        throw new ApiError(message, { kind: "connection_lost" });
      }
      if (hasUnreadable) yield UNREADABLE;
      else if (!hasEvent) yield ACTIVITY;
    },
  };
}

/** Cuts a stream's text into frames, up to the first one that is too large. */
export interface Framer {
  /**
   * Adds a piece of the text.
   *
   * @returns the frames that it completes
   */
  push(text: string): EventSourceMessage[];
  /** True once a frame was too large; nothing after it is read. */
  readonly isTooLarge: boolean;
}

/** Room for the field names, which the parser counts and the bound does not. */
const FIELD_ROOM = 64;

/**
 * Makes a framer.
 *
 * @param maxFrameChars bound of a frame's data, in UTF-16 code units, ≥ 1
 */
export function createFramer(maxFrameChars: number): Framer {
  let frames: EventSourceMessage[] = [];
  let isTooLarge = false;
  const parser = createParser({
    maxBufferSize: maxFrameChars + FIELD_ROOM,
    onEvent: (frame) => {
      isTooLarge ||= frame.data.length > maxFrameChars;
      if (!isTooLarge) frames.push(frame);
    },
    onError: (error) => isTooLarge ||= error.type === "max-buffer-size-exceeded",
  });
  return {
    get isTooLarge() {
      return isTooLarge;
    },
    push(text) {
      frames = [];
      if (!isTooLarge) parser.feed(text);
      return frames;
    },
  };
}

/** Reads the events of a frame; "unreadable" where it may hold one that cannot be read. */
function readFrame(
  frame: EventSourceMessage,
  { log, redact, sessionId }: ItemDecoderOptions,
): readonly SessionEvent[] | "unreadable" {
  if (frame.event === undefined && frame.data === "") return [];
  if (HEARTBEATS.has(frame.event ?? "")) return [];
  let value: unknown;
  try {
    value = parseClean(frame.data, redact);
  } catch {
    if (frame.event === "error") throw frameError(frame.data, redact);
    if (frame.data === "") return [];
    log.debug("Skipped a frame that is not JSON", { event: frame.event });
    return "unreadable";
  }
  const values = Array.isArray(value) ? value : [value];
  const events = values.flatMap((entry) => decodeEvent(entry, frame.event) ?? []);
  const isError = frame.event === "error" && events.length === 0;
  if (isError || events.some(({ type }) => type === "error")) {
    throw frameError(frame.data, redact);
  }
  if (events.length < values.length) {
    log.debug("Skipped a frame that is no event", { event: frame.event });
    if (values.some(mayHoldEvent)) return "unreadable";
  }
  return events.filter((event) =>
    !HEARTBEATS.has(event.type) && (sessionId === undefined || isOfSession(event, sessionId))
  );
}

/**
 * Returns true if a value that is no event may hold one in an unknown form, which the list may
 * show: it has an id, or more in it than the plain values of a sign of life.
 */
function mayHoldEvent(value: unknown): boolean {
  const fields = fieldsOf(value);
  if (!fields || decodeEvent(value)) return false;
  const holds = (field: unknown) =>
    typeof field === "object" && Object.keys(field ?? {}).length > 0;
  return eventIdOf(fields.id) !== undefined || Object.values(fields).some(holds);
}
