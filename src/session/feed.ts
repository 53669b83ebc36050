/**
 * One session's events, live: an upstream stream and the history around it, merged into a log that
 * any number of waits read.
 *
 * The order of work closes every gap: open the stream, then read history, then listen; after a
 * drop the same again. Looks at the session itself back it up (see `look_plan.ts`).
 *
 * @module
 */

import type { EventStream, ManagedAgentsApi } from "../api/api.ts";
import { bindSignal } from "../core/abort.ts";
import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { ApiError, unquoted } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Pace } from "../core/pace.ts";
import { EventLog } from "./event_log.ts";
import { Fold } from "./fold.ts";
import { readPage, readQueuedAtFarEnd, readTail } from "./history.ts";
import { readEvent } from "./log_event.ts";
import { lookDelayMs } from "./look_plan.ts";
import { isSlow, watchSilence } from "./stream_watch.ts";
import { type Sighting, type Standing, standing } from "./standing.ts";

/** What all feeds together are doing, for the operator. */
export interface FeedCounters {
  /** Streams that are open now. */
  openStreams: number;
  /** Streams that were opened again, since the start. */
  reconnects: number;
}

/** What a feed works with. */
export interface FeedDeps {
  readonly api: Pick<ManagedAgentsApi, "events" | "sessions">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
  /** The rate that reconnects and looks of all feeds together keep. */
  readonly pace: Pace;
  /** Whether an event of this session was sent of which the log does not know yet. */
  readonly isExpecting: (log: EventLog) => boolean;
  readonly counters?: FeedCounters;
}

const READ_TIMEOUT_MS = 30_000;
/** Requests of a connection: the stream and the newest page. */
const CONNECT_COST = 2;
/** A longer pause that the API asks for is not taken over by all feeds. */
const MAX_HOLD_MS = 60_000;
const RECONNECT = { baseMs: 250, capMs: 10_000 } as const;

/** See the module. Created by `FeedHub`, which counts who uses it. */
export class SessionFeed {
  readonly log = new EventLog();
  readonly #deps: FeedDeps;
  readonly #sessionId: string;
  readonly #fold = new Fold(this.log);
  readonly #listeners = new Set<() => void>();
  readonly #controller = new AbortController();
  #reads: Promise<unknown> = Promise.resolve();
  #readsDone = 0;
  #readsTried = 0;
  #older: string | undefined;
  #farEndRead: Promise<void> | undefined;
  #sighting: Sighting | undefined;
  #sightedSince = 0;
  #looks = 0;
  #cancelLook: (() => void) | undefined;
  #outOfReach = false;
  #failure: { readonly error: unknown } | undefined;
  #trouble: unknown;

  constructor(sessionId: string, deps: FeedDeps) {
    this.#sessionId = sessionId;
    this.#deps = deps;
  }

  /** Begins to listen; returns at once. */
  start(): void {
    this.#run().catch((error) => this.#fail(error));
  }

  /** Drops the stream, its timers and its listeners. Idempotent. */
  stop(): void {
    this.#controller.abort(new DOMException("Nobody waits any more", "AbortError"));
    this.#cancelLook?.();
    this.#listeners.clear();
  }

  /** How many reads of the history are complete; 0 means that nothing can be decided. */
  get readsDone(): number {
    return this.#readsDone;
  }

  /** Why the feed ended for good, when it did. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** What keeps the feed from the API at the moment; undefined while all is well. */
  get trouble(): unknown {
    return this.#trouble;
  }

  /** The latest look at the session, while no event has come since. */
  get sighting(): Sighting | undefined {
    return this.#sighting;
  }

  /** Whether the log reaches back to the session's first event. */
  get complete(): boolean {
    return this.#older === undefined;
  }

  /** Calls `listener` after every change. @returns how to stop that */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the next page back in time into the log. */
  async loadOlder(): Promise<void> {
    this.#deps.pace.spend(1);
    await this.#serially(async () => {
      if (this.#older === undefined) return;
      const page = await readPage(this.#events, this.#sessionId, this.#older, this.#readOptions);
      this.#older = page.older;
      this.log.prepend(page.events);
    });
    this.#changed();
  }

  /** Makes sure that no queued input hides at the far end of the log; reads once at most. */
  confirmNothingHidden(): Promise<void> {
    this.#farEndRead ??= this.complete ? Promise.resolve() : this.#readFarEnd();
    return this.#farEndRead;
  }

  /** Reads what is new in the log now, for a wait that joined a feed that is already live. */
  async refresh(): Promise<void> {
    this.#deps.pace.spend(1);
    await this.#readNews();
    this.#changed();
  }

  get #events() {
    return this.#deps.api.events;
  }

  get #readOptions() {
    // What fails is tried again by plan: retries of each request would multiply with that.
    return { signal: this.#controller.signal, timeoutMs: READ_TIMEOUT_MS, retry: false };
  }

  get #stopped(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Reads never overlap: each merges against what the one before it left. */
  #serially<T>(read: () => Promise<T>): Promise<T> {
    const result = this.#reads.then(read);
    this.#reads = result.catch(() => {});
    return result;
  }

  async #readFarEnd(): Promise<void> {
    this.#deps.pace.spend(1);
    try {
      await this.#serially(async () => {
        this.log.merge(
          await readQueuedAtFarEnd(this.#events, this.#sessionId, this.#readOptions),
        );
      });
    } catch (error) {
      this.#farEndRead = undefined;
      throw error;
    }
    this.#changed();
  }

  #readNews(): Promise<boolean> {
    return this.#serially(async () => {
      this.#readsTried++;
      const first = this.#readsDone === 0;
      let news: boolean;
      if (first) {
        const page = await readPage(this.#events, this.#sessionId, undefined, this.#readOptions);
        this.#older = page.older;
        news = this.log.merge(page.events);
      } else {
        const isKnown = (key: string) => this.log.has(key);
        news = this.log.merge(
          await readTail(this.#events, this.#sessionId, isKnown, this.#readOptions),
        );
      }
      this.#readsDone++;
      this.#outOfReach = false;
      if (news) this.#eventsCame();
      return news;
    });
  }

  async #run(): Promise<void> {
    let failures = 0;
    this.#deps.pace.spend(CONNECT_COST);
    for (let lives = 0; !this.#stopped; lives++) {
      if (lives > 0 && this.#deps.counters) this.#deps.counters.reconnects++;
      const before = this.log.entries.length;
      const triedBefore = this.#readsTried;
      try {
        await this.#connect();
        this.#deps.log.debug("stream ended", { session: this.#sessionId });
      } catch (error) {
        if (this.#stopped) return;
        await this.#afterFailure(error, this.#readsTried === triedBefore);
      }
      failures = this.log.entries.length > before ? 0 : failures + 1;
      await this.#pause(failures);
    }
  }

  /** History still answers many waits when the stream cannot be had: then it is `unread`. */
  async #afterFailure(error: unknown, unread: boolean): Promise<void> {
    this.#trouble = error;
    this.#heed(error);
    this.#deps.log.debug("stream failed", { session: this.#sessionId, error: unquoted(error) });
    if (error instanceof ApiError && error.status === 404 && this.#readsDone > 0) {
      this.log.add({ kind: "deleted", key: "~deleted", queued: false });
      this.#changed();
      return;
    }
    const fatal = error instanceof ApiError && !error.retryable;
    try {
      const unreachable = error instanceof ApiError && error.kind === "connect";
      this.#outOfReach = unreachable || !unread;
      if (unread && !unreachable) await this.#readNews();
      this.#changed();
    } catch (readError) {
      if (this.#stopped) return;
      this.#outOfReach = true;
      this.#heed(readError);
      if (readError instanceof ApiError && !readError.retryable) throw readError;
    }
    if (fatal) throw error;
  }

  /** Where the API asks for a pause, that is for all of its callers. */
  #heed(error: unknown): void {
    if (!(error instanceof ApiError) || error.status !== 429) return;
    this.#deps.pace.hold(Math.min(error.retryAfterMs ?? 0, MAX_HOLD_MS));
  }

  async #pause(failures: number): Promise<void> {
    if (this.#stopped) return;
    const { clock, random } = this.#deps;
    const asked = this.#trouble instanceof ApiError ? this.#trouble.retryAfterMs ?? 0 : 0;
    const pauseMs = Math.max(asked, backoffMs(failures, { ...RECONNECT, random }));
    const { signal } = this.#controller;
    // Aborted pauses end the loop: it looks at the signal itself.
    await clock.sleep(pauseMs, signal).then(() => this.#deps.pace.take(CONNECT_COST, signal))
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
      timeoutMs: READ_TIMEOUT_MS,
    });
    // Whoever leaves before the stream is open still closes it.
    opening.then((stream) => bound.signal.aborted && stream.close(), () => {});
    try {
      if (await isSlow(opening, clock, bound.signal)) {
        this.#deps.pace.spend(1);
        await this.#readNews();
        this.#changed();
      }
      const stream = await opening;
      opened = 1;
      counters.openStreams += opened;
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
    const silence = watchSilence(this.#deps.clock, () => {
      this.#deps.log.debug("stream silent, reconnecting", { session: this.#sessionId });
      connection.abort(new ApiError("The event stream went silent", { kind: "connection" }));
    });
    try {
      for await (const item of stream) {
        silence.heard();
        if (item.kind !== "event") continue;
        if (!this.log.add(readEvent(item.event))) continue;
        this.#eventsCame();
        this.#changed();
      }
    } finally {
      silence.stop();
      stream.close();
    }
  }

  #eventsCame(): void {
    this.#sighting = undefined;
    this.#looks = 0;
  }

  #changed(): void {
    if (this.#stopped) return;
    this.#fold.update();
    this.#planLook();
    for (const listener of [...this.#listeners]) listener();
  }

  #planLook(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    // A look finds no way that the stream does not find.
    if (this.#readsDone === 0 || this.#outOfReach || this.#failure || this.#stopped) return;
    const { clock, random = Math.random } = this.#deps;
    const { state } = this.#fold;
    const stands: Standing = this.#deps.isExpecting(this.log)
      ? { over: false, waitingFor: "queued" }
      : standing(state, this.#sighting);
    const atOnce = state.phase === "unknown" && this.#looks === 0;
    const delayMs = atOnce ? 0 : lookDelayMs(state, stands, this.#looks);
    const given = new AbortController();
    const cancelTimer = clock.after(delayMs * (0.9 + 0.2 * random()), () => {
      this.#look(atOnce, given.signal).catch((error) => this.#lookFailed(error));
    });
    this.#cancelLook = () => {
      cancelTimer();
      given.abort();
    };
  }

  /**
   * Asks for the session's status; when that says the turn is over, the log must agree.
   *
   * @param signal gives up a look that has not begun when the next one is planned
   */
  async #look(atOnce: boolean, signal: AbortSignal): Promise<void> {
    const { clock, api, pace } = this.#deps;
    if (atOnce) pace.spend(1);
    else if (!await pace.take(1, signal, { patient: true }).then(() => true, () => false)) return;
    this.#looks++;
    const before = this.log.entries.length;
    const session = await api.sessions.retrieve(this.#sessionId, this.#readOptions);
    const resting = session.status !== "running" && session.status !== "rescheduling";
    if (resting) {
      pace.spend(1);
      await this.#readNews();
    }
    if (this.#stopped) return;
    if (this.log.entries.length === before) {
      if (this.#sighting?.status !== session.status) this.#sightedSince = clock.now();
      this.#sighting = { status: session.status, steadyMs: clock.now() - this.#sightedSince };
    }
    this.#changed();
  }

  #lookFailed(error: unknown): void {
    if (this.#stopped) return;
    this.#heed(error);
    if (error instanceof ApiError && error.status === 404) {
      this.log.add({ kind: "deleted", key: "~deleted", queued: false });
    }
    this.#deps.log.debug("look failed", { session: this.#sessionId, error: unquoted(error) });
    this.#changed();
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#failure = { error };
    for (const listener of [...this.#listeners]) listener();
  }
}
