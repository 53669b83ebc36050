/**
 * The live feeds of a process: one per session, shared by all its waits.
 *
 * @module
 */

import type { EventLog } from "./event_log.ts";
import { SessionFeed } from "./feed.ts";
import type { FeedDeps } from "./feed_deps.ts";

/** How long a sent event may stay invisible in the log before the log is believed. */
const EXPECT_MS = 30_000;
const MAX_EXPECTED = 10_000;

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
  readonly #expected = new Map<string, { readonly eventId?: string; readonly until: number }>();

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
   * @param eventId absent when the API did not tell: then any event will do
   */
  expect(sessionId: string, eventId?: string): void {
    this.#expected.delete(sessionId);
    this.#expected.set(sessionId, { eventId, until: this.#deps.clock.now() + EXPECT_MS });
    if (this.#expected.size <= MAX_EXPECTED) return;
    const oldest = this.#expected.keys().next();
    if (!oldest.done) this.#expected.delete(oldest.value);
  }

  /** Whether an event was sent to the session that its log does not show yet. */
  isExpecting(sessionId: string, log: EventLog): boolean {
    const expected = this.#expected.get(sessionId);
    if (!expected) return false;
    const { eventId } = expected;
    const shown = eventId === undefined ? log.entries.length > 0 : log.has(eventId);
    const over = shown || this.#deps.clock.now() >= expected.until;
    if (over) this.#expected.delete(sessionId);
    return !over;
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
