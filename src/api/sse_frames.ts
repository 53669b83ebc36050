/**
 * Server-sent events, from text to frames, with a bound on what one frame may hold.
 *
 * @module
 */

import { createParser, type EventSourceMessage } from "eventsource-parser";

/** Cuts a stream's text into frames. */
export interface Framer {
  /** @returns the frames that this piece of the text completes */
  push(text: string): EventSourceMessage[];
}

/** Room for the field names that the parser counts and the bound does not. */
const FIELD_ROOM = 64;

/** The parser overflows in the piece in which a frame grew too large: small pieces find its end. */
const MAX_PIECE_CHARS = 64 * 1024;

/**
 * @param maxFrameChars bound of a frame's data, in UTF-16 code units, ≥ 1; a larger frame is
 *   dropped as it comes in, and what follows it is read as usual
 * @param onOversized told once for every frame that was dropped
 */
export function createFramer(
  { maxFrameChars, onOversized }: { maxFrameChars: number; onOversized: () => void },
): Framer {
  // A piece is shorter than the largest frame, so a frame that overflows began in an earlier one,
  // and the first blank line in the piece that overflows is the end of that frame.
  const pieceChars = Math.max(1, Math.min(MAX_PIECE_CHARS, Math.floor(maxFrameChars / 2)));
  let frames: EventSourceMessage[] = [];
  let overflowed = false;
  let lines: LineState = { atLineStart: true, afterCr: false };
  const parser = createParser({
    maxBufferSize: maxFrameChars + FIELD_ROOM,
    onEvent: (frame) => {
      if (frame.data.length > maxFrameChars) onOversized();
      else frames.push(frame);
    },
    onError: (error) => overflowed ||= error.type === "max-buffer-size-exceeded",
  });

  const feed = (piece: string): void => {
    if (!overflowed) {
      parser.feed(piece);
      if (!overflowed) {
        lines = lineStateAfter(piece);
        return;
      }
      onOversized();
    }
    const skipped = skipFrame(piece, lines);
    lines = skipped.state;
    if (skipped.end === undefined) return;
    overflowed = false;
    parser.reset();
    const rest = piece.slice(skipped.end);
    if (rest !== "") feed(rest);
  };
  return {
    push(text) {
      frames = [];
      for (let start = 0; start < text.length; start += pieceChars) {
        feed(text.slice(start, start + pieceChars));
      }
      return frames;
    },
  };
}

/** Where in a line the text read so far ends. */
interface LineState {
  readonly atLineStart: boolean;
  /** The last line ended with CR: a LF that follows belongs to it. */
  readonly afterCr: boolean;
}

function lineStateAfter(text: string): LineState {
  const afterCr = text.endsWith("\r");
  return { atLineStart: afterCr || text.endsWith("\n"), afterCr };
}

/** Looks for the blank line that ends a frame; `end` is the index after it. */
function skipFrame(text: string, state: LineState): { end?: number; state: LineState } {
  let { atLineStart, afterCr } = state;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (char === "\n" && afterCr) {
      afterCr = false;
    } else if (char === "\n" || char === "\r") {
      afterCr = char === "\r";
      if (atLineStart) return { end: index + 1, state: { atLineStart, afterCr } };
      atLineStart = true;
    } else {
      atLineStart = false;
      afterCr = false;
    }
  }
  return { state: { atLineStart, afterCr } };
}
