/**
 * A session's event stream, from bytes to items.
 *
 * @module
 */

import type { EventSourceMessage } from "eventsource-parser";
import type { Logger } from "../core/log.ts";
import type { Redact } from "../core/redact.ts";
import type { StreamItem } from "./api.ts";
import { decodeEvent, type SessionEvent } from "./events.ts";
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
        if (read === "lost") lost = true;
        if (!read || read === "lost") continue;
        quiet = false;
        yield { kind: "event", event: read };
      }
      if (lost) yield LOST;
      else if (quiet) yield ACTIVITY;
      lost = false;
    },
  };
}

/** The event of a frame, if it has one; "lost" when it may have had one that cannot be read. */
function readFrame(
  frame: EventSourceMessage,
  { log, redact }: ItemDecoderOptions,
): SessionEvent | "lost" | undefined {
  if (frame.event === undefined && frame.data === "") return undefined;
  if (HEARTBEATS.has(frame.event ?? "")) return undefined;
  let value: unknown;
  try {
    value = parseClean(frame.data, redact);
  } catch {
    if (frame.event === "error") throw frameError(frame.data, redact);
    if (frame.data === "") return undefined;
    log.debug("Skipped a frame that is not JSON", { event: frame.event });
    return "lost";
  }
  const event = decodeEvent(value, frame.event);
  if (event?.type === "error" || (!event && frame.event === "error")) {
    throw frameError(frame.data, redact);
  }
  if (event) return HEARTBEATS.has(event.type) ? undefined : event;
  log.debug("Skipped a frame that is no event", { event: frame.event });
  // What has an id was one, and the list may tell more of it.
  return eventIdOf(fieldsOf(value)?.id) === undefined ? undefined : "lost";
}
