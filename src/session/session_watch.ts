/**
 * Watches sessions for people who look at them again and again: each look is short, and the session's
 * feed stays open between two looks, so that they cost no request.
 *
 * A watch is a wait that nobody waits for: it reads and judges as a wait does, so that both say the
 * same of a session, and it stands among no waits that are counted.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import { textOf } from "../api/read.ts";
import type { ManagedAgentsApi } from "../api/types.ts";
import { bindSignal, raceSignal } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { ToolError } from "../core/errors.ts";
import type { AskedCalls } from "./asked_calls.ts";
import { readEvent } from "./event_types.ts";
import type { FeedLease } from "./feed.ts";
import { describeActivity, describeConnectionError } from "./progress.ts";
import { TurnEntries } from "./turn_entries.ts";
import { TurnTimeline } from "./turn_timeline.ts";
import type { Turn } from "./turn.ts";
import type { WaitStatus } from "./verdict.ts";
import type { Timeline, WatchedStatus, WatchedTurn } from "./watched_session.ts";

/**
 * Milliseconds for which a session's feed stays open after the latest look: longer than the longest
 * pause between two looks of a page, so that none of them opens it anew.
 */
const LINGER_MS = 20_000;
/**
 * Most sessions whose feed stays open between two looks. Others are read anew at each look: to give
 * up one that is looked at for one more would leave all of them unread.
 */
const MAX_WATCHES = 100;
/** Longest time that a look waits for the session to be read, in milliseconds. */
const READ_MS = 8_000;
/** Longest time for reading a session's name and title, in milliseconds: a page can do without. */
const ABOUT_TIMEOUT_MS = 5_000;
/** Looks that try to read them, from the first one of a page on. */
const ABOUT_TRIES = 3;
/** Events that tell when the newest turn began, and for which message. */
const START_TYPES: readonly string[] = [
  "user.message",
  "user.define_outcome",
  "session.status_running",
  "session.status_rescheduled",
  "session.status_idle",
  "session.status_terminated",
];
/** Of them the newest that are read. */
const START_EVENTS = 100;

/**
 * Milliseconds after which calls that wait are read again: the input of a call may have grown where no
 * event tells of it, and a person must not decide on the old one again and again.
 */
const ASKED_MS = 15_000;

/** Times that one look has a turn judged. */
const MAX_JUDGEMENTS = 3;

/** What a look at a session shows. */
export interface SessionLook {
  readonly status: WatchedStatus;
  /** What the agent is doing, or about to do; only while it works. */
  readonly doing?: string;
  /** Why the session cannot be read at the moment. */
  readonly connectionError?: string;
  /** Name of the session's agent, as the API has it; absent where it is not known. */
  readonly agent?: string;
  readonly title?: string;
  /** The newest turn, to be shown; absent for a session without any. */
  readonly turn?: WatchedTurn;
  /** US cents that the session has cost; absent where not known. */
  readonly costCents?: number | undefined;
  /** The same of the newest turn. */
  readonly turnCostCents?: number | undefined;
  /** Milliseconds since the session was last seen to change. */
  readonly quietMs: number;
  /** False where the next look reads the session anew: so many are watched. */
  readonly isKept: boolean;
  /** See {@linkcode TurnTimeline.since}. */
  timeline(cursor: string | undefined, room: number): Timeline;
  /**
   * Returns the calls that wait for an answer: read once in 15 seconds while the session stands as it
   * does, and by no request where it waits for none.
   *
   * @param read reads them, until the signal aborts
   * @throws {@linkcode WatchEnded}; what `read` throws
   */
  askedCalls(read: (signal: AbortSignal) => Promise<AskedCalls>): Promise<AskedCalls["waiting"]>;
}

/** What the watches of a process share. */
export interface WatchDeps {
  readonly api: Pick<ManagedAgentsApi, "events" | "sessions">;
  readonly clock: Clock;
  /** Gives the use of a session's feed. */
  readonly acquire: (sessionId: string) => FeedLease;
  /**
   * Waits until the newest turn is over.
   *
   * @param onGoesOn called whenever the session has been read, and its turn is not over
   */
  readonly judge: (
    lease: FeedLease,
    sessionId: string,
    options: { readonly signal: AbortSignal; readonly onGoesOn: () => void },
  ) => Promise<WaitStatus>;
}

/** The watches of a process. */
export class SessionWatches {
  readonly #deps: WatchDeps;
  readonly #watches = new Map<string, SessionWatch>();
  #isClosed = false;

  constructor(deps: WatchDeps) {
    this.#deps = deps;
  }

  /**
   * Looks at a session: waits until it is read, for some seconds at most.
   *
   * @param isFirst true if whoever looks knows nothing of the session yet
   * @throws `ApiError` when the session does not exist or the API refuses; the signal's reason
   */
  async look(
    sessionId: string,
    { signal, isFirst }: { readonly signal: AbortSignal; readonly isFirst: boolean },
  ): Promise<SessionLook> {
    signal.throwIfAborted();
    if (this.#isClosed) {
      throw new ToolError(
        "restarting",
        "This server is restarting: look at the session again in some seconds.",
      );
    }
    const watch = this.#watch(sessionId);
    try {
      return await watch.look(signal, isFirst);
    } catch (error) {
      // The next look begins anew.
      if (!signal.aborted) watch.stop();
      throw error;
    }
  }

  /** Ends all watches. */
  close(): void {
    this.#isClosed = true;
    for (const watch of [...this.#watches.values()]) watch.stop();
  }

  #watch(sessionId: string): SessionWatch {
    const known = this.#watches.get(sessionId);
    if (known) return known;
    const isKept = this.#watches.size < MAX_WATCHES;
    const watch = new SessionWatch(sessionId, isKept, this.#deps, () => {
      if (this.#watches.get(sessionId) === watch) this.#watches.delete(sessionId);
    });
    this.#watches.set(sessionId, watch);
    return watch;
  }
}

/** A watch has ended while a look was under way: the next look begins another. */
export class WatchEnded extends Error {
  override readonly name = "WatchEnded";

  constructor() {
    super("The watch has ended");
  }
}

/** The name and the title of a session. */
type About = Pick<SessionLook, "agent" | "title">;

/** One watched session. */
class SessionWatch {
  readonly #sessionId: string;
  readonly #isKept: boolean;
  readonly #deps: WatchDeps;
  readonly #onStop: () => void;
  readonly #lease: FeedLease;
  readonly #timeline: TurnTimeline;
  readonly #controller = new AbortController();
  readonly #unsubscribe: () => void;
  /** Ends the watch after its latest look. */
  #cancelLinger = () => {};
  /** Looks, and reads of calls that wait, that go on. */
  #uses = 0;
  /** Called at every change. */
  readonly #wakes = new Set<() => void>();
  #isJudging = false;
  /** True once the running judgement has found that the turn goes on. */
  #goesOn = false;
  /** How the turn ended, and the events by which that was judged. */
  #judged: { readonly status: WaitStatus; readonly events: string } | undefined;
  #failure: { readonly error: unknown } | undefined;
  #about: About | undefined;
  #aboutRead: Promise<void> | undefined;
  #aboutTries = 0;
  /** How a turn began of which the history lacks the beginning, by the key that it has there. */
  #start: { readonly key: string; readonly turn?: TurnEntries } | undefined;
  #startRead: Promise<void> | undefined;
  #asked:
    | { readonly events: string; readonly at: number; readonly calls: Promise<AskedCalls> }
    | undefined;
  #changedAt: number;
  #seenEvents = "";

  /** @param isKept true if it goes on for some seconds after a look */
  constructor(sessionId: string, isKept: boolean, deps: WatchDeps, onStop: () => void) {
    this.#sessionId = sessionId;
    this.#isKept = isKept;
    this.#deps = deps;
    this.#onStop = onStop;
    this.#lease = deps.acquire(sessionId);
    const { feed } = this.#lease;
    this.#timeline = new TurnTimeline(feed.history, crypto.randomUUID().slice(0, 8));
    this.#unsubscribe = feed.subscribe(() => this.#wake());
    this.#changedAt = deps.clock.now();
    this.#judge();
  }

  look(signal: AbortSignal, isFirst: boolean): Promise<SessionLook> {
    return this.#use(async () => {
      if (isFirst) this.#aboutTries = ABOUT_TRIES;
      this.#readAbout();
      await this.#untilKnown(signal, isFirst);
      const failure = this.#failure ?? this.#lease.feed.failure;
      if (failure) throw failure.error;
      return this.#show();
    });
  }

  /** Runs something during which the watch goes on, and some seconds after that if it is kept. */
  async #use<T>(run: () => Promise<T>): Promise<T> {
    this.#uses++;
    this.#cancelLinger();
    try {
      return await run();
    } finally {
      this.#uses--;
      if (this.#uses === 0 && !this.#controller.signal.aborted) {
        const lingerMs = this.#isKept ? LINGER_MS : 0;
        this.#cancelLinger = this.#deps.clock.after(lingerMs, () => this.stop());
      }
    }
  }

  /** Drops the feed. Idempotent. */
  stop(): void {
    if (this.#controller.signal.aborted) return;
    this.#controller.abort(new WatchEnded());
    this.#cancelLinger();
    this.#unsubscribe();
    this.#lease.release();
    this.#onStop();
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#wakes]) wake();
  }

  /** Another text for other events. */
  get #events(): string {
    const { epoch, entries } = this.#lease.feed.history;
    return `${epoch} ${entries.length}`;
  }

  /** Begins to judge the newest turn, which ends with the turn. */
  #judge(): void {
    const { signal } = this.#controller;
    this.#isJudging = true;
    this.#goesOn = false;
    const onGoesOn = () => {
      if (this.#goesOn) return;
      this.#goesOn = true;
      this.#wake();
    };
    this.#deps.judge(this.#lease, this.#sessionId, { signal, onGoesOn }).then(
      (status) => this.#judged = { status, events: this.#events },
      (error) => {
        if (!signal.aborted) this.#failure = { error };
      },
    ).finally(() => {
      this.#isJudging = false;
      this.#wake();
    });
  }

  /** The status of a turn that is over, while nothing has come since. */
  get #endStatus(): WaitStatus | undefined {
    const judged = this.#judged;
    if (this.#isJudging || judged?.events !== this.#events) return undefined;
    const verdict = this.#verdict;
    return verdict.over && verdict.status === judged.status ? judged.status : undefined;
  }

  get #verdict() {
    return this.#lease.feed.verdictOf(this.#newest.turn);
  }

  /** Resolves when it is known how the session stands, and at the latest after some seconds. */
  async #untilKnown(signal: AbortSignal, isFirst: boolean): Promise<void> {
    const stopped = this.#controller.signal;
    const bound = bindSignal(this.#deps.clock, { signals: [signal, stopped], timeoutMs: READ_MS });
    let wake = () => {};
    const woken = () => wake();
    let judgements = 0;
    this.#wakes.add(woken);
    try {
      while (!this.#isKnown()) {
        const changed = new Promise<void>((resolve) => wake = resolve);
        // The session's status, which is no event, can change what a turn's end was judged by.
        if (!this.#isJudging && judgements++ < MAX_JUDGEMENTS) this.#judge();
        if (!this.#isJudging) break;
        await raceSignal(changed, bound.signal);
      }
      this.#readStart();
      // Where the first look of a page has waited for the name in vain, the next ones do not wait.
      const aboutRead = isFirst ? this.#aboutRead : undefined;
      await raceSignal(Promise.all([aboutRead, this.#startRead]), bound.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!bound.signal.aborted) throw error;
    } finally {
      this.#wakes.delete(woken);
      bound.dispose();
    }
  }

  #isKnown(): boolean {
    if (this.#failure || this.#lease.feed.failure || this.#endStatus !== undefined) return true;
    return this.#isJudging && this.#goesOn;
  }

  /** Reads the session's agent and title, once if that succeeds. */
  #readAbout(): void {
    if (this.#about || this.#aboutRead || this.#aboutTries === 0) return;
    this.#aboutTries--;
    const { signal } = this.#controller;
    const options = { signal, timeoutMs: ABOUT_TIMEOUT_MS, retry: false };
    this.#aboutRead = this.#deps.api.sessions.retrieve(this.#sessionId, options).then(
      ({ agent, title }) => {
        const name = typeof agent === "object" ? textOf(agent?.name) : undefined;
        const shownTitle = textOf(title);
        this.#about = {
          ...(name !== undefined && { agent: name }),
          ...(shownTitle !== undefined && { title: shownTitle }),
        };
      },
      (error) => {
        // A page can do without.
        if (!(error instanceof ApiError) && !signal.aborted) this.#failure = { error };
      },
    ).finally(() => this.#aboutRead = undefined);
  }

  /** Reads the beginning of a turn that is longer than what is read of it, once. */
  #readStart(): void {
    const { key, knowsStart } = this.#newest;
    if (key === undefined || knowsStart || this.#lease.feed.complete) return;
    if (this.#start?.key === key) return;
    this.#start = { key };
    const { signal } = this.#controller;
    const params = { order: "desc", limit: START_EVENTS, types: START_TYPES } as const;
    const options = { signal, timeoutMs: ABOUT_TIMEOUT_MS, retry: false };
    this.#startRead = this.#deps.api.events.list(this.#sessionId, params, options).then(
      ({ data }) => {
        const turn = new TurnEntries();
        for (const event of data.toReversed()) turn.add(readEvent(event));
        if (turn.knowsStart) this.#start = { key, turn };
      },
      (error) => {
        if (!(error instanceof ApiError) && !signal.aborted) this.#failure = { error };
      },
    ).finally(() => this.#startRead = undefined);
  }

  get #newest(): TurnEntries {
    this.#timeline.read();
    return this.#timeline.newest;
  }

  #show(): SessionLook {
    const { feed } = this.#lease;
    const end = this.#endStatus;
    const verdict = this.#verdict;
    const { newest } = this.#timeline;
    const { turn } = newest;
    const waiting = this.#waitingIds(turn, end);
    this.#timeline.settle({
      isAtRest: end !== undefined && end !== "requires_action",
      waiting,
    });
    const now = this.#deps.clock.now();
    if (this.#seenEvents !== this.#events) {
      this.#seenEvents = this.#events;
      this.#changedAt = now;
    }
    const { connectionError } = feed;
    const wasRead = feed.readsDone > 0;
    const isOver = end !== undefined && end !== "timeout";
    const status = !wasRead ? "reading" : isOver ? end : "running";
    return {
      status,
      ...(status === "running" && {
        doing: verdict.over ? "finishing" : describeActivity(turn, verdict.waitingFor),
      }),
      // Nothing more comes of a session that is gone.
      ...(connectionError !== undefined && end !== "deleted" && {
        connectionError: sentenceOn(connectionError),
      }),
      ...this.#about,
      ...this.#shownTurn(isOver && end !== "requires_action"),
      costCents: turn.costCents,
      turnCostCents: turn.turnCostCents,
      quietMs: now - this.#changedAt,
      isKept: this.#isKept,
      timeline: (cursor, room) => this.#timeline.since(cursor, room),
      askedCalls: async (read) => {
        if (end !== "requires_action") return [];
        return (await this.#use(() => this.#readAsked(waiting, read))).waiting;
      },
    };
  }

  #waitingIds(turn: Turn, end: WaitStatus | undefined): readonly string[] {
    if (turn.phase === "blocked") return turn.openActions();
    // Some servers tell by the session's status alone that it waits.
    return end === "requires_action" ? turn.unansweredAsks() : [];
  }

  /**
   * Reads the calls that wait; again at the next look while the list lacks some that are known, and
   * from time to time.
   */
  async #readAsked(
    ids: readonly string[],
    read: (signal: AbortSignal) => Promise<AskedCalls>,
  ): Promise<AskedCalls> {
    const events = this.#events;
    const now = this.#deps.clock.now();
    if (this.#asked?.events !== events || now - this.#asked.at >= ASKED_MS) {
      this.#asked = { events, at: now, calls: read(this.#controller.signal) };
    }
    const { calls } = this.#asked;
    const forget = () => {
      if (this.#asked?.calls === calls) this.#asked = undefined;
    };
    try {
      const asked = await calls;
      if (!ids.every((id) => asked.tools.has(id))) forget();
      return asked;
    } catch (error) {
      forget();
      throw error;
    }
  }

  #shownTurn(isOver: boolean): { readonly turn?: WatchedTurn } {
    const { feed } = this.#lease;
    const { newest } = this.#timeline;
    const { endedAt, lastEventId } = newest;
    const isKnown = newest.knowsStart || feed.complete;
    const begun = !isKnown && this.#start?.key === newest.key ? this.#start?.turn : undefined;
    const { key, task, startedAt } = begun ?? newest;
    if (key === undefined) return {};
    const start = isKnown || begun ? startedAt : undefined;
    // Where no event tells of the end, it came after the last one.
    const end = isOver ? endedAt ?? feed.history.endsAt : undefined;
    return {
      turn: {
        key,
        ...(task !== undefined && { task }),
        ...(start !== undefined && { started_at: new Date(start).toISOString() }),
        ...(end !== undefined && { ended_at: new Date(end).toISOString() }),
        ...(lastEventId !== undefined && { last_event_id: lastEventId }),
      },
    };
  }
}

function sentenceOn(connectionError: unknown): string {
  const words = describeConnectionError(connectionError);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}: this server is trying again.`;
}
