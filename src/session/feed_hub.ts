/**
 * The live feeds of a process: one per session, shared by all its waits.
 *
 * @module
 */

import type { EventHistory } from "./event_history.ts";
import { SessionFeed } from "./feed.ts";
import type { FeedDeps } from "./feed_deps.ts";
import type { SentMessage } from "./outcome.ts";

/** How long a sent event may stay invisible in the log before the log is believed. */
const EXPECT_MS = 30_000;
const MAX_EXPECTED = 10_000;
/** Events of one session that are expected at once. */
const MAX_EXPECTED_EACH = 8;

/** An event that was sent and that the log may not show yet. */
interface Expected {
  readonly eventId: string | undefined;
  readonly message: SentMessage | undefined;
  /** By the clock's monotonic time. */
  readonly until: number;
  /** How much of which log has been searched for it. */
  searched:
    | { readonly log: EventHistory; readonly epoch: number; readonly length: number }
    | undefined;
}

/** A use of a feed. */
export interface FeedLease {
  readonly feed: SessionFeed;
  /** Whether others used the feed before: its log then dates from before this lease. */
  readonly joined: boolean;
  /** Ends the use; the last one drops the stream. Idempotent. */
  release(): void;
}

/** Counts who uses which feed. */
export class FeedHub {
  readonly #deps: Omit<FeedDeps, "isExpecting">;
  readonly #feeds = new Map<string, { readonly feed: SessionFeed; users: number }>();
  readonly #expected = new Map<string, readonly Expected[]>();
  /** Events that turned out to be expected ones: a second message of the same text is another. */
  readonly #recognised = new Set<string>();

  constructor(deps: Omit<FeedDeps, "isExpecting">) {
    this.#deps = deps;
  }

  /** Feeds that are open. */
  get size(): number {
    return this.#feeds.size;
  }

  acquire(sessionId: string): FeedLease {
    const known = this.#feeds.get(sessionId);
    const joined = known !== undefined && known.feed.failure === undefined;
    const entry = joined ? known : this.#open(sessionId);
    entry.users++;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      if (--entry.users > 0) return;
      entry.feed.stop();
      if (this.#feeds.get(sessionId) === entry) this.#feeds.delete(sessionId);
    };
    return { feed: entry.feed, joined, release };
  }

  /**
   * Remembers that an event was sent, until the log shows it.
   *
   * @param eventId absent when the API did not tell
   * @param message by which to know the event then; any event will do if both are absent
   * @param forMs milliseconds after which the log is believed all the same
   */
  expect(sessionId: string, eventId?: string, message?: SentMessage, forMs = EXPECT_MS): void {
    const others = this.#expected.get(sessionId) ?? [];
    const until = this.#deps.clock.now() + forMs;
    const expected = { eventId, message, until, searched: undefined };
    if (eventId !== undefined) this.#recognise(sessionId, eventId);
    this.#expected.delete(sessionId);
    this.#expected.set(sessionId, [...others, expected].slice(-MAX_EXPECTED_EACH));
    if (this.#expected.size > MAX_EXPECTED) deleteOldest(this.#expected);
  }

  /** Whether an event was sent to the session that its log does not show yet. */
  isExpecting(sessionId: string, log: EventHistory): boolean {
    const expected = this.#expected.get(sessionId);
    if (!expected) return false;
    const now = this.#deps.clock.now();
    const open = expected.filter((one) => now < one.until && !this.#isShown(sessionId, one, log));
    if (open.length === 0) this.#expected.delete(sessionId);
    else if (open.length < expected.length) this.#expected.set(sessionId, open);
    return open.length > 0;
  }

  #isShown(sessionId: string, expected: Expected, log: EventHistory): boolean {
    const { eventId, message, searched } = expected;
    if (eventId !== undefined) return log.has(eventId);
    if (!message) return log.entries.length > 0;
    const isSame = searched?.log === log && searched.epoch === log.epoch;
    const found = log.entries.slice(isSame ? searched.length : 0).find((event) =>
      event.mark === message.mark && message.mayBe({ id: event.id, at: event.at }) &&
      !this.#recognised.has(`${sessionId} ${event.key}`)
    );
    expected.searched = { log, epoch: log.epoch, length: log.entries.length };
    if (!found) return false;
    this.#recognise(sessionId, found.key);
    return true;
  }

  #recognise(sessionId: string, key: string): void {
    this.#recognised.add(`${sessionId} ${key}`);
    if (this.#recognised.size > MAX_EXPECTED) deleteOldest(this.#recognised);
  }

  #open(sessionId: string) {
    const feed = new SessionFeed(sessionId, {
      ...this.#deps,
      isExpecting: (log) => this.isExpecting(sessionId, log),
    });
    const entry = { feed, users: 0 };
    this.#feeds.set(sessionId, entry);
    feed.start();
    return entry;
  }
}

function deleteOldest<K>(entries: { keys(): Iterator<K>; delete(key: K): unknown }): void {
  const oldest = entries.keys().next();
  if (!oldest.done) entries.delete(oldest.value);
}
