/**
 * Events that were sent and that the session's events may not show yet: while there are any, a
 * history that ends is not a turn that has ended.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { LruMap } from "../core/lru.ts";
import type { DatedEvent } from "../api/event_record.ts";
import type { EventHistory } from "./event_history.ts";
import { findSameContent } from "./same_event.ts";

/** Longest time that a sent event may be missing before the history counts as complete, in milliseconds. */
const UNSEEN_MS = 30_000;
const MAX_SESSIONS = 10_000;
/** Events of one session that are remembered at once. */
const MAX_EACH = 8;
/** Events that turned out to be sent ones, of all sessions. */
const MAX_RECOGNISED = 10_000;

interface Send {
  readonly eventId: string | undefined;
  readonly message: SentMessage | undefined;
  /** By the clock's monotonic time. */
  readonly until: number;
  /** The part of a history that has been searched for it. */
  searched?: { readonly history: EventHistory; readonly epoch: number; readonly length: number };
}

/** A message that was sent, for where the API did not tell its event's id. */
export interface SentMessage {
  /** Of its content, as `contentDigestOf` gives it. */
  readonly contentDigest: string;
  /** Tells by its age whether an event may be the message: what is from before it is another's. */
  readonly mayBe: (event: DatedEvent) => boolean;
}

/** See the module. One per process. */
export class UnseenSends {
  readonly #clock: Clock;
  readonly #sends = new LruMap<string, readonly Send[]>(MAX_SESSIONS);
  /** A second message of the same text is another: each event is recognised once. */
  readonly #recognised = new LruMap<string, true>(MAX_RECOGNISED);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Remembers a send; the parameters are those of `Waiter.rememberSend`. */
  add(sessionId: string, eventId?: string, message?: SentMessage, forMs = UNSEEN_MS): void {
    if (eventId !== undefined) this.#recognise(sessionId, eventId);
    const others = this.#sends.get(sessionId) ?? [];
    const send = { eventId, message, until: this.#clock.now() + forMs };
    this.#sends.set(sessionId, [...others, send].slice(-MAX_EACH));
  }

  /** Returns true while an event was sent to the session that its history does not show. */
  has(sessionId: string, history: EventHistory): boolean {
    const sends = this.#sends.get(sessionId);
    if (!sends) return false;
    const now = this.#clock.now();
    const unseen = sends.filter((send) =>
      now < send.until && !this.#isShown(sessionId, send, history)
    );
    if (unseen.length === 0) this.#sends.delete(sessionId);
    else if (unseen.length < sends.length) this.#sends.set(sessionId, unseen);
    return unseen.length > 0;
  }

  #isShown(sessionId: string, send: Send, history: EventHistory): boolean {
    const { eventId, message, searched } = send;
    const { entries, epoch } = history;
    if (eventId !== undefined) return history.has(eventId);
    if (!message) return entries.length > 0;
    const isSame = searched?.history === history && searched.epoch === epoch;
    const found = findSameContent(
      message.contentDigest,
      entries.slice(isSame ? searched.length : 0),
      (event) =>
        message.mayBe({ id: event.id, at: event.at }) &&
          !this.#recognised.get(`${sessionId} ${event.key}`)
          ? event.contentDigest
          : undefined,
    );
    send.searched = { history, epoch, length: entries.length };
    if (found) this.#recognise(sessionId, found.key);
    return found !== undefined;
  }

  #recognise(sessionId: string, key: string): void {
    this.#recognised.set(`${sessionId} ${key}`, true);
  }
}
