/**
 * One connection to a session's event stream: it is opened, listened to, and given up when it falls
 * silent. The feed reads the list and connects again.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import type { SessionEvent } from "../api/events.ts";
import type { CallOptions, EventStream, StreamItem } from "../api/types.ts";
import { bindSignal } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { MovableTimer } from "../core/movable_timer.ts";

const OPEN_TIMEOUT_MS = 30_000;
/** A stream whose headers are slower than this is not waited for: the list is read meanwhile. */
const OPEN_GRACE_MS = 1_500;
/** Longer than two heartbeats of 15 s: a stream without a byte for so long is taken for dead. */
const SILENCE_MS = 35_000;

/** Events that are kept while the list cannot be read; beyond it the read is urgent. */
const MAX_HELD = 1_000;
/** Made once: an error records a stack, which is dear where a thousand streams are left at once. */
const LEFT = new DOMException("Done with this stream", "AbortError");
/** A stream that breaks before its list is read ends like any other: the next one has to be read. */
const OVER: IteratorResult<StreamItem> = { done: true, value: undefined };

/** Room for one read of the list. */
export interface RoomToRead {
  readonly granted: Promise<void>;
  /** Waits no longer: what the stream brought may end a turn. */
  hurry(): void;
}

/** Options of {@linkcode followStream}: the stream to open, and who is told of it. */
export interface FollowStreamOptions {
  readonly clock: Clock;
  /** Ends the connection. */
  readonly signal: AbortSignal;
  readonly open: (options: CallOptions) => Promise<EventStream>;
  /** Called while a stream takes long to open. */
  readonly onSlow: () => Promise<void>;
  /**
   * Called when the stream is open, where reading the list may have to wait. Meanwhile the stream is
   * read, and what it brings is kept for later.
   */
  readonly roomToRead?: () => RoomToRead;
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
  const connection = bindSignal(clock, { signals: [options.signal] });
  const opening = options.open({ signal: connection.signal, timeoutMs: OPEN_TIMEOUT_MS });
  // Whoever leaves before the stream is open still closes it.
  opening.then((stream) => connection.signal.aborted && stream.close(), () => {});
  const silence = new MovableTimer(clock, () => {
    connection.abort(new ApiError("The event stream went silent", { kind: "connection_lost" }));
  });
  try {
    if (await isSlow(opening, clock)) await options.onSlow();
    const stream = await opening;
    counters.openStreams++;
    try {
      const items = stream[Symbol.asyncIterator]();
      const read = () => {
        silence.set(SILENCE_MS);
        return items.next();
      };
      const room = options.roomToRead?.();
      const held = room ? await holdEvents(read, room) : { events: [] };
      if (!held) return;
      // While nobody reads the stream, its silence says nothing.
      silence.clear();
      await options.onOpen();
      for (const event of held.events) options.onEvent(event);
      silence.set(SILENCE_MS);
      for (let next = held.next ?? read();; next = read()) {
        const { done, value } = await next;
        if (done) break;
        if (value.kind === "event") options.onEvent(value.event);
        if (value.kind !== "unreadable") continue;
        silence.clear();
        await options.onUnreadable();
      }
    } finally {
      counters.openStreams--;
      silence.clear();
      stream.close();
    }
  } finally {
    connection.abort(LEFT);
  }
}

/**
 * Reads a stream while there is no room for a read of the list, which will show what could not be
 * read of it.
 *
 * @returns what came, and the read that has begun; undefined when the stream is over before that
 */
async function holdEvents(
  read: () => Promise<IteratorResult<StreamItem>>,
  room: RoomToRead,
): Promise<{ events: SessionEvent[]; next?: Promise<IteratorResult<StreamItem>> } | undefined> {
  const events: SessionEvent[] = [];
  for (let isUrgent = false;;) {
    const next = read();
    const came = await Promise.race([room.granted, next.catch(() => OVER)]);
    if (!came) return { events, next };
    if (came.done) {
      if (!isUrgent) return undefined;
      await room.granted;
      return { events, next };
    }
    if (came.value.kind === "event") events.push(came.value.event);
    isUrgent ||= mayEndTurn(came.value) || events.length >= MAX_HELD;
    if (isUrgent) room.hurry();
  }
}

/** True unless the item surely leaves the turn as it is: the list then has no hurry. */
function mayEndTurn(item: StreamItem): boolean {
  if (item.kind !== "event") return item.kind === "unreadable";
  const { type } = item.event;
  return type !== "session.status_running" && /^session\.(status_|deleted|error)/.test(type);
}

/** Resolves as soon as it is known whether `opening` takes longer than a stream should. */
async function isSlow(opening: Promise<unknown>, clock: Clock): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const cancel = clock.after(OPEN_GRACE_MS, () => resolve(true));
  return await Promise.race([opening.then(() => false), promise]).finally(cancel);
}
