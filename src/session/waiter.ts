/**
 * Waits for turns to end.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import type { ManagedAgentsApi } from "../api/types.ts";
import { bindSignal, type BoundSignal, raceSignal } from "../core/abort.ts";
import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { ToolError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { createTokenBucket, type TokenBucket } from "../core/token_bucket.ts";
import { waitingCallIds } from "./event_status.ts";
import { FeedHub, type FeedLease, type SessionFeed, SWIFT_PAGES } from "./feed.ts";
import type { AnswerWay } from "./pending_actions.ts";
import {
  buildResult,
  REPLY_BUDGET,
  type ResultParts,
  type ResultRoom,
  type WaitResult,
} from "./result.ts";
import { type SessionLook, SessionWatches } from "./session_watch.ts";
import type { WaitStatus } from "./verdict.ts";
import { describeActivity, describeConnectionError, WaitProgress } from "./progress.ts";
import { type Collected, Turn, TurnReader } from "./turn.ts";
import { type SentMessage, UnseenSends } from "./unseen_sends.ts";

/** Options of {@linkcode createWaiter}. */
export interface WaiterOptions {
  readonly api: Pick<ManagedAgentsApi, "events" | "sessions">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Uniform random number in [0, 1), for jitter. */
  readonly random?: () => number;
  /** Show the inputs of tools that wait for an answer. */
  readonly exposeToolInputs?: boolean;
  /** Address of the console's sessions, without a slash at its end; results name no page without. */
  readonly consoleUrl?: string;
  /** Waits that may be open at once; default 1,000. */
  readonly maxWaits?: number;
}

/** One wait. */
export interface WaitRequest {
  readonly sessionId: string;
  /** Milliseconds until the wait answers `timeout`. */
  readonly timeoutMs: number;
  /** Only what came after this event counts towards the reply. */
  readonly afterId?: string;
  /** Longest reply, in characters of its JSON text; what finds room in a tool's result when absent. */
  readonly replyChars?: number;
  /** Returns true for a tool that the caller has; the tools of the set `core` when absent. */
  readonly has?: (tool: string) => boolean;
  /**
   * Tool that asks an agent and waits in one call, where this wait is part of such a call: texts name
   * it for going on. Absent for a wait by itself.
   */
  readonly askTool?: string;
  /** What a person of the caller is asked about; nothing when absent. */
  readonly asksAbout?: readonly AnswerWay[];
  /** What a person can answer in the session view beside the result; nothing when absent. */
  readonly viewAnswers?: readonly AnswerWay[];
  /** Words for the call that goes on waiting, with the cursor; those of the caller's tool if absent. */
  readonly again?: (cursor: string | undefined) => string;
  /** Ends the wait and frees its upstream stream; the agent goes on. */
  readonly signal: AbortSignal;
  /** Ends the wait as if its time were up. */
  readonly timeUp?: AbortSignal;
  /** Called whenever the session has been read, and its turn is not over. */
  readonly onGoesOn?: () => void;
  /** Called at once, on every meaningful event, and every few seconds while there is none. */
  readonly onProgress?: (message: string) => void;
  /**
   * Called at the end of the wait with people's decisions on tool calls that the events tell of,
   * whoever sent them: those that count towards the reply, oldest first.
   */
  readonly onDecisions?: (decisions: Collected["decisions"]) => void;
  /** Called before each page of a long search for `afterId`; what it throws ends the wait. */
  readonly onLongSearch?: () => void;
}

/** Waits for turns to end. One per process: waits on one session share a stream. */
export interface Waiter {
  /**
   * @throws `ApiError` when the session does not exist or the API refuses; `ToolError` when
   *   `afterId` is not an event of the session; the signal's reason when it aborts
   */
  wait(request: WaitRequest): Promise<WaitResult>;
  /**
   * Takes a place for several waits in a row on one session, with its stream open until the release.
   *
   * @throws `ToolError` when there are too many open waits
   */
  enter(sessionId: string): WaitPlace;
  /**
   * Tells the waiter that an event was sent: until the session's events show it, they are not taken
   * for those of a turn that has ended.
   *
   * @param eventId absent when the API did not tell it
   * @param message by which to know the event without its id; any event will do if both are absent
   * @param forMs milliseconds after which the events are believed all the same; 30 s when absent
   */
  rememberSend(sessionId: string, eventId?: string, message?: SentMessage, forMs?: number): void;
  /**
   * Looks at a session, for a person who watches it: it is read and judged as in a wait, without
   * being one. Its stream stays open for some seconds, for the next look.
   *
   * @param isFirst true if whoever looks knows nothing of the session yet
   * @throws `ApiError` when the session does not exist or the API refuses; the signal's reason
   */
  look(
    sessionId: string,
    options: { readonly signal: AbortSignal; readonly isFirst: boolean },
  ): Promise<SessionLook>;
  /** Ends every wait with what it has, and frees every stream. */
  close(): void;
}

/** How a wait ended. */
export interface WaitEnd {
  readonly status: WaitStatus;
  /** Makes the result, within so much room; as much as a tool's result has when absent. */
  result(room?: ResultRoom): WaitResult;
}

/** A place among the open waits; {@linkcode Waiter.enter} gives it. */
export interface WaitPlace {
  /** Waits as {@linkcode Waiter.wait} does. */
  wait(request: WaitRequest): Promise<WaitResult>;
  /** The same for several waits that share the room of one result. */
  waitForEnd(request: WaitRequest): Promise<WaitEnd>;
  /**
   * Resolves when none of some tool calls waits for an answer any longer, or the session can no
   * longer be followed.
   *
   * @param ids ids of the calls
   * @throws the signal's reason
   */
  whileBlocked(ids: readonly string[], signal: AbortSignal): Promise<void>;
  /** Gives the place back. Idempotent. */
  release(): void;
}

/** Counts for the operator what a process's waits are doing. */
export interface WaiterStats {
  /** Waits that are open now. */
  readonly openWaits: number;
  /** Event streams that are open now; waits on one session share one. */
  readonly openStreams: number;
  /** Event streams that were opened again after they had ended or failed, since the start. */
  readonly reconnects: number;
}

/** A waiter that tells what it is doing. */
export interface CountingWaiter extends Waiter {
  stats(): WaiterStats;
}

/** Pages of 1,000 events that a wait reads back for the beginning of a turn or for its cursor. */
const MAX_TURN_PAGES = 5;
const MAX_CURSOR_PAGES = 20;
/**
 * Reconnects and polls of all waits together, below the 1,200 reads a minute that the API allows an
 * organisation, so that calls that somebody waits for find room. Reads that a wait begins or ends
 * with are never held up, but count: 1,000 of them at once leave no room for others for 52 s. A
 * thousand streams that dropped at once are open again in a minute, and the lists are read in the
 * minute after that.
 */
const BACKGROUND = { perMinute: 800, burst: 200, maxDebt: 700, canSprint: true } as const;
const RETRY = { baseMs: 1_000, capMs: 10_000 } as const;
/**
 * Pauses between reads for a cursor that the list does not show, in milliseconds: lists lag behind
 * the streams and the responses that gave it out.
 */
const CURSOR_PAUSES_MS: readonly number[] = [500, 1_000, 2_000, 4_000];
/** Pause before a list that lags behind is read again, in milliseconds. */
const LIST_LAGS_MS = 2_500;
/** Time before its deadline at which a wait polls once more, in milliseconds: enough for two requests. */
const LAST_POLL_MS = 3_500;
/** Shortest wait that does so, in milliseconds: a shorter one has only just read the list. */
const MIN_LAST_POLL_MS = 5_000;
/** Longest time by which a session's status lags behind its events, in milliseconds. */
const STATUS_LAGS_MS = 2_500;
/** Failed reads after which a turn without a word counts as over. */
const MAX_SILENCE_READS = 2;

/** Makes the process's waiter. */
export function createWaiter(options: WaiterOptions): CountingWaiter {
  const { clock, maxWaits = 1_000 } = options;
  const bucket = createTokenBucket({ ...BACKGROUND, clock });
  const counters = { openStreams: 0, reconnects: 0 };
  const unseenSends = new UnseenSends(clock);
  const ends = new WaitEnds(clock);
  const deps = { ...options, bucket, counters, unseenSends, ends };
  const hub = new FeedHub(deps);
  let openWaits = 0;

  function enter(sessionId: string): WaitPlace {
    if (openWaits >= maxWaits) {
      throw new ToolError(
        "too_many_waits",
        `This server already holds ${maxWaits} open waits, its limit: call again later`,
      );
    }
    openWaits++;
    let lease = hub.acquire(sessionId);
    let isReleased = false;
    const waitForEnd = async (request: WaitRequest) => {
      request.signal.throwIfAborted();
      if (ends.isClosing) return endOf(restarting(request, 0));
      if (lease.feed.failure) {
        lease.release();
        lease = hub.acquire(sessionId);
      }
      const bound = ends.bind({
        signals: [request.signal, request.timeUp],
        timeoutMs: request.timeoutMs,
      });
      try {
        return endOf(await new Wait(deps, lease, request, bound).run());
      } finally {
        bound.dispose();
      }
    };
    return {
      waitForEnd,
      wait: async (request) => (await waitForEnd(request)).result(),
      whileBlocked: async (ids, signal) => {
        const bound = ends.bind({ signals: [signal] });
        try {
          await whileBlocked(lease.feed, ids, bound.signal);
        } catch (error) {
          signal.throwIfAborted();
          if (!ends.isClosing) throw error;
        } finally {
          bound.dispose();
        }
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        lease.release();
        openWaits--;
      },
    };
  }

  async function wait(request: WaitRequest): Promise<WaitResult> {
    request.signal.throwIfAborted();
    if (ends.isClosing) return endOf(restarting(request, 0)).result();
    const place = enter(request.sessionId);
    try {
      return await place.wait(request);
    } finally {
      place.release();
    }
  }

  const watches = new SessionWatches({
    api: options.api,
    clock,
    acquire: (sessionId) => hub.acquire(sessionId, { isWatch: true }),
    judge: async (lease, sessionId, { signal, onGoesOn }) => {
      const bound = bindSignal(clock, { signals: [signal] });
      // It ends with the turn, or with the watch.
      const request = { sessionId, timeoutMs: Infinity, signal, onGoesOn };
      try {
        return (await new Wait(deps, lease, request, bound).run()).status;
      } finally {
        bound.dispose();
      }
    },
  });

  return {
    wait,
    enter,
    look: (sessionId, looking) => watches.look(sessionId, looking),
    rememberSend: (...sent) => unseenSends.add(...sent),
    stats: () => ({ openWaits, ...counters }),
    close: () => {
      ends.close();
      watches.close();
    },
  };
}

interface WaitDeps extends WaiterOptions {
  readonly bucket: TokenBucket;
  readonly ends: WaitEnds;
}

/**
 * Ends all waits when the server closes. They are not bound to one signal, because whoever joins or
 * leaves the listeners of a signal makes the runtime look through all of them.
 */
class WaitEnds {
  readonly #clock: Clock;
  readonly #open = new Set<BoundSignal>();
  #reason: unknown;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isClosing(): boolean {
    return this.#reason !== undefined;
  }

  /** Does as {@linkcode bindSignal} does; `close` aborts the signal as well. */
  bind(options: Parameters<typeof bindSignal>[1]): BoundSignal {
    const bound = bindSignal(this.#clock, options);
    if (this.isClosing) bound.abort(this.#reason);
    else this.#open.add(bound);
    const dispose = () => {
      this.#open.delete(bound);
      bound.dispose();
    };
    return { ...bound, dispose };
  }

  close(): void {
    this.#reason = new DOMException("The server is shutting down", "AbortError");
    for (const bound of this.#open) bound.abort(this.#reason);
  }
}

function endOf(parts: ResultParts): WaitEnd {
  return { status: parts.status, result: (room) => buildResult({ ...parts, ...room }) };
}

/** The end of a wait that this server had no time for: nothing, and where to go on. */
function restarting(
  { sessionId, afterId, has, askTool, again }: WaitRequest,
  elapsedMs: number,
): ResultParts {
  return {
    sessionId,
    status: "timeout",
    turn: new Turn(),
    elapsedMs,
    complete: true,
    wasRead: true,
    doing: "this server is restarting",
    exposeToolInputs: false,
    has,
    again,
    askTool,
    afterId,
  };
}

/** Resolves when none of the calls waits for an answer any longer. */
async function whileBlocked(
  feed: SessionFeed,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const reader = new TurnReader(feed.history);
  let wake = () => {};
  const unsubscribe = feed.subscribe(() => wake());
  try {
    for (;;) {
      const changed = new Promise<void>((resolve) => wake = resolve);
      reader.update();
      const isKnown = feed.readsDone > 0;
      if (feed.failure || (isKnown && !isBlockedOn(feed, reader.turn, ids))) return;
      await raceSignal(changed, signal);
    }
  } finally {
    unsubscribe();
  }
}

/** True while a session waits for the answer to one of the calls. */
function isBlockedOn(feed: SessionFeed, turn: Turn, ids: readonly string[]): boolean {
  const verdict = feed.verdictOf(turn);
  if (turn.interrupting || (verdict.over && verdict.status !== "requires_action")) return false;
  const open = waitingCallIds(turn, feed.history.entries);
  return ids.some((id) => open.includes(id));
}

/** A list of events that lags behind the stream. */
interface Lag {
  /** The time at which it is read again. */
  readonly rereadAt: number;
  /** Reads of the list that were complete when the lag was found. */
  readonly readsDone: number;
  /** True if a turn was on then. */
  readonly inTurn: boolean;
  /** True once it is certain that the list is to be read again. */
  mustReread: boolean;
}

/** One call of `wait`. */
class Wait {
  readonly #deps: WaitDeps;
  readonly #feed: SessionFeed;
  readonly #request: WaitRequest;
  readonly #bound: BoundSignal;
  readonly #turnReader: TurnReader;
  readonly #startedAt: number;
  readonly #progress: WaitProgress;
  /** Makes the loop judge again. */
  #wake: () => void = () => {};
  /** Makes the loop give up what it waits for. */
  #interrupt: (reason: unknown) => void = () => {};
  /** True where the history dates from before this wait. */
  #mustRefresh: boolean;
  /** True where it is to be read again before the turn's end, which would have to wait for that. */
  #refreshesEarly: boolean;
  #judged = false;
  /** Set where the list was seen to lag behind the stream, until it was read again. */
  #lag: Lag | undefined;
  #cancelReread = () => {};
  #pagesBack = 0;
  #failures = 0;
  #cursorReads = 0;
  #nextCursorReadAt = -Infinity;
  /** Set while the next judgement has to wait, unless the feed reads the list before. */
  #retry: { readonly readsDone: number; cancel(): void } | undefined;

  constructor(deps: WaitDeps, lease: FeedLease, request: WaitRequest, bound: BoundSignal) {
    this.#deps = deps;
    this.#feed = lease.feed;
    this.#mustRefresh = lease.joined;
    this.#refreshesEarly = lease.joinsWatch;
    this.#request = request;
    this.#bound = bound;
    this.#turnReader = new TurnReader(lease.feed.history, request.afterId);
    this.#startedAt = deps.clock.now();
    this.#progress = new WaitProgress(deps.clock, request.onProgress, () => this.#doing());
  }

  get #turn(): Turn {
    return this.#turnReader.turn;
  }

  async run(): Promise<ResultParts> {
    const { signal } = this.#bound;
    const feed = this.#feed;
    const unsubscribe = feed.subscribe(() => this.#wake());
    const onAbort = () => {
      this.#interrupt(signal.reason);
      this.#wake();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const cancelLastPoll = this.#planLastPoll();
    this.#progress.say("waiting for the agent");
    try {
      for (let told = false;;) {
        const changed = new Promise<void>((resolve) => this.#wake = resolve);
        signal.throwIfAborted();
        const events = this.#turnReader.update();
        if (told) this.#progress.report(events, this.#turn);
        const status = await this.#unlessInterrupted(this.#judgeOrRetry());
        if (status !== undefined) return this.#end(status);
        if (feed.failure) throw feed.failure.error;
        if (feed.readsDone > 0) {
          this.#turnReader.watch();
          // Events from before this call are not told, but what they led to is.
          if (!told) this.#progress.say(this.#doing());
          told = true;
          this.#refreshEarly();
          if (this.#isKnownToGoOn()) this.#request.onGoesOn?.();
        }
        await changed;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#request.signal.throwIfAborted();
      // The time is up, or the server closes: the result has what came until now.
      this.#turnReader.update();
      return this.#end("timeout");
    } finally {
      unsubscribe();
      signal.removeEventListener("abort", onAbort);
      cancelLastPoll();
      this.#cancelReread();
      this.#retry?.cancel();
      this.#progress.dispose();
    }
  }

  /**
   * Returns the promise's outcome, unless the wait is to end first. For one promise at a time: the
   * loop does with one listener what `raceSignal` needs one for each time.
   */
  #unlessInterrupted<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      promise.then(resolve, reject);
      if (this.#bound.signal.aborted) reject(this.#bound.signal.reason);
    });
  }

  /** A stream can show life and hide the end: before 'timeout' is said the session is asked. */
  #planLastPoll(): () => void {
    const { timeoutMs } = this.#request;
    if (timeoutMs < MIN_LAST_POLL_MS || timeoutMs === Infinity) return () => {};
    return this.#deps.clock.after(Math.max(timeoutMs - LAST_POLL_MS, timeoutMs / 2), () => {
      void this.#feed.pollBeforeTimeout(this.#bound.signal);
    });
  }

  /** A read that fails for a passing reason postpones the verdict, nothing more. */
  async #judgeOrRetry(): Promise<WaitStatus | undefined> {
    // Whatever else happens, a failed read is repeated in its time, or when the feed could read.
    if (this.#retry?.readsDone === this.#feed.readsDone) return undefined;
    this.#retry?.cancel();
    this.#retry = undefined;
    if (this.#feed.readsDone === 0) return undefined;
    try {
      const status = await this.#judge();
      this.#failures = 0;
      return status;
    } catch (error) {
      if (!(error instanceof ApiError) || !error.retryable || this.#bound.signal.aborted) {
        throw error;
      }
      const pauseMs = backoffMs(this.#failures++, { ...RETRY, random: this.#deps.random });
      this.#judgeIn(Math.max(pauseMs, error.retryAfterMs ?? 0));
      return undefined;
    }
  }

  /** Judges after so many milliseconds and when there is room for a request, or when events come. */
  #judgeIn(delayMs: number): void {
    const { clock, bucket } = this.#deps;
    const canceled = new AbortController();
    const cancelTimer = clock.after(delayMs, () => {
      bucket.take(1, canceled.signal).then(() => {
        this.#retry = undefined;
        this.#wake();
      }, () => {});
    });
    const cancel = () => {
      cancelTimer();
      canceled.abort();
    };
    this.#retry = { readsDone: this.#feed.readsDone, cancel };
  }

  /** Returns the status that ends the wait, or undefined to go on; reads what that still needs. */
  async #judge(): Promise<WaitStatus | undefined> {
    const feed = this.#feed;
    while (!feed.complete && this.#needsOlder()) await this.#readOlder();
    this.#planReread();
    if (this.#isCursorMissing() && !await this.#findCursor()) return undefined;
    this.#planReread();
    if (this.#lag?.mustReread && !await this.#rereadIfDue(this.#lag)) return undefined;
    if (!this.#feed.verdictOf(this.#turn).over) return undefined;
    if (this.#mustRefresh || feed.history.lacksListIds) await this.#refresh();
    await feed.confirmNothingHidden();
    this.#turnReader.update();
    let verdict = this.#feed.verdictOf(this.#turn);
    if (!verdict.over) return undefined;
    if (verdict.status === "idle" && this.#turn.collected.textLength === 0) {
      if (!await this.#confirmSilence()) return undefined;
      verdict = this.#feed.verdictOf(this.#turn);
      if (!verdict.over) return undefined;
    }
    const finished = verdict.status === "idle" || verdict.status === "retries_exhausted";
    return finished && !await feed.isAtRest() ? undefined : verdict.status;
  }

  /** Returns false while only the session's status can tell if a message was ever sent. */
  #isKnownToGoOn(): boolean {
    const verdict = this.#feed.verdictOf(this.#turn);
    return verdict.over || verdict.waitingFor !== "first_event" || this.#feed.hasStatus;
  }

  /** Reads what is new in the list. */
  async #refresh(): Promise<void> {
    await this.#feed.refresh();
    this.#mustRefresh = false;
    this.#turnReader.update();
  }

  /** Reads the list of a feed that a watch has held, while the turn goes on. */
  #refreshEarly(): void {
    if (!this.#refreshesEarly) return;
    this.#refreshesEarly = false;
    this.#feed.refresh().then(
      () => this.#mustRefresh = false,
      // Then it is read at the end.
      () => {},
    );
  }

  /**
   * Asks once more before a turn is said to have ended without a word: a stream can show the end
   * before the words, and a session at work may show nothing of it.
   *
   * @returns true when the session rests
   */
  async #confirmSilence(): Promise<boolean> {
    const { history, streamIsAhead } = this.#feed;
    try {
      if (streamIsAhead) {
        await this.#refresh();
        return true;
      }
      const quietMs = this.#deps.clock.wallTime() - (history.endsAt ?? -Infinity);
      return quietMs < STATUS_LAGS_MS || await this.#feed.isAtRest({ ask: true });
    } catch (error) {
      // The reads go on failing: what the events say must do.
      if (!(error instanceof ApiError) || this.#failures < MAX_SILENCE_READS) throw error;
      return true;
    }
  }

  async #readOlder(): Promise<void> {
    await this.#feed.loadOlder(() => this.#isFarEnough());
    this.#turnReader.update();
  }

  /** True short of the cursor, or of the beginning of the turn as far as the reply has room. */
  #needsOlder(): boolean {
    const { anchor, sawTurnStart, collected } = this.#turn;
    if (anchor) return anchor.id === undefined && this.#pagesBack < MAX_CURSOR_PAGES;
    const hasRoom = collected.textLength < (this.#request.replyChars ?? REPLY_BUDGET);
    return !sawTurnStart && hasRoom && this.#pagesBack < MAX_TURN_PAGES;
  }

  /** Asked after each page: with a cursor nothing else matters until its page is there. */
  #isFarEnough(): boolean {
    this.#pagesBack++;
    const { anchor } = this.#turn;
    const isEnough = !anchor || anchor.ids.some((id) => this.#feed.history.has(id)) ||
      this.#pagesBack >= MAX_CURSOR_PAGES;
    if (!isEnough && this.#pagesBack >= SWIFT_PAGES) this.#request.onLongSearch?.();
    return isEnough;
  }

  /**
   * Plans to read the list again where it does not show what was sent, or given out. It then lags
   * behind the stream: between the two lies a gap, which a later read closes. Not where the stream
   * brings the missing event after a turn that is known to its end: all that follows is on the
   * stream too.
   */
  #planReread(): void {
    const { clock } = this.#deps;
    const { readsDone } = this.#feed;
    const isMissing = this.#feed.lacksSend || this.#isCursorMissing();
    if (!this.#judged && isMissing) {
      const { phase } = this.#turn;
      const inTurn = phase !== "ended" && phase !== "unknown";
      const rereadAt = clock.now() + LIST_LAGS_MS;
      this.#lag = { rereadAt, readsDone, inTurn, mustReread: false };
      if (inTurn) this.#cancelReread = clock.after(LIST_LAGS_MS, () => this.#wake());
    }
    this.#judged = true;
    const lag = this.#lag;
    if (!lag || lag.mustReread) return;
    if (isMissing && (!lag.inTurn || clock.now() < lag.rereadAt)) return;
    lag.mustReread = lag.inTurn || readsDone > lag.readsDone;
    if (!lag.mustReread) this.#lag = undefined;
  }

  /** Reads the list again as planned. @returns false while that is to come */
  async #rereadIfDue({ rereadAt }: Lag): Promise<boolean> {
    const earlyMs = rereadAt - this.#deps.clock.now();
    if (earlyMs > 0) {
      this.#judgeIn(earlyMs);
      return false;
    }
    await this.#refresh();
    this.#lag = undefined;
    return true;
  }

  #isCursorMissing(): boolean {
    const { anchor } = this.#turn;
    return anchor !== undefined && anchor.id === undefined && !this.#feed.lacksSend;
  }

  /**
   * Looks again for a cursor that the list does not show: lists can lag behind what gave it out, and
   * while it may be a message whose turn is to come, no turn's end is an answer.
   *
   * @returns true when it is there now; if not, a later read is planned
   * @throws `ToolError` `unknown_event` when it has not come in some seconds
   */
  async #findCursor(): Promise<boolean> {
    const { clock } = this.#deps;
    if (clock.now() >= this.#nextCursorReadAt) {
      if (this.#cursorReads > 0) {
        await this.#refresh();
        if (!this.#isCursorMissing()) return true;
      }
      const pauseMs = CURSOR_PAUSES_MS[this.#cursorReads++];
      if (pauseMs === undefined) throw this.#unknownCursor();
      this.#nextCursorReadAt = clock.now() + pauseMs;
    }
    this.#judgeIn(this.#nextCursorReadAt - clock.now());
    return false;
  }

  #unknownCursor(): ToolError {
    return new ToolError(
      "unknown_event",
      `after_id '${this.#request.afterId}' is not an event of this session` +
        (this.#feed.complete ? "" : ", or is too old") +
        ": use the last_event_id of an earlier result, or leave after_id out.",
    );
  }

  #doing(): string {
    const { connectionError } = this.#feed;
    if (connectionError !== undefined) {
      return `${describeConnectionError(connectionError)}, trying again`;
    }
    const verdict = this.#feed.verdictOf(this.#turn);
    return verdict.over ? "finishing" : describeActivity(this.#turn, verdict.waitingFor);
  }

  #end(status: WaitStatus): ResultParts {
    const { turn } = this.#turnReader;
    const feed = this.#feed;
    const elapsedMs = this.#deps.clock.now() - this.#startedAt;
    if (this.#deps.ends.isClosing && feed.readsDone === 0) {
      return restarting(this.#request, elapsedMs);
    }
    const { sessionId, afterId, replyChars, has, askTool, asksAbout, viewAnswers, again } =
      this.#request;
    // The text of the turn before is no reply to a message whose turn is to come.
    const isToCome = status === "timeout" && turn.phase === "ended" && this.#feed.lacksSend;
    this.#request.onDecisions?.(turn.collected.decisions);
    const reachesBack = turn.anchor ? turn.anchor.id !== undefined : turn.sawTurnStart;
    return {
      sessionId,
      status,
      turn: isToCome && !turn.anchor ? new Turn() : turn,
      elapsedMs,
      complete: !feed.hasGap && (feed.complete || reachesBack),
      wasRead: feed.readsDone > 0,
      connectionError: feed.connectionError,
      doing: this.#doing(),
      exposeToolInputs: this.#deps.exposeToolInputs ?? false,
      consoleUrl: this.#deps.consoleUrl,
      has,
      askTool,
      asksAbout,
      viewAnswers,
      again,
      afterId,
      replyChars,
    };
  }
}
