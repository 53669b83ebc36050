/**
 * One connection to a session's event stream: it is opened, listened to, and given up when it falls
 * silent. The feed reads the list and connects again.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import type { SessionEvent } from "../api/events.ts";
import type { CallOptions, EventStream } from "../api/types.ts";
import { bindSignal } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { MovableTimer } from "../core/movable_timer.ts";

const OPEN_TIMEOUT_MS = 30_000;
/** A stream whose headers are slower than this is not waited for: the list is read meanwhile. */
const OPEN_GRACE_MS = 1_500;
/** Longer than two heartbeats of 15 s: a stream without a byte for so long is taken for dead. */
const SILENCE_MS = 35_000;

/** Options of {@linkcode followStream}: the stream to open, and who is told of it. */
export interface FollowStreamOptions {
  readonly clock: Clock;
  /** Ends the connection. */
  readonly signal: AbortSignal;
  readonly open: (options: CallOptions) => Promise<EventStream>;
  /** Called while a stream takes long to open. */
  readonly onSlow: () => Promise<void>;
  /** Called when the stream is open; what it brings meanwhile is kept for later. */
  readonly onOpen: () => Promise<void>;
  readonly onEvent: (event: SessionEvent) => void;
  /** Called when a frame could not be read: it may have been an event. */
  readonly onUnreadable: () => Promise<void>;
  /** Counts the streams that are open. */
  readonly counters: { openStreams: number };
}

/**
 * Follows a stream until the server ends it.
 *
 * @throws `ApiError` where it does not open, breaks or falls silent; whatever a callback throws; the
 *   signal's reason
 */
export async function followStream(options: FollowStreamOptions): Promise<void> {
  const { clock, counters } = options;
  const connection = new AbortController();
  const bound = bindSignal(clock, { signals: [connection.signal, options.signal] });
  const opening = options.open({ signal: bound.signal, timeoutMs: OPEN_TIMEOUT_MS });
  // Whoever leaves before the stream is open still closes it.
  opening.then((stream) => bound.signal.aborted && stream.close(), () => {});
  const silence = new MovableTimer(clock, () => {
    connection.abort(new ApiError("The event stream went silent", { kind: "connection_lost" }));
  });
  try {
    if (await isSlow(opening, clock)) await options.onSlow();
    const stream = await opening;
    counters.openStreams++;
    try {
      await options.onOpen();
      silence.set(SILENCE_MS);
      for await (const item of stream) {
        silence.set(SILENCE_MS);
        if (item.kind === "event") options.onEvent(item.event);
        if (item.kind === "unreadable") await options.onUnreadable();
      }
    } finally {
      counters.openStreams--;
      silence.clear();
      stream.close();
    }
  } finally {
    connection.abort(new DOMException("Done with this stream", "AbortError"));
    bound.dispose();
  }
}

/** Resolves as soon as it is known whether `opening` takes longer than a stream should. */
async function isSlow(opening: Promise<unknown>, clock: Clock): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const cancel = clock.after(OPEN_GRACE_MS, () => resolve(true));
  return await Promise.race([opening.then(() => false), promise]).finally(cancel);
}
