/**
 * One session's events, live: an upstream stream and the history around it, merged into a log that
 * any number of waits read.
 *
 * The order of work closes every gap: open the stream, then read history, then listen; after a
 * drop the same again. Looks at the session itself back it up (see `look_plan.ts`).
 *
 * @module
 */

import type { EventStream } from "../api/types.ts";
import { bindSignal } from "../core/abort.ts";
import { backoffMs } from "../core/backoff.ts";
import { ApiError } from "../api/errors.ts";
import { unquoted } from "../core/errors.ts";
import { EventHistory } from "./event_history.ts";
import type { FeedDeps } from "./feed_deps.ts";
import { type LogEvent, readEvent } from "./event_types.ts";
import { lookDelayMs } from "./status_poll.ts";
import { LookTimer } from "./look_timer.ts";
import { SessionHistory } from "./session_history.ts";
import { isSlow, watchStreamSilence } from "./stream_watch.ts";
import { isWorking, type PolledStatus, type Verdict, verdictOf } from "./verdict.ts";
import { type Turn, TurnReader } from "./turn.ts";

const OPEN_TIMEOUT_MS = 30_000;
/** Requests of a connection: the stream and the newest page. */
const CONNECT_COST = 2;
/** Pages back in time that a wait reads at once; further ones keep to the rate of the background. */
export const SWIFT_PAGES = 3;
/** A longer pause that the API asks for is not taken over by all feeds. */
const MAX_HOLD_MS = 60_000;
/** What was heard so many milliseconds ago needs no look: of a stream that shows events, or none. */
const RECENT_MS = { shown: 10_000, deaf: 1_000 } as const;
/**
 * A key that was good may be refused for a moment, while it is rotated. After so many refusals in a
 * row, over so many milliseconds, it is refused for good.
 */
const FINAL_REFUSALS = { count: 3, ms: 3_000 } as const;
/** So many milliseconds after a refusal the next look comes. */
const REFUSED_LOOK_MS = 1_700;
const NO_REFUSALS = { count: 0, since: 0 } as const;
const RECONNECT = { baseMs: 250, capMs: 10_000 } as const;

/** See the module. Created by `FeedHub`, which counts who uses it. */
export class SessionFeed {
  readonly log = new EventHistory();
  readonly #deps: FeedDeps;
  readonly #sessionId: string;
  readonly #reader = new TurnReader(this.log);
  readonly #listeners = new Set<() => void>();
  readonly #controller = new AbortController();
  readonly #history: SessionHistory;
  #polled: PolledStatus | undefined;
  #sightedSince = 0;
  #looks = 0;
  /** How long ago the newest event came when the first look after it was planned. */
  #quietMs = 0;
  /** Whether the next look is one that a wait begins with, and so never held up. */
  #looksAtOnce = false;
  readonly #nextLook: LookTimer;
  #outOfReach = false;
  /** Whether the open stream has shown an event. */
  #streamShows = false;
  /** Whether the stream has shown an event since the list was last read. */
  #streamIsAhead = false;
  /** When the session last told something: by an event, a page or its status. */
  #heardAt = -Infinity;
  /** Refusals of the key in a row, when the first one came, and the latest. */
  #refusals: { readonly count: number; readonly since: number; readonly error?: unknown } =
    NO_REFUSALS;
  #failure: { readonly error: unknown } | undefined;
  #trouble: unknown;

  constructor(sessionId: string, deps: FeedDeps) {
    this.#sessionId = sessionId;
    this.#deps = deps;
    const { signal } = this.#controller;
    this.#history = new SessionHistory(deps.api.events, sessionId, this.log, signal);
    this.#nextLook = new LookTimer(deps.clock, (given) => {
      this.#look(given).catch((error) => this.#lookFailed(error));
    });
  }

  /** Begins to listen; returns at once. */
  start(): void {
    this.#run().catch((error) => this.#fail(error));
  }

  /** Drops the stream, its timers and its listeners. Idempotent. */
  stop(): void {
    this.#controller.abort(new DOMException("Nobody waits any more", "AbortError"));
    this.#nextLook.clear();
    this.#listeners.clear();
  }

  /** How many reads of the history are complete; 0 means that nothing can be decided. */
  get readsDone(): number {
    return this.#history.done;
  }

  /** Why the feed ended for good, when it did. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** What keeps the feed from the API at the moment; undefined while all is well. */
  get trouble(): unknown {
    return this.#trouble ?? this.#refusals.error;
  }

  /** The latest look at the session, while no event has come since. */
  get polledStatus(): PolledStatus | undefined {
    return this.#polled;
  }

  /** Whether the log reaches back to the session's first event. */
  get complete(): boolean {
    return this.#history.complete;
  }

  /** Whether more happened during a drop than was read afterwards. */
  get hasGap(): boolean {
    return this.#history.hasGap;
  }

  /** Whether the stream has shown an event since the list was last read. */
  get streamIsAhead(): boolean {
    return this.#streamIsAhead;
  }

  /** Calls `listener` after every change. @returns how to stop that */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Reads pages back in time into the log, one at least, until it is `enough` or complete. All that
   * was known of the log's beginning is then worked out anew, so this is not for page by page.
   */
  async loadOlder(enough: () => boolean): Promise<void> {
    const { bucket } = this.#deps;
    let pages = 0;
    do {
      if (pages++ < SWIFT_PAGES) bucket.spend(1);
      else await bucket.take(1, this.#controller.signal);
      await this.#history.loadOlder();
    } while (!this.complete && !enough());
    this.#changed();
  }

  /** Makes sure that no queued input hides at the far end of the log. */
  async confirmNothingHidden(): Promise<void> {
    if (!this.complete) this.#deps.bucket.spend(1);
    const before = this.log.entries.length;
    await this.#history.readFarEnd();
    if (this.log.entries.length > before) this.#changed();
  }

  /**
   * Whether the session is at rest as far as its events tell. Where they tell of workflow runs and
   * are not all known, a run that was opened earlier may be at work: then the session is asked.
   *
   * @param ask asks the session in any case, unless it was asked since its last event
   */
  async isAtRest({ ask = false } = {}): Promise<boolean> {
    if (!ask && (this.complete || !this.log.entries.some(tellsOfRuns))) return true;
    if (!this.#polled) {
      this.#deps.bucket.spend(1);
      await this.#see();
      this.#changed();
    }
    return !this.#polled || !isWorking(this.#polled);
  }

  /** Reads what is new in the log now, for a wait that joined a feed that is already live. */
  async refresh(): Promise<void> {
    this.#deps.bucket.spend(1);
    await this.#readNews();
    this.#changed();
  }

  /**
   * Asks once more how the session stands, for a wait whose time is nearly over. A stream that has
   * shown no event proves nothing: then the log is read.
   *
   * @param signal gives up while requests in the background have to wait
   */
  async lookOnce(signal: AbortSignal): Promise<void> {
    const { clock, bucket } = this.#deps;
    const recentMs = this.#streamShows ? RECENT_MS.shown : RECENT_MS.deaf;
    // What has no name that a later call would find is looked up in the list, whatever was heard.
    const isKnown = clock.now() - this.#heardAt < recentMs && !this.log.hasUnnamed;
    if (this.#outOfReach || isKnown) return;
    this.#heardAt = clock.now();
    try {
      await bucket.take(1, signal);
      const before = this.log.entries.length;
      if (!this.#streamShows || this.log.hasUnnamed) await this.#readNews();
      if (this.log.entries.length === before) await this.#lookNow();
      else this.#changed();
    } catch (error) {
      if (!signal.aborted) this.#lookFailed(error);
    }
  }

  get #events() {
    return this.#deps.api.events;
  }

  get #stopped(): boolean {
    return this.#controller.signal.aborted;
  }

  async #readNews(): Promise<void> {
    this.#streamIsAhead = false;
    const news = await this.#history.readNews();
    this.#outOfReach = false;
    this.#refusals = NO_REFUSALS;
    if (news) this.#eventsCame();
  }

  async #run(): Promise<void> {
    let failures = 0;
    this.#deps.bucket.spend(CONNECT_COST);
    for (let lives = 0; !this.#stopped; lives++) {
      if (lives > 0 && this.#deps.counters) this.#deps.counters.reconnects++;
      const before = this.log.entries.length;
      const triedBefore = this.#history.tried;
      try {
        await this.#connect();
        this.#deps.log.debug("stream ended", { session: this.#sessionId });
      } catch (error) {
        if (this.#stopped) return;
        await this.#afterFailure(error, this.#history.tried === triedBefore);
      }
      failures = this.log.entries.length > before ? 0 : failures + 1;
      await this.#pause(failures);
    }
  }

  /**
   * Without a stream the log is read instead, unless that was done: it is then `unread`. Where only
   * the stream is missing, reading from time to time takes its place.
   */
  async #afterFailure(error: unknown, unread: boolean): Promise<void> {
    this.#trouble = error;
    this.#heed(error);
    const refusedForGood = this.#isKeyRefusedForGood(error);
    this.#deps.log.debug("stream failed", { session: this.#sessionId, error: unquoted(error) });
    const isLasting = error instanceof ApiError && !error.retryable;
    const unreachable = error instanceof ApiError && error.kind === "connect";
    if (isLasting && (unreachable || !unread) && this.#history.done === 0) throw error;
    if (isGone(error) && this.#history.done > 0 && await this.#isDeleted()) return;
    try {
      this.#outOfReach = unreachable || !unread;
      if (unread && !unreachable) {
        await this.#readNews();
        // Whoever has the log misses nothing but time.
        if (isLasting) this.#trouble = undefined;
      }
      this.#changed();
    } catch (readError) {
      if (this.#stopped) return;
      this.#outOfReach = true;
      this.#heed(readError);
      const refused = readError instanceof ApiError && !readError.retryable;
      if (refused && this.#history.done === 0) throw readError;
      if (refusedForGood && isKeyRefused(readError)) throw readError;
    }
  }

  /** Whether the key was refused once too often in a row. */
  #isKeyRefusedForGood(error: unknown): boolean {
    if (!isKeyRefused(error)) return false;
    const now = this.#deps.clock.now();
    const { count, since } = this.#refusals;
    this.#refusals = { count: count + 1, since: count === 0 ? now : since, error };
    return count + 1 >= FINAL_REFUSALS.count && now - this.#refusals.since >= FINAL_REFUSALS.ms;
  }

  /** Where the API asks for a pause, that is for all of its callers. */
  #heed(error: unknown): void {
    if (!(error instanceof ApiError) || !error.isRateLimit) return;
    this.#deps.bucket.hold(Math.min(error.retryAfterMs ?? 0, MAX_HOLD_MS));
  }

  async #pause(failures: number): Promise<void> {
    if (this.#stopped) return;
    const { clock, random } = this.#deps;
    const asked = this.#trouble instanceof ApiError ? this.#trouble.retryAfterMs ?? 0 : 0;
    const pauseMs = Math.max(
      Math.min(asked, MAX_HOLD_MS),
      backoffMs(failures, { ...RECONNECT, random }),
    );
    const { signal } = this.#controller;
    // Aborted pauses end the loop: it looks at the signal itself.
    await clock.sleep(pauseMs, signal).then(() => this.#deps.bucket.take(CONNECT_COST, signal))
      .catch(() => {});
  }

  /** One life of the stream. Resolves when the server ends it. */
  async #connect(): Promise<void> {
    const { clock, counters = { openStreams: 0, reconnects: 0 } } = this.#deps;
    let opened = 0;
    const connection = new AbortController();
    const bound = bindSignal(clock, { signals: [connection.signal, this.#controller.signal] });
    const opening = this.#events.stream(this.#sessionId, {
      signal: bound.signal,
      timeoutMs: OPEN_TIMEOUT_MS,
    });
    // Whoever leaves before the stream is open still closes it.
    opening.then((stream) => bound.signal.aborted && stream.close(), () => {});
    try {
      if (await isSlow(opening, clock, bound.signal)) {
        this.#deps.bucket.spend(1);
        await this.#readNews();
        this.#changed();
      }
      const stream = await opening;
      opened = 1;
      this.#streamShows = false;
      counters.openStreams += opened;
      // What was queued meanwhile may stand at the far end of the log.
      this.#history.forgetFarEnd();
      await this.#readNews();
      this.#trouble = undefined;
      this.#changed();
      await this.#listen(stream, connection);
    } finally {
      counters.openStreams -= opened;
      connection.abort(new DOMException("Done with this stream", "AbortError"));
      bound.dispose();
    }
  }

  async #listen(stream: EventStream, connection: AbortController): Promise<void> {
    const silence = watchStreamSilence(this.#deps.clock, () => {
      this.#deps.log.debug("stream silent, reconnecting", { session: this.#sessionId });
      connection.abort(new ApiError("The event stream went silent", { kind: "connection" }));
    });
    try {
      for await (const item of stream) {
        silence.heard();
        if (item.kind === "event" && this.#take(readEvent(item.event))) this.#changed();
        if (item.kind === "lost") await this.#recoverLost();
      }
    } finally {
      silence.stop();
      stream.close();
    }
  }

  /** Adds an event of the stream; one from before all that was read is a replay. */
  #take(event: LogEvent): boolean {
    if (!this.complete && this.log.isBefore(event)) return false;
    if (!this.log.addLive(event)) return false;
    this.#streamShows = true;
    this.#streamIsAhead = true;
    this.#eventsCame();
    return true;
  }

  /** A frame that could not be read may have been an event: history has it. */
  async #recoverLost(): Promise<void> {
    await this.#deps.bucket.take(1, this.#controller.signal);
    await this.#readNews();
    this.#changed();
  }

  #eventsCame(): void {
    this.#heardAt = this.#deps.clock.now();
    this.#polled = undefined;
    this.#looks = 0;
  }

  #changed(): void {
    if (this.#stopped) return;
    this.#reader.update();
    this.#planLook();
    for (const listener of [...this.#listeners]) listener();
  }

  #planLook(): void {
    // A look finds no way that the stream does not find.
    if (this.#history.done === 0 || this.#outOfReach || this.#failure || this.#stopped) {
      return this.#nextLook.clear();
    }
    const { clock, random = Math.random } = this.#deps;
    const { turn } = this.#reader;
    if (this.#looks === 0) this.#quietMs = clock.wallTime() - (this.log.endsAt ?? Infinity);
    const stands: Verdict = this.#deps.isExpecting(this.log)
      ? { over: false, waitingFor: "queued" }
      : this.#verdictOf(turn);
    // Without a single event only the session tells whether one is to come.
    const atOnce = !stands.over && stands.waitingFor === "first_event" && this.#looks === 0;
    const plannedMs = atOnce
      ? 0
      : lookDelayMs(turn, stands, this.#looks, this.#polled, this.#quietMs);
    const delayMs = this.#refusals.count > 0 ? Math.min(plannedMs, REFUSED_LOOK_MS) : plannedMs;
    this.#looksAtOnce = atOnce;
    this.#nextLook.set(delayMs * (0.9 + 0.2 * random()));
  }

  /** A session that is at work although its known events end needs looking at soon. */
  #verdictOf(turn: Turn): Verdict {
    const stands = verdictOf(turn, this.#polled);
    const works = stands.over && this.#polled !== undefined && isWorking(this.#polled);
    return works ? { over: false, waitingFor: "resume" } : stands;
  }

  /**
   * Asks for the session's status; when that says the turn is over, the log must agree.
   *
   * @param signal gives up a look that has not begun when the next one is planned
   */
  async #look(signal: AbortSignal): Promise<void> {
    const { bucket } = this.#deps;
    if (this.#looksAtOnce) bucket.spend(1);
    else if (!await bucket.take(1, signal, { patient: true }).then(() => true, () => false)) return;
    await this.#lookNow();
  }

  async #lookNow(): Promise<void> {
    const { bucket } = this.#deps;
    this.#looks++;
    const before = this.log.entries.length;
    // Whoever may not read the session may read its list.
    const seen = await this.#see().catch((error) => {
      if (!isKeyRefused(error)) throw error;
      return undefined;
    });
    // What led to the end is in the list by then, whatever the stream has shown.
    if (!seen || !isWorking(seen)) {
      bucket.spend(1);
      await this.#readNews();
    }
    if (this.#stopped) return;
    if (this.log.entries.length > before) this.#polled = undefined;
    this.#changed();
  }

  /** Asks for the session's status and notes it; an answer that tells none shows nothing. */
  async #see(): Promise<Pick<PolledStatus, "status" | "archived"> | undefined> {
    const { clock, api } = this.#deps;
    const before = this.log.entries.length;
    const session = await api.sessions.retrieve(this.#sessionId, this.#history.options);
    this.#refusals = NO_REFUSALS;
    this.#heardAt = clock.now();
    const archived = Boolean(session.archived_at);
    if (session.status === undefined && !archived) return undefined;
    const seen = { status: session.status ?? "idle", archived };
    if (this.log.entries.length > before) return seen;
    const same = this.#polled?.status === seen.status && this.#polled.archived === archived;
    if (!same) this.#sightedSince = clock.now();
    this.#polled = { ...seen, steadyMs: clock.now() - this.#sightedSince };
    return seen;
  }

  /** Whether the session was deleted: its own endpoint says so, in the API's words. */
  async #isDeleted(): Promise<boolean> {
    try {
      await this.#see();
      return false;
    } catch (error) {
      if (!isGone(error)) return false;
      this.log.add({ kind: "deleted", key: "~deleted", queued: false });
      this.#changed();
      return true;
    }
  }

  #lookFailed(error: unknown): void {
    if (this.#stopped) return;
    this.#heed(error);
    if (isGone(error)) this.log.add({ kind: "deleted", key: "~deleted", queued: false });
    if (this.#isKeyRefusedForGood(error)) return this.#fail(error);
    this.#deps.log.debug("look failed", { session: this.#sessionId, error: unquoted(error) });
    this.#changed();
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#failure = { error };
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Whether the API itself says that there is no such session; a proxy's 404 says nothing. */
function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.isNotFound;
}

/** Whether the key is refused: it was revoked, or is being replaced. */
function isKeyRefused(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 401 || error.status === 403);
}

/** Whether an event shows that the session uses workflow runs or subagents. */
function tellsOfRuns({ kind, ...event }: LogEvent): boolean {
  return kind === "run_opened" || kind === "run_closed" ||
    (kind === "thread" && "change" in event && event.change === "created");
}
