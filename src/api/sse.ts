/**
 * A session's event stream, from bytes to items.
 *
 * @module
 */

import type { EventSourceMessage } from "eventsource-parser";
import type { Logger } from "../core/logger.ts";
import type { Redact } from "../core/redact.ts";
import type { StreamItem } from "./api.ts";
import { decodeEvent, isOfSession, type SessionEvent } from "./events.ts";
import { frameError } from "./failures.ts";
import { parseClean } from "./json.ts";
import { eventIdOf, fieldsOf } from "./read.ts";
import { createFramer } from "./sse_frames.ts";

/** Turns the bytes of a stream into items. */
export interface ItemDecoder {
  /**
   * The items that this chunk completes. A chunk without an event gives one `activity`, whatever
   * it holds: part of a frame, a comment, a heartbeat, noise.
   *
   * @throws `ApiError` at an `error` frame, after the events before it
   */
  push(chunk: Uint8Array): Generator<StreamItem, void, undefined>;
}

/** What {@linkcode createItemDecoder} needs. */
export interface ItemDecoderOptions {
  /** Bound of a frame's data, in UTF-16 code units; larger frames are dropped. */
  readonly maxFrameChars: number;
  readonly log: Logger;
  /** Applied to everything that frames say. */
  readonly redact: Redact;
  /** Events of other sessions are signs of life, no more; all are taken when absent. */
  readonly sessionId?: string;
}

const ACTIVITY: StreamItem = { kind: "activity" };
const LOST: StreamItem = { kind: "lost" };

/** Frames that only say that the connection is alive. */
const HEARTBEATS: ReadonlySet<string> = new Set(["ping", "heartbeat"]);

/** A decoder for one stream; any chunking of the same bytes gives the same events. */
export function createItemDecoder(options: ItemDecoderOptions): ItemDecoder {
  const { maxFrameChars, log } = options;
  // The parser drops the byte order mark.
  const text = new TextDecoder("utf-8", { ignoreBOM: true });
  let lost = false;
  const framer = createFramer({
    maxFrameChars,
    onOversized: () => {
      lost = true;
      log.warn("Skipped an oversized frame of an event stream", { maxFrameChars });
    },
  });
  return {
    *push(chunk) {
      let quiet = true;
      for (const frame of framer.push(text.decode(chunk, { stream: true }))) {
        const read = readFrame(frame, options);
        if (read === "lost") {
          lost = true;
          continue;
        }
        for (const event of read) {
          quiet = false;
          yield { kind: "event", event };
        }
      }
      if (lost) yield LOST;
      else if (quiet) yield ACTIVITY;
      lost = false;
    },
  };
}

/** The events of a frame; "lost" when it may have had one that cannot be read. */
function readFrame(
  frame: EventSourceMessage,
  { log, redact, sessionId }: ItemDecoderOptions,
): readonly SessionEvent[] | "lost" {
  if (frame.event === undefined && frame.data === "") return [];
  if (HEARTBEATS.has(frame.event ?? "")) return [];
  let value: unknown;
  try {
    value = parseClean(frame.data, redact);
  } catch {
    if (frame.event === "error") throw frameError(frame.data, redact);
    if (frame.data === "") return [];
    log.debug("Skipped a frame that is not JSON", { event: frame.event });
    return "lost";
  }
  const values = Array.isArray(value) ? value : [value];
  const events = values.flatMap((entry) => decodeEvent(entry, frame.event) ?? []);
  const isError = frame.event === "error" && events.length === 0;
  if (isError || events.some(({ type }) => type === "error")) {
    throw frameError(frame.data, redact);
  }
  if (events.length < values.length) {
    log.debug("Skipped a frame that is no event", { event: frame.event });
    if (values.some(mayHoldEvent)) return "lost";
  }
  return events.filter((event) =>
    !HEARTBEATS.has(event.type) && (sessionId === undefined || isOfSession(event, sessionId))
  );
}

/**
 * Whether a value that is no event may hold one in a form that is not known, so that the list may
 * tell more of it: it has an id, or more in it than the plain values of a sign of life.
 */
function mayHoldEvent(value: unknown): boolean {
  const fields = fieldsOf(value);
  if (!fields || decodeEvent(value)) return false;
  const holds = (field: unknown) =>
    typeof field === "object" && Object.keys(field ?? {}).length > 0;
  return eventIdOf(fields.id) !== undefined || Object.values(fields).some(holds);
}
