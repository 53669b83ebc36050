/**
 * One session's events, live: the stream and the list of events, merged into one history that any
 * number of waits read.
 *
 * The order of work closes every gap: open the stream, then read the list, then listen; after a drop
 * the same again. Polls of the session's own status back the stream up (see `status_poll.ts`).
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import type { SessionEvent } from "../api/events.ts";
import type { ManagedAgentsApi, ReadOptions } from "../api/types.ts";
import { bindSignal } from "../core/abort.ts";
import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { unquoted } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { TokenBucket } from "../core/token_bucket.ts";
import { followStream, type RoomToRead } from "./connection.ts";
import { EventHistory } from "./event_history.ts";
import { readEvent, type TurnEvent } from "./event_types.ts";
import { HistoryReader } from "./history_reader.ts";
import { StatusPoll } from "./status_poll.ts";
import { type Turn, TurnReader } from "./turn.ts";
import type { UnseenSends } from "./unseen_sends.ts";
import { isWorking, type SessionState, type Verdict, verdictOf } from "./verdict.ts";

/** Bound of a read of the list and of a poll, in milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Requests of a connection: the stream and the newest page. */
const CONNECT_COST = 2;
/** Pages back in time that a wait reads at once; further ones keep to the rate of the background. */
export const SWIFT_PAGES = 3;
/** A longer pause that the API asks for is not taken over by all feeds. */
const MAX_HOLD_MS = 60_000;
/** Milliseconds since the last sign of life that spare a poll: on a stream that shows events, or none. */
const RECENT_MS = { shown: 10_000, deaf: 1_000 } as const;
/**
 * The API may reject a good key for a moment, while it is rotated. After so many rejections in a row,
 * over so many milliseconds, it is rejected for good.
 */
const FINAL_REJECTIONS = { count: 3, ms: 3_000 } as const;
/** Reason of an abort. A text, because an error would record a stack that nobody reads. */
const SUPERSEDED = "superseded";
/** Made once, for the same reason: the runtime's requests take an error better than a text. */
const UNUSED = new DOMException("Nobody waits any more", "AbortError");
const NO_REJECTIONS = { count: 0, since: 0 } as const;
const RECONNECT = { baseMs: 250, capMs: 10_000 } as const;

/** Holds what the feeds of a process share. */
export interface FeedDeps {
  readonly api: Pick<ManagedAgentsApi, "events" | "sessions">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
  /** The rate that reconnects and polls of all feeds together keep. */
  readonly bucket: TokenBucket;
  readonly unseenSends: UnseenSends;
  /** Counts the streams that are open now, and those that were opened again since the start. */
  readonly counters: { openStreams: number; reconnects: number };
}

/**
 * See the module. Created by {@linkcode FeedHub}, which counts who uses it. Its fields are for
 * reading.
 */
export class SessionFeed {
  readonly history = new EventHistory();
  /** True when the stream has shown an event since the list was last read. */
  streamIsAhead = false;
  /** Why the feed ended for good, when it did. */
  failure: { readonly error: unknown } | undefined;
  readonly #deps: FeedDeps;
  readonly #sessionId: string;
  /** Reads the newest turn, by which polls are planned; each wait reads its own. */
  readonly #turnReader = new TurnReader(this.history);
  readonly #listeners = new Set<() => void>();
  readonly #controller = new AbortController();
  readonly #historyReader: HistoryReader;
  readonly #poll: StatusPoll;
  /** Bounds of every request but that for the stream. */
  readonly #request: ReadOptions;
  /** Claimed for the list after a reconnect. It keeps its turn when the stream breaks before that. */
  #room: RoomToRead | undefined;
  #stopped = false;
  /** True while the API cannot be reached: then only connecting again finds out when it can. */
  #outOfReach = false;
  /** True when the open stream has shown an event. */
  #streamShows = false;
  /** Time of the last sign of the session: an event, a page or its status. */
  #heardAt = -Infinity;
  /** Rejections of the key in a row: their number, when the first came, and the latest. */
  #keyRejections: { readonly count: number; readonly since: number; readonly error?: unknown } =
    NO_REJECTIONS;
  #streamError: unknown;

  constructor(sessionId: string, deps: FeedDeps) {
    this.#sessionId = sessionId;
    this.#deps = deps;
    const { signal } = this.#controller;
    // The feed repeats failed requests by its own plan, with which the client's retries would multiply.
    const request = { signal, timeoutMs: REQUEST_TIMEOUT_MS, retry: false };
    this.#request = request;
    this.#historyReader = new HistoryReader(deps.api.events, sessionId, this.history, request);
    this.#poll = new StatusPoll({
      ...deps,
      history: this.history,
      poll: (superseded, atOnce) => {
        this.#pollWithinRate(superseded, atOnce).catch((error) => this.#pollFailed(error));
      },
    });
  }

  /** Begins to listen; returns at once. */
  start(): void {
    this.#run().catch((error) => this.#fail(error));
  }

  /** Drops the stream, its timers and its listeners. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#controller.abort(UNUSED);
    this.#poll.clear();
    this.#listeners.clear();
  }

  /** Counts the reads of the list that are complete; 0 means that nothing can be decided. */
  get readsDone(): number {
    return this.#historyReader.readsDone;
  }

  /** The error that keeps the feed from the API at the moment; undefined while all is well. */
  get connectionError(): unknown {
    return this.#streamError ?? this.#keyRejections.error;
  }

  /** True while an event was sent that the history does not show. */
  get lacksSend(): boolean {
    return this.#deps.unseenSends.has(this.#sessionId, this.history);
  }

  /** Decides whether a turn of this session is over. */
  verdictOf(turn: Turn): Verdict {
    return this.lacksSend
      ? { over: false, waitingFor: "queued" }
      : verdictOf(turn, this.#poll.polled);
  }

  /** True where the session's own status is known, and no event has come since. */
  get hasStatus(): boolean {
    return this.#poll.polled !== undefined;
  }

  /** True when the history reaches back to the session's first event. */
  get complete(): boolean {
    return this.#historyReader.complete;
  }

  /** True when more happened during a drop than was read afterwards. */
  get hasGap(): boolean {
    return this.#historyReader.hasGap;
  }

  /** Calls `listener` after every change. @returns how to stop that */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Reads pages back in time, one at least, until it is `enough` or the history is complete. All
   * that was known of its beginning is then worked out anew, so this is not for page by page.
   */
  async loadOlder(enough: () => boolean): Promise<void> {
    const { bucket } = this.#deps;
    let pages = 0;
    do {
      if (pages++ < SWIFT_PAGES) bucket.spend(1);
      else await bucket.take(1, this.#controller.signal);
      await this.#historyReader.loadOlder();
    } while (!this.complete && !enough());
    this.#changed();
  }

  /** Makes sure that no queued input hides at the far end of the list. */
  async confirmNothingHidden(): Promise<void> {
    if (!this.complete) this.#deps.bucket.spend(1);
    const before = this.history.entries.length;
    await this.#historyReader.readFarEnd();
    if (this.history.entries.length > before) this.#changed();
  }

  /**
   * Resolves with false when the session is known to be at work. Where its events tell of workflow
   * runs and are not all known, a run that was opened earlier may be: then the session is asked.
   *
   * @param ask asks the session in any case, unless it was asked since its last event
   */
  async isAtRest({ ask = false } = {}): Promise<boolean> {
    if (!ask && (this.complete || !this.history.entries.some(tellsOfRuns))) return true;
    if (!this.#poll.polled) {
      this.#deps.bucket.spend(1);
      await this.#askStatus();
      this.#changed();
    }
    return !this.#poll.polled || !isWorking(this.#poll.polled);
  }

  /** Reads what is new in the list now. */
  async refresh(): Promise<void> {
    this.#deps.bucket.spend(1);
    await this.#readNewest();
    this.#changed();
  }

  /**
   * Polls once more, for a wait whose time is nearly over. A stream that has shown no event proves
   * nothing: then the list is read.
   *
   * @param signal gives up while requests in the background have to wait
   */
  async pollBeforeTimeout(signal: AbortSignal): Promise<void> {
    const { clock, bucket } = this.#deps;
    const { history } = this;
    const recentMs = this.#streamShows ? RECENT_MS.shown : RECENT_MS.deaf;
    // Events without an id that a later call finds are read from the list, however recent they are.
    const isKnown = clock.now() - this.#heardAt < recentMs && !history.lacksListIds;
    if (this.#outOfReach || isKnown) return;
    this.#heardAt = clock.now();
    try {
      await bucket.take(1, signal);
      const before = history.entries.length;
      if (!this.#streamShows || history.lacksListIds) await this.#readNewest();
      if (history.entries.length === before) await this.#pollNow();
      else this.#changed();
    } catch (error) {
      if (!signal.aborted) this.#pollFailed(error);
    }
  }

  /** Connects, and connects again, until the feed is stopped. */
  async #run(): Promise<void> {
    const { clock, bucket, counters, log, random } = this.#deps;
    const { signal } = this.#controller;
    let failures = 0;
    bucket.spend(CONNECT_COST);
    for (let connects = 0; !this.#stopped; connects++) {
      if (connects > 0) counters.reconnects++;
      const before = this.history.entries.length;
      const triedBefore = this.#historyReader.readsTried;
      try {
        await this.#connect(connects > 0);
        log.debug("stream ended", { session: this.#sessionId });
      } catch (error) {
        if (this.#stopped) return;
        await this.#connectFailed(error, this.#historyReader.readsTried > triedBefore);
      }
      failures = this.history.entries.length > before ? 0 : failures + 1;
      const askedMs = this.#streamError instanceof ApiError ? this.#streamError.retryAfterMs : 0;
      const pauseMs = Math.max(
        Math.min(askedMs ?? 0, MAX_HOLD_MS),
        backoffMs(failures, { ...RECONNECT, random }),
      );
      // An aborted pause ends the loop, whose condition reads #stopped.
      await clock.sleep(pauseMs, signal).then(() =>
        bucket.take(1, signal, { first: true, sprint: true })
      )
        .catch(() => {});
    }
  }

  /**
   * Opens the stream, and follows it. Where many connect again at once, all streams come first: what
   * happens from then on is known as soon as it happens. Lists are read as there is room.
   */
  #connect(isAgain: boolean): Promise<void> {
    const { clock, api, bucket, counters } = this.#deps;
    const { signal } = this.#controller;
    return followStream({
      ...isAgain && { roomToRead: () => this.#room ??= this.#claimRoom() },
      clock,
      signal,
      counters,
      open: (options) => api.events.stream(this.#sessionId, options),
      onSlow: () => {
        bucket.restFromSprint();
        // An API that does not answer is asked for the list twice.
        bucket.spend(1);
        return this.refresh();
      },
      onOpen: async () => {
        this.#room = undefined;
        this.#streamShows = false;
        // Inputs that were queued meanwhile may stand at the far end of the list.
        this.#historyReader.forgetFarEnd();
        try {
          await this.#readNewest();
        } catch (error) {
          bucket.restFromSprint();
          throw error;
        }
        this.#streamError = undefined;
        this.#changed();
      },
      onEvent: (event) => this.#takeEvent(event),
      onUnreadable: async () => {
        await bucket.take(1, signal);
        await this.#readNewest();
        this.#changed();
      },
    });
  }

  /** Claims room for one read of the list; one in a hurry is made at once, and counts. */
  #claimRoom(): RoomToRead {
    const { clock, bucket } = this.#deps;
    const { signal } = this.#controller;
    const hurried = new AbortController();
    const bound = bindSignal(clock, { signals: [signal, hurried.signal] });
    const granted = bucket.take(1, bound.signal, { sprint: true }).then(bound.dispose, (error) => {
      if (signal.aborted) throw error;
      bucket.spend(1);
    });
    return { granted, hurry: () => hurried.abort(SUPERSEDED) };
  }

  /** Adds an event of the stream; one from before all that was read is a replay. */
  #takeEvent(sent: SessionEvent): void {
    const event = readEvent(sent);
    if (!this.#historyReader.complete && this.history.isBefore(event)) return;
    if (!this.history.addLive(event)) return;
    this.#streamShows = true;
    this.streamIsAhead = true;
    this.#eventsCame();
    this.#changed();
  }

  /**
   * Reads the list in the stream's place, unless that was tried. Where only the stream is missing,
   * reading from time to time takes its place. A 4xx is fatal only before the first successful read;
   * afterwards it is transient unless the session was deleted.
   *
   * @throws what ends the feed
   */
  async #connectFailed(error: unknown, wasListTried: boolean): Promise<void> {
    this.#streamError = error;
    this.#holdAsAsked(error);
    if (!wasListTried) {
      this.#deps.bucket.restFromSprint();
      this.#deps.bucket.spend(1);
    }
    const isRejectedForGood = this.#isKeyRejectedForGood(error);
    this.#deps.log.debug("stream failed", { session: this.#sessionId, error: unquoted(error) });
    const isFatal = error instanceof ApiError && !error.retryable;
    const outOfReach = wasListTried || (error instanceof ApiError && error.kind === "not_sent");
    if (isFatal && outOfReach && this.readsDone === 0) throw error;
    if (isGone(error) && this.readsDone > 0 && await this.#isDeleted()) return;
    this.#outOfReach = outOfReach;
    if (outOfReach) return this.#changed();
    try {
      await this.#readNewest();
      // With the list read, only the time of the next events is lost.
      if (isFatal) this.#streamError = undefined;
      this.#changed();
    } catch (readError) {
      if (this.#stopped) return;
      this.#outOfReach = true;
      this.#holdAsAsked(readError);
      const isReadFatal = readError instanceof ApiError && !readError.retryable;
      if (isReadFatal && this.readsDone === 0) throw readError;
      if (isRejectedForGood && isKeyRejected(readError)) throw readError;
    }
  }

  /** Reads what is new in the list. */
  async #readNewest(): Promise<void> {
    this.streamIsAhead = false;
    const hasNew = await this.#historyReader.readNewest();
    this.#outOfReach = false;
    this.#keyRejections = NO_REJECTIONS;
    if (hasNew) this.#eventsCame();
  }

  #eventsCame(): void {
    this.#heardAt = this.#deps.clock.now();
    this.#poll.reset();
  }

  #changed(): void {
    if (this.#stopped) return;
    this.#turnReader.update();
    const { turn } = this.#turnReader;
    // If the stream cannot connect, a status request will not either.
    if (this.#historyReader.readsDone === 0 || this.#outOfReach || this.failure) this.#poll.clear();
    else this.#poll.plan(turn, this.verdictOf(turn), this.#keyRejections.count > 0);
    for (const listener of [...this.#listeners]) listener();
  }

  /** Polls when there is room for a request; `signal` gives that up. */
  async #pollWithinRate(signal: AbortSignal, atOnce: boolean): Promise<void> {
    const { bucket } = this.#deps;
    if (atOnce) bucket.spend(1);
    else if (!await bucket.take(1, signal, { patient: true }).then(() => true, () => false)) return;
    await this.#pollNow();
  }

  /** Asks for the session's status; when that says the turn is over, the list must agree. */
  async #pollNow(): Promise<void> {
    this.#poll.count++;
    const before = this.history.entries.length;
    // A key that may not read the session may still read its list.
    const status = await this.#askStatus().catch((error) => {
      if (!isKeyRejected(error)) throw error;
      return undefined;
    });
    // By then the list has all events up to the end, whatever the stream has shown.
    if (!status || !isWorking(status)) {
      this.#deps.bucket.spend(1);
      await this.#readNewest();
    }
    if (this.#stopped) return;
    if (this.history.entries.length > before) this.#poll.polled = undefined;
    this.#changed();
  }

  /** Asks for the session's status; undefined where the response tells none. */
  async #askStatus(): Promise<SessionState | undefined> {
    const before = this.history.entries.length;
    const session = await this.#deps.api.sessions.retrieve(this.#sessionId, this.#request);
    this.#keyRejections = NO_REJECTIONS;
    this.#heardAt = this.#deps.clock.now();
    const archived = Boolean(session.archived_at);
    if (session.status === undefined && !archived) return undefined;
    const state = { status: session.status ?? "idle", archived };
    // Events that came meanwhile are newer.
    if (this.history.entries.length === before) this.#poll.show(state);
    return state;
  }

  #pollFailed(error: unknown): void {
    if (this.#stopped) return;
    this.#holdAsAsked(error);
    if (isGone(error)) this.#addDeleted();
    if (this.#isKeyRejectedForGood(error)) return this.#fail(error);
    this.#deps.log.debug("status poll failed", {
      session: this.#sessionId,
      error: unquoted(error),
    });
    this.#changed();
  }

  /** Resolves with true when the session's own endpoint says, in the API's words, that it is gone. */
  async #isDeleted(): Promise<boolean> {
    try {
      await this.#askStatus();
      return false;
    } catch (error) {
      if (!isGone(error)) return false;
      this.#addDeleted();
      this.#changed();
      return true;
    }
  }

  #addDeleted(): void {
    this.history.add({ kind: "deleted", key: "~deleted", queued: false });
  }

  /** Counts a rejection of the key. @returns true when it was one too many in a row */
  #isKeyRejectedForGood(error: unknown): boolean {
    if (!isKeyRejected(error)) return false;
    const now = this.#deps.clock.now();
    const { count, since } = this.#keyRejections;
    this.#keyRejections = { count: count + 1, since: count === 0 ? now : since, error };
    return count + 1 >= FINAL_REJECTIONS.count &&
      now - this.#keyRejections.since >= FINAL_REJECTIONS.ms;
  }

  /** Holds all feeds where the API asks one of them for a pause. */
  #holdAsAsked(error: unknown): void {
    if (!(error instanceof ApiError) || !error.isRateLimit) return;
    this.#deps.bucket.hold(Math.min(error.retryAfterMs ?? 0, MAX_HOLD_MS));
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.failure = { error };
    for (const listener of [...this.#listeners]) listener();
  }
}

/** True if the API itself says that there is no such session; a proxy's 404 says nothing. */
function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.isNotFound;
}

/** True if the API rejects the key: it was revoked, or is being replaced. */
function isKeyRejected(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 401 || error.status === 403);
}

/** True if the event shows that the session uses workflow runs or subagents. */
function tellsOfRuns({ kind, ...event }: TurnEvent): boolean {
  return kind === "run_opened" || kind === "run_closed" ||
    (kind === "thread" && "change" in event && event.change === "created");
}

/** A use of a feed. */
export interface FeedLease {
  readonly feed: SessionFeed;
  /** True when others used the feed before: its history then dates from before this lease. */
  readonly joined: boolean;
  /** True when only watches, by which nobody waits, used the feed before. */
  readonly joinsWatch: boolean;
  /** Ends the use; the last one drops the stream. Idempotent. */
  release(): void;
}

/** The feeds of a process: one per session, shared by all its waits. */
export class FeedHub {
  readonly #deps: FeedDeps;
  readonly #feeds = new Map<
    string,
    { readonly feed: SessionFeed; users: number; waits: number }
  >();

  constructor(deps: FeedDeps) {
    this.#deps = deps;
  }

  /**
   * Gives the use of a session's feed; begins one where there is none that works.
   *
   * @param isWatch true for a use by which nobody waits
   */
  acquire(sessionId: string, { isWatch = false } = {}): FeedLease {
    const known = this.#feeds.get(sessionId);
    const joined = known !== undefined && known.feed.failure === undefined;
    const entry = joined
      ? known
      : { feed: new SessionFeed(sessionId, this.#deps), users: 0, waits: 0 };
    if (!joined) {
      this.#feeds.set(sessionId, entry);
      entry.feed.start();
    }
    const joinsWatch = joined && entry.waits === 0;
    entry.users++;
    if (!isWatch) entry.waits++;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      if (!isWatch) entry.waits--;
      if (--entry.users > 0) return;
      entry.feed.stop();
      if (this.#feeds.get(sessionId) === entry) this.#feeds.delete(sessionId);
    };
    return { feed: entry.feed, joined, joinsWatch, release };
  }
}
