/**
 * Waiting for a turn to end: the loop around a {@linkcode Turn}.
 *
 * @module
 */

import type { ManagedAgentsApi } from "../api/types.ts";
import { bindSignal, type BoundSignal, raceSignal } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { backoffMs } from "../core/backoff.ts";
import { ApiError } from "../api/errors.ts";
import { ToolError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { createTokenBucket, type TokenBucket } from "../core/token_bucket.ts";
import { type SessionFeed, SWIFT_PAGES } from "./feed.ts";
import { FeedHub, type FeedLease } from "./feed_hub.ts";
import type { CountingWaiter, WaitRequest, WaitResult, WaitStatus } from "./outcome.ts";
import { describeActivity, ProgressReporter, troubleWords } from "./progress.ts";
import { buildResult, REPLY_BUDGET } from "./result.ts";
import { type Verdict, verdictOf } from "./verdict.ts";
import { Turn, TurnReader } from "./turn.ts";

/** What {@linkcode createWaiter} is given. */
export interface WaiterOptions {
  readonly api: Pick<ManagedAgentsApi, "events" | "sessions">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Uniform random number in [0, 1), for jitter. */
  readonly random?: () => number;
  /** Show the inputs of tools that wait for an answer. */
  readonly exposeToolInputs?: boolean;
  /** Waits that may be open at once; default 1,000. */
  readonly maxOpenWaits?: number;
}

/** Pages of 1,000 events that a wait reads back for the beginning of a turn or for its cursor. */
const MAX_TURN_PAGES = 5;
const MAX_CURSOR_PAGES = 20;
/**
 * Reconnects and looks of all waits together, below the 1,200 reads a minute that the API allows an
 * organisation, so that calls that somebody waits for find room. Reads that a wait begins or ends
 * with are never held up, but count: 1,000 of them at once leave no room for others for 52 s.
 */
const BACKGROUND = { perMinute: 800, burst: 200, maxDebt: 700 } as const;
const RETRY = { baseMs: 1_000, capMs: 10_000 } as const;
/**
 * Pauses between looks for a cursor that the log does not show, in milliseconds: lists trail the
 * streams and the answers that gave it out.
 */
const CURSOR_LOOKS_MS: readonly number[] = [500, 1_000, 2_000, 4_000];
/** So long after a list that trails was read it is read again, in milliseconds. */
const LIST_TRAILS_MS = 2_500;
/** So long before its deadline a wait looks once more, in milliseconds: time for two looks. */
const LAST_LOOK_MS = 3_500;
/** So long a session's status may trail its events, in milliseconds. */
const STATUS_TRAILS_MS = 2_500;
/** After so many failed looks a turn without a word is believed to have ended. */
const MAX_SILENCE_LOOKS = 2;
/** A shorter wait has only just looked. */
const MIN_LAST_LOOK_MS = 5_000;

/** The process's waiter. */
export function createWaiter(options: WaiterOptions): CountingWaiter {
  const bucket = createTokenBucket({ ...BACKGROUND, clock: options.clock });
  const counters = { openStreams: 0, reconnects: 0 };
  const hub = new FeedHub({ ...options, bucket, counters });
  const closing = new AbortController();
  const maxOpenWaits = options.maxOpenWaits ?? 1_000;
  let openWaits = 0;

  async function wait(request: WaitRequest): Promise<WaitResult> {
    request.signal.throwIfAborted();
    if (closing.signal.aborted) return restarting(request, 0);
    if (openWaits >= maxOpenWaits) {
      throw new ToolError(
        "too_many_waits",
        `This server already holds ${maxOpenWaits} open waits, its limit: call again later`,
      );
    }
    openWaits++;
    const lease = hub.acquire(request.sessionId);
    const bound = bindSignal(options.clock, {
      signals: [request.signal, closing.signal],
      timeoutMs: request.timeoutMs,
    });
    try {
      const deps = { ...options, hub, bucket, closing: closing.signal };
      return await new Wait(deps, lease, request, bound).run();
    } finally {
      bound.dispose();
      lease.release();
      openWaits--;
    }
  }

  return {
    wait,
    expect: (...sent) => hub.expect(...sent),
    stats: () => ({ openWaits, ...counters }),
    close: () => closing.abort(new DOMException("The server is shutting down", "AbortError")),
  };
}

interface WaitDeps extends WaiterOptions {
  readonly hub: FeedHub;
  readonly bucket: TokenBucket;
  readonly closing: AbortSignal;
}

/** What a wait answers that this server had no time for: nothing, and where to go on. */
function restarting({ sessionId, afterId }: WaitRequest, elapsedMs: number): WaitResult {
  return buildResult({
    sessionId,
    status: "timeout",
    turn: new Turn(afterId),
    elapsedMs,
    complete: true,
    seen: true,
    doing: "this server is restarting",
    exposeToolInputs: false,
    ...(afterId !== undefined && { afterId }),
  });
}

/** One call of `wait`. */
class Wait {
  readonly #options: WaitDeps;
  readonly #feed: SessionFeed;
  readonly #request: WaitRequest;
  readonly #bound: BoundSignal;
  readonly #reader: TurnReader;
  readonly #startedAt: number;
  readonly #progress: ProgressReporter;
  #mustRefresh: boolean;
  /** The first judgement found that the list trails the stream; undefined once that is dealt with. */
  #trail: {
    readonly foundAt: number;
    readonly readsDone: number;
    readonly inTurn: boolean;
  } | undefined;
  #judged = false;
  #cancelReread = () => {};
  /** When a list that trails is to be read again; undefined once that is done, or needless. */
  #rereadAt: number | undefined;
  #pagesBack = 0;
  #failures = 0;
  #cursorLooks = 0;
  #nextCursorLookAt = -Infinity;
  #retry: { readonly readsDone: number; cancel(): void } | undefined;

  constructor(
    options: WaitDeps,
    lease: FeedLease,
    request: WaitRequest,
    bound: BoundSignal,
  ) {
    this.#options = options;
    this.#feed = lease.feed;
    this.#mustRefresh = lease.joined;
    this.#request = request;
    this.#bound = bound;
    this.#reader = new TurnReader(lease.feed.log, request.afterId);
    this.#startedAt = options.clock.now();
    this.#progress = new ProgressReporter(options.clock, request.onProgress, () => this.#doing());
  }

  async run(): Promise<WaitResult> {
    const { signal } = this.#bound;
    let wake = () => {};
    const unsubscribe = this.#feed.subscribe(() => wake());
    const cancelLastLook = this.#planLastLook();
    this.#progress.say("waiting for the agent");
    try {
      for (let told = false;;) {
        const changed = new Promise<void>((resolve) => wake = resolve);
        const news = this.#reader.update();
        if (told) this.#progress.report(news);
        const status = await raceSignal(this.#judgeOrRetry(() => wake()), signal);
        if (status !== undefined) return this.#result(status);
        if (this.#feed.failure) throw this.#feed.failure.error;
        if (this.#feed.readsDone > 0) this.#reader.watch();
        // Events from before this call are no news, but what they led to is.
        if (!told && this.#feed.readsDone > 0) {
          told = true;
          this.#progress.say(this.#doing());
        }
        await raceSignal(changed, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#request.signal.throwIfAborted();
      this.#reader.update();
      return this.#result("timeout");
    } finally {
      unsubscribe();
      cancelLastLook();
      this.#cancelReread();
      this.#retry?.cancel();
      this.#progress.dispose();
    }
  }

  /** A stream can show life and hide the end: before 'timeout' is said the session is asked. */
  #planLastLook(): () => void {
    const { clock } = this.#options;
    const { timeoutMs } = this.#request;
    if (timeoutMs < MIN_LAST_LOOK_MS) return () => {};
    return clock.after(Math.max(timeoutMs - LAST_LOOK_MS, timeoutMs / 2), () => {
      void this.#feed.lookOnce(this.#bound.signal);
    });
  }

  /** A read that fails for a passing reason postpones the verdict, nothing more. */
  async #judgeOrRetry(wake: () => void): Promise<WaitStatus | undefined> {
    // Whatever else happens, a failed read is repeated in its time, or when the feed could read.
    if (this.#retry?.readsDone === this.#feed.readsDone) return undefined;
    this.#retry?.cancel();
    this.#retry = undefined;
    try {
      const status = await this.#judge(wake);
      this.#failures = 0;
      return status;
    } catch (error) {
      const { signal } = this.#bound;
      if (!(error instanceof ApiError) || !error.retryable || signal.aborted) throw error;
      const backOffMs = backoffMs(this.#failures++, { ...RETRY, random: this.#options.random });
      this.#judgeIn(Math.max(backOffMs, error.retryAfterMs ?? 0), wake);
      return undefined;
    }
  }

  /** Judges after so many milliseconds and when there is room for a request, or when news come. */
  #judgeIn(delayMs: number, wake: () => void): void {
    const { clock, bucket } = this.#options;
    const given = new AbortController();
    const cancelTimer = clock.after(delayMs, () => {
      bucket.take(1, given.signal).then(() => {
        this.#retry = undefined;
        wake();
      }, () => {});
    });
    const cancel = () => {
      cancelTimer();
      given.abort();
    };
    this.#retry = { readsDone: this.#feed.readsDone, cancel };
  }

  /** The status that ends the wait, or undefined to go on; reads what the verdict still needs. */
  async #judge(wake: () => void): Promise<WaitStatus | undefined> {
    const feed = this.#feed;
    if (feed.readsDone === 0) return undefined;
    await this.#reachBack();
    this.#noteTrailingList(wake);
    if (this.#isCursorMissing() && !await this.#lookForCursor(wake)) return undefined;
    this.#noteTrailingList(wake);
    if (!await this.#rereadTrailingList(wake)) return undefined;
    let stands = this.#verdict();
    if (!stands.over) return undefined;
    if (this.#mustRefresh || feed.log.hasUnnamed) {
      await feed.refresh();
      this.#mustRefresh = false;
    }
    await feed.confirmNothingHidden();
    this.#reader.update();
    stands = this.#verdict();
    if (!stands.over) return undefined;
    if (stands.status === "idle" && this.#reader.turn.collected.textLength === 0) {
      if (!await this.#confirmSilence()) return undefined;
      stands = this.#verdict();
      if (!stands.over) return undefined;
    }
    const finished = stands.status === "idle" || stands.status === "retries_exhausted";
    return finished && !await feed.isAtRest() ? undefined : stands.status;
  }

  /**
   * Looks once more before a turn is said to have ended without a word: a stream can show the end
   * before the words, and a session at work may show nothing of it.
   *
   * @returns whether the session rests
   */
  async #confirmSilence(): Promise<boolean> {
    const feed = this.#feed;
    try {
      if (!feed.streamIsAhead) {
        const quietMs = this.#options.clock.wallTime() - (feed.log.endsAt ?? -Infinity);
        return quietMs < STATUS_TRAILS_MS || await feed.isAtRest({ ask: true });
      }
      await feed.refresh();
      this.#reader.update();
    } catch (error) {
      // What the events say holds where nothing else can be had.
      if (!(error instanceof ApiError) || this.#failures < MAX_SILENCE_LOOKS) throw error;
    }
    return true;
  }

  #verdict(): Verdict {
    return this.#isExpecting()
      ? { over: false, waitingFor: "queued" }
      : verdictOf(this.#reader.turn, this.#feed.polledStatus);
  }

  /** Reads back to the cursor, or to the beginning of the turn as far as the reply has room. */
  async #reachBack(): Promise<void> {
    const feed = this.#feed;
    while (!feed.complete && this.#needsOlder()) {
      await feed.loadOlder(() => this.#isFarEnough());
      this.#reader.update();
    }
  }

  /**
   * A list that does not show what was sent, or given out, trails the stream: between the two lies a
   * gap, which a later reading closes. Not where the stream brings the missing event after a turn
   * that is known to its end: all that follows is on the stream too.
   */
  #noteTrailingList(wake: () => void): void {
    const { clock } = this.#options;
    const { readsDone } = this.#feed;
    const isMissing = this.#isExpecting() || this.#isCursorMissing();
    if (!this.#judged && isMissing) {
      const { phase } = this.#reader.turn;
      const inTurn = phase !== "ended" && phase !== "unknown";
      this.#trail = { foundAt: clock.now(), readsDone, inTurn };
      if (inTurn) this.#cancelReread = clock.after(LIST_TRAILS_MS, wake);
    }
    this.#judged = true;
    if (!this.#trail) return;
    const { foundAt, readsDone: readsThen, inTurn } = this.#trail;
    const rereadAt = foundAt + LIST_TRAILS_MS;
    if (isMissing && (!inTurn || clock.now() < rereadAt)) return;
    if (isMissing || inTurn || readsDone > readsThen) this.#rereadAt = rereadAt;
    else this.#cancelReread();
    this.#trail = undefined;
  }

  /** @returns whether that is done; if not, it is planned */
  async #rereadTrailingList(wake: () => void): Promise<boolean> {
    if (this.#rereadAt === undefined) return true;
    const earlyMs = this.#rereadAt - this.#options.clock.now();
    if (earlyMs > 0) {
      this.#judgeIn(earlyMs, wake);
      return false;
    }
    await this.#feed.refresh();
    this.#rereadAt = undefined;
    this.#mustRefresh = false;
    this.#reader.update();
    return true;
  }

  #isCursorMissing(): boolean {
    const { anchor } = this.#reader.turn;
    return anchor !== undefined && anchor.id === undefined && !this.#isExpecting();
  }

  #isExpecting(): boolean {
    return this.#options.hub.isExpecting(this.#request.sessionId, this.#feed.log);
  }

  /**
   * Looks again for a cursor that the log does not show: lists can trail what gave it out, and while
   * it may be a message whose turn is to come, no turn's end is an answer.
   *
   * @returns whether it is there now; if not, a later look is planned
   * @throws `ToolError` `unknown_event` when it has not come in some seconds
   */
  async #lookForCursor(wake: () => void): Promise<boolean> {
    const feed = this.#feed;
    const { clock } = this.#options;
    if (clock.now() >= this.#nextCursorLookAt) {
      if (this.#cursorLooks > 0) {
        await feed.refresh();
        this.#reader.update();
        if (!this.#isCursorMissing()) return true;
      }
      const delayMs = CURSOR_LOOKS_MS[this.#cursorLooks++];
      if (delayMs === undefined) throw this.#unknownCursor();
      this.#nextCursorLookAt = clock.now() + delayMs;
    }
    this.#judgeIn(this.#nextCursorLookAt - clock.now(), wake);
    return false;
  }

  #unknownCursor(): ToolError {
    return new ToolError(
      "unknown_event",
      `after_id '${this.#request.afterId}' is not in this session's log` +
        (this.#feed.complete ? "" : ", or is too old") +
        ": use the last_event_id of an earlier result, or leave after_id out",
    );
  }

  /** Asked after each page: with a cursor nothing else matters until its page is there. */
  #isFarEnough(): boolean {
    this.#pagesBack++;
    const { anchor } = this.#reader.turn;
    const isEnough = !anchor || anchor.ids.some((id) => this.#feed.log.has(id)) ||
      this.#pagesBack >= MAX_CURSOR_PAGES;
    if (!isEnough && this.#pagesBack >= SWIFT_PAGES) this.#request.onLongLook?.();
    return isEnough;
  }

  #needsOlder(): boolean {
    const { anchor, sawTurnStart, collected } = this.#reader.turn;
    if (anchor) return anchor.id === undefined && this.#pagesBack < MAX_CURSOR_PAGES;
    const hasRoom = collected.textLength < REPLY_BUDGET;
    return !sawTurnStart && hasRoom && this.#pagesBack < MAX_TURN_PAGES;
  }

  #doing(): string {
    if (this.#feed.trouble !== undefined) {
      return `${troubleWords(this.#feed.trouble)}, trying again`;
    }
    const stands = this.#verdict();
    return stands.over ? "finishing" : describeActivity(this.#reader.turn, stands.waitingFor);
  }

  #result(status: WaitStatus): WaitResult {
    const { turn } = this.#reader;
    const elapsedMs = this.#options.clock.now() - this.#startedAt;
    if (this.#options.closing.aborted && this.#feed.readsDone === 0) {
      return restarting(this.#request, elapsedMs);
    }
    const { sessionId, afterId } = this.#request;
    // What the turn before said is no part of what is expected.
    const isNext = status === "timeout" && turn.phase === "ended" && this.#isExpecting();
    return buildResult({
      sessionId,
      status,
      turn: isNext && !turn.anchor ? new Turn(turn.cursor) : turn,
      elapsedMs,
      complete: !this.#feed.hasGap &&
        (this.#feed.complete ||
          (turn.anchor ? turn.anchor.id !== undefined : turn.sawTurnStart)),
      seen: this.#feed.readsDone > 0,
      trouble: this.#feed.trouble,
      doing: this.#doing(),
      exposeToolInputs: this.#options.exposeToolInputs ?? false,
      ...(afterId !== undefined && { afterId }),
    });
  }
}
