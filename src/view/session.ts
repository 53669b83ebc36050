/**
 * The session that the page shows: begins with whatever first names it, reads it again and again
 * until the call's turn is over, and carries out what the person does.
 *
 * The call beside whose result the page stands has a life of its own: hosts bring its arguments and
 * its result early, late, twice, or not at all. So the page asks `watch_session` what the session is
 * doing, and takes from the call only which session it is, when it has ended, and, where nothing can
 * be read or the session has gone on since, what it brought.
 *
 * @module
 */

import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { isIdOf } from "../core/ids.ts";
import { answers, Decisions } from "./decisions.ts";
import { Files } from "./files.ts";
import { Host, type Port } from "./host.ts";
import { isJsonObject, type JsonObject, readCount, readWord, textWithin } from "./read.ts";
import type { CallState, HostState, ViewActions, ViewState } from "./state.ts";
import { Telling } from "./telling.ts";
import { KnownTimeline, lacksWords, replyOf } from "./timeline.ts";
import {
  callServer,
  isOver,
  readId,
  readResult,
  readUrl,
  readWaited,
  readWatched,
  type ToolOutcome,
  type WaitedResult,
} from "./tool_results.ts";
import type { WatchedSession, WatchedStatus } from "../session/watched_session.ts";

/** What the page gives to its session. */
export interface SessionPorts {
  readonly port: Port;
  readonly clock: Clock;
  /** The person's language (BCP 47) where the host names none. */
  readonly locale: string;
  /** Takes the state after each change, of several in one moment the last. */
  show(state: ViewState): void;
}

/** Least time from the beginning of one read to the next, in milliseconds. */
export const MIN_POLL_MS = 1_000;
/** Time in which a read is answered: the server takes up to 8 s for its first one. */
export const READ_TIMEOUT_MS = 15_000;
/** Time in which an answer to a tool call, or an interrupt, is answered. */
const WRITE_TIMEOUT_MS = 60_000;
/** Silence after which the session counts as lost, in milliseconds. */
export const LOST_MS = 30_000;
/** Time in which the host says something of the call, before the page says that it has not. */
export const NAMELESS_MS = 30_000;
/** A call is taken to have ended after this time: some hosts bring no result after a reload. */
export const MAX_CALL_MS = 660_000;
/** Time for which an id that may be cut has to stay as it is, in milliseconds. */
export const STEADY_MS = 700;
/** Time after an answer in which its effect is looked for often. */
const ATTENTIVE_MS = 60_000;
/** Failures after which a session whose call has ended is read no more. */
const MAX_LAST_READS = 3;
const MAX_MESSAGE_CHARS = 4_000;
/** Characters of a reply by which it is found among the messages of a turn. */
const COMPARED_CHARS = 200;

const NO_HOST = "The app has not answered this page yet. The page tries on by itself.";

/** Sees to one session, and makes the state that the page shows. */
export class SessionView {
  /** What the person can do. */
  readonly actions: ViewActions;
  readonly #clock: Clock;
  readonly #locale: string;
  readonly #show: (state: ViewState) => void;
  readonly #host: Host;
  readonly #decisions: Decisions;
  readonly #telling: Telling;
  readonly #files: Files;
  readonly #timeline = new KnownTimeline();

  #call: CallState = { state: "running" };
  /** When the host first told of the call. */
  #calledAt: number | undefined;
  #endedAt: number | undefined;
  #isSilent = false;
  #result: WaitedResult | undefined;
  /** An id out of arguments that the model still writes. */
  #candidate: { readonly id: string; readonly state: "written" | "steady" | "unknown" } | undefined;
  #sessionId: string | undefined;
  /** The session as it was read last. */
  #watched: WatchedSession | undefined;
  /** The newest turn before the call's message was taken up, where it was read so early. */
  #earlierTurn: { readonly key: string | undefined } | undefined;
  /** The turn that was seen at work while the call ran, or that the person has had a hand in. */
  #callTurn: string | undefined;
  #isPast = false;
  #isResting = false;
  #interrupt: "none" | "sending" | "sent" | "failed" = "none";
  #attentiveUntil = 0;

  #isReading = false;
  /** Reads that have begun; each has its number by that. */
  #reads = 0;
  #readAt: number | undefined;
  /** The read of which `#watched` is. */
  #watchedBy = 0;
  /** The newest read that had begun when the call ended. */
  #readsBeforeEnd = 0;
  #failures = 0;
  #silentSince: number | undefined;
  #problem: string | undefined;
  #cannotRead = false;
  #cancelRead: (() => void) | undefined;
  #cancelSteady: (() => void) | undefined;
  readonly #timers = new Set<() => void>();
  /** Those who wait for a read with this number, or a later one. */
  #waitingForRead: { readonly read: number; readonly resolve: (isRead: boolean) => void }[] = [];
  #isClosed = false;
  #isShowing = false;

  constructor({ port, clock, locale, show }: SessionPorts) {
    this.#clock = clock;
    this.#locale = locale;
    this.#show = show;
    const changed = () => this.#changed();
    this.#host = new Host(port, clock, {
      input: (args, isWhole) => this.#takeInput(args, isWhole),
      result: (result) => this.#takeResult(result),
      cancelled: () => this.#takeCancel(),
      changed,
      teardown: () => this.#close(),
    });
    this.#telling = new Telling(this.#host, clock, () => this.#toldSession(), changed);
    this.#files = new Files(this.#host, clock, changed);
    this.#decisions = new Decisions({
      clock,
      changed,
      send: (args) => this.#sendAnswer(args),
      readsBegun: () => this.#reads,
      refresh: () => this.#readAnew(),
      done: (deed, eventId) => {
        this.#callTurn = this.#watched?.turn?.key;
        this.#attentiveUntil = clock.now() + ATTENTIVE_MS;
        this.#telling.add(deed, eventId, this.#callRuns, !this.#decisions.isBusy);
        this.#plan();
      },
    });
    this.actions = this.#makeActions();
  }

  /** Begins to talk with the host. */
  start(): void {
    this.#host.connect();
    this.#after(NAMELESS_MS, () => {
      this.#isSilent = this.#calledAt === undefined;
      this.#changed();
    });
    this.#changed();
  }

  /** Tells the host how high the page is, in pixels. */
  reportHeight(height: number): void {
    this.#host.reportHeight(height);
  }

  /** What the page shows. */
  get state(): ViewState {
    const watched = this.#shownSession();
    const isBefore = this.#isBeforeTurn;
    const timeline = this.#isPast || !this.#watched ? undefined : this.#timeline;
    const entries = isBefore ? [] : timeline?.entries ?? this.#result?.entries ?? [];
    const leftOut = isBefore ? 0 : timeline?.leftOut ?? 0;
    const elapsedSec = isBefore ? undefined : this.#elapsedSec(watched?.turn);
    const tell = this.#telling.state;
    const problem = this.#isSilent && !this.#host.isReady ? NO_HOST : this.#problem;
    return {
      phase: this.#phase,
      ...(this.#isPast && { isPast: true }),
      call: this.#call,
      ...(this.#sessionId !== undefined && { sessionId: this.#sessionId }),
      ...(watched && { session: watched }),
      entries,
      leftOut,
      reply: isBefore ? "" : this.#reply(entries, leftOut),
      pending: this.#isPast ? [] : this.#decisions.list(this.#asksByForm),
      files: this.#files.state(
        this.#watched?.can.files === true && watched !== undefined && isOver(watched.status),
      ),
      interrupt: this.#interruptState(watched?.status),
      ...(tell && { tell }),
      ...(elapsedSec !== undefined && { elapsedSec }),
      ...(problem !== undefined && { problem }),
      host: this.#hostState(),
    };
  }

  get #phase(): ViewState["phase"] {
    if (this.#sessionId === undefined) {
      const isNameless = this.#call.state !== "running" || this.#isSilent;
      return isNameless ? "nameless" : "starting";
    }
    if (this.#isResting) return "resting";
    const silentMs = this.#silentSince === undefined ? 0 : this.#clock.now() - this.#silentSince;
    return this.#failures > 1 && silentMs >= LOST_MS ? "lost" : "following";
  }

  /** True while the tool's call runs, as far as is known. */
  get #callRuns(): boolean {
    return this.#call.state === "running" && this.#calledAt !== undefined &&
      this.#clock.now() - this.#calledAt < MAX_CALL_MS;
  }

  get #asksByForm(): boolean {
    return this.#callRuns && this.#watched?.can.asks_by_form === true;
  }

  /** True while the call's message is on its way, and the newest turn is an earlier one. */
  get #isBeforeTurn(): boolean {
    return this.#earlierTurn !== undefined && this.#call.state === "running" &&
      this.#watched?.turn?.key === this.#earlierTurn.key;
  }

  /** Returns the session as the page shows it: what came last, of the reads and the call's result. */
  #shownSession(): ViewState["session"] {
    const brought = this.#result?.session;
    if (!this.#watched) return brought;
    const { timeline: _timeline, pending: _pending, ...watched } = this.#watched;
    if (this.#isPast && brought) {
      return { ...brought, agent: watched.agent, title: watched.title, can: watched.can };
    }
    if (this.#isBeforeTurn) return { ...watched, status: "running", turn: undefined };
    const isNewer = brought && isOver(brought.status) && this.#watchedBy <= this.#readsBeforeEnd;
    return isNewer && !isOver(watched.status)
      ? { ...watched, doing: undefined, status: brought.status }
      : watched;
  }

  #reply(entries: ViewState["entries"], leftOut: number): string {
    const told = replyOf(entries);
    const { reply: brought = "", isTimeout = false } = this.#result ?? {};
    const isBetter = lacksWords(entries, leftOut) && !isTimeout && brought.length > told.length;
    return told === "" || isBetter ? brought : told;
  }

  #elapsedSec(turn: WatchedSession["turn"]): number | undefined {
    const from = Date.parse(turn?.started_at ?? "");
    const to = turn?.ended_at === undefined ? this.#clock.wallTime() : Date.parse(turn.ended_at);
    const ms = to - from;
    return Number.isNaN(ms) ? undefined : Math.max(0, Math.round(ms / 1_000));
  }

  #interruptState(status: WatchedStatus | undefined): ViewState["interrupt"] {
    const isAtWork = status === "running" || status === "requires_action";
    if (!isAtWork || this.#isResting || this.#isBeforeTurn) return "none";
    if (this.#interrupt !== "none") return this.#interrupt;
    return this.#watched?.can.interrupt === true ? "offered" : "none";
  }

  #hostState(): HostState {
    const { context, capabilities } = this.#host;
    const styles = isJsonObject(context.styles) ? context.styles : {};
    const css = isJsonObject(styles.css) ? styles.css : {};
    const modes: readonly unknown[] = Array.isArray(context.availableDisplayModes)
      ? context.availableDisplayModes
      : [];
    const theme = readWord(context.theme, ["light", "dark"]);
    const timeZone = textWithin(context.timeZone);
    const fontsCss = textWithin(css.fonts, 100_000);
    const insets = isJsonObject(context.safeAreaInsets) ? context.safeAreaInsets : undefined;
    return {
      ...(theme !== undefined && { theme }),
      locale: textWithin(context.locale) ?? this.#locale,
      ...(timeZone !== undefined && { timeZone }),
      displayMode: readWord(context.displayMode, ["inline", "fullscreen", "pip"]) ?? "inline",
      canFullscreen: modes.includes("fullscreen"),
      canOpenLinks: capabilities.openLinks !== undefined,
      canDownload: capabilities.downloadFile !== undefined,
      ...(isJsonObject(styles.variables) && { variables: styles.variables }),
      ...(fontsCss !== undefined && { fontsCss }),
      ...(insets && {
        insets: {
          top: readCount(insets.top) ?? 0,
          right: readCount(insets.right) ?? 0,
          bottom: readCount(insets.bottom) ?? 0,
          left: readCount(insets.left) ?? 0,
        },
      }),
    };
  }

  #toldSession() {
    const { can } = this.#watched ?? {};
    return this.#sessionId === undefined
      ? undefined
      : { sessionId: this.#sessionId, waitTool: can?.wait_tool };
  }

  #changed(): void {
    if (this.#isShowing || this.#isClosed) return;
    this.#isShowing = true;
    queueMicrotask(() => {
      this.#isShowing = false;
      if (!this.#isClosed) this.#show(this.state);
    });
  }

  #after(ms: number, run: () => void): () => void {
    const cancel = this.#clock.after(ms, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
    return () => {
      this.#timers.delete(cancel);
      cancel();
    };
  }

  #close(): void {
    this.#isClosed = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#telling.stop();
    for (const { resolve } of this.#waitingForRead.splice(0)) resolve(false);
  }

  // What the host tells of the call.

  #takeInput(args: JsonObject, isWhole: boolean): void {
    this.#heardOfCall();
    const message = textWithin(args.message, MAX_MESSAGE_CHARS);
    if (message !== undefined) this.#call = { ...this.#call, message };
    const { session_id: given } = args;
    if (typeof given === "string" && isIdOf("session", given) && !this.#result) {
      if (isWhole) this.#follow(given);
      // The model writes on behind an id that is whole.
      else this.#suppose(given, Object.keys(args).at(-1) !== "session_id");
    }
    this.#changed();
  }

  #heardOfCall(): void {
    this.#calledAt ??= this.#clock.now();
    this.#isSilent = false;
  }

  /** Takes an id that may be cut: it is read once it stays as it is, and may be unknown. */
  #suppose(id: string, isWhole: boolean): void {
    if (this.#sessionId !== undefined) return;
    const isKnown = this.#candidate?.id === id && this.#candidate.state !== "written";
    if (isKnown) return;
    this.#cancelSteady?.();
    this.#candidate = { id, state: isWhole ? "steady" : "written" };
    if (isWhole) return this.#plan();
    this.#cancelSteady = this.#after(STEADY_MS, () => {
      this.#candidate = { id, state: "steady" };
      this.#plan();
    });
  }

  #follow(sessionId: string): void {
    if (this.#sessionId === sessionId) return;
    this.#cancelSteady?.();
    this.#candidate = undefined;
    if (this.#watched?.session_id !== sessionId) {
      this.#watched = undefined;
      this.#timeline.clear();
      this.#decisions.clear();
    }
    this.#sessionId = sessionId;
    this.#failures = 0;
    this.#silentSince = undefined;
    this.#problem = undefined;
    this.#plan();
  }

  #takeResult(result: JsonObject): void {
    this.#heardOfCall();
    this.#noteEnd();
    const read = readResult(result);
    const failed = read.kind === "result" ? undefined : read.text;
    this.#call = failed === undefined
      ? { ...this.#call, state: "ended" }
      : { ...this.#call, state: "failed", failure: failed };
    this.#result = read.kind === "result" ? readWaited(read.fields) : undefined;
    const named = this.#result?.session.session_id ?? sessionIn(failed ?? "");
    if (named !== undefined && (this.#result || this.#sessionId === undefined)) this.#follow(named);
    if (this.#result && read.kind === "result") {
      const { pending, proofs } = read.given;
      const waiting = this.#result.pending;
      this.#decisions.takeResult(pending.length > 0 ? pending : waiting, { pending, proofs });
      this.#telling.callEnded(new Set(waiting.map(({ event_id: id }) => id)));
    } else {
      this.#telling.callEnded(new Set());
    }
    this.#awake();
  }

  #takeCancel(): void {
    this.#heardOfCall();
    if (this.#call.state !== "running") return;
    this.#noteEnd();
    this.#call = { ...this.#call, state: "cancelled" };
    this.#telling.callEnded(new Set());
    this.#awake();
  }

  #noteEnd(): void {
    this.#endedAt = this.#clock.now();
    this.#readsBeforeEnd = this.#reads;
  }

  /** Reads on after the end of the call, if only once more. */
  #awake(): void {
    this.#isResting = this.#sessionId !== undefined && this.#cannotRead;
    this.#failures = 0;
    this.#plan();
    this.#changed();
  }

  // Reading the session.

  /** The session to read: the call's own, or the one that it is supposed to be. */
  get #target(): string | undefined {
    const { id, state } = this.#candidate ?? {};
    return this.#sessionId ?? (state === "steady" ? id : undefined);
  }

  /** Sets the time of the next read; there is at most one such time. */
  #plan(delayMs = 0): void {
    this.#cancelRead?.();
    this.#cancelRead = undefined;
    const isWanted = this.#waitingForRead.length > 0 || !(this.#isResting || this.#cannotRead);
    if (this.#isReading || this.#isClosed || this.#target === undefined || !isWanted) return;
    const earliest = (this.#readAt ?? -Infinity) + MIN_POLL_MS - this.#clock.now();
    this.#cancelRead = this.#after(Math.max(0, delayMs, earliest), () => void this.#read());
  }

  /** Time to the next read after one that has succeeded. */
  get #paceMs(): number {
    const asked = Math.max(MIN_POLL_MS, this.#watched?.poll_after_ms ?? 0);
    const now = this.#clock.now();
    if (this.#callRuns || now < this.#attentiveUntil) return asked;
    // Hosts keep the pages of earlier calls: many of them may show the same session.
    const sinceMs = now - (this.#endedAt ?? this.#calledAt ?? now);
    const slow = sinceMs < 60_000 ? 2_000 : sinceMs < 600_000 ? 5_000 : 15_000;
    return Math.max(asked, slow);
  }

  async #read(): Promise<void> {
    const sessionId = this.#target;
    if (sessionId === undefined || this.#isReading) return;
    this.#isReading = true;
    const number = ++this.#reads;
    this.#readAt = this.#clock.now();
    this.#silentSince ??= this.#readAt;
    const { cursor } = this.#timeline;
    const args = { session_id: sessionId, ...(cursor !== "" && { cursor }) };
    const outcome = await callServer(this.#host, "watch_session", args, READ_TIMEOUT_MS);
    this.#isReading = false;
    if (this.#isClosed) return;
    // The call may have named another session meanwhile.
    if (sessionId !== this.#target) return this.#plan();
    const watched = outcome.kind === "result" ? readWatched(outcome.fields) : undefined;
    const isRead = outcome.kind === "result" && watched?.session_id === sessionId;
    if (isRead) this.#takeRead(watched, outcome, number);
    else this.#takeFailure(outcome);
    const waiting = this.#waitingForRead;
    this.#waitingForRead = waiting.filter(({ read }) => read > number);
    for (const { read, resolve } of waiting) if (read <= number) resolve(isRead);
    this.#plan(isRead ? this.#paceMs : backoffMs(this.#failures, { baseMs: 2_000, capMs: 30_000 }));
    this.#changed();
  }

  /** Reads by a read that begins from now on; returns false where it fails. */
  #readAnew(): Promise<boolean> {
    if (this.#isClosed || this.#target === undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waitingForRead.push({ read: this.#reads + 1, resolve });
      this.#plan();
    });
  }

  #takeRead(
    watched: WatchedSession,
    { given }: Extract<ToolOutcome, { kind: "result" }>,
    number: number,
  ): void {
    this.#sessionId = watched.session_id;
    this.#candidate = undefined;
    this.#failures = 0;
    this.#silentSince = undefined;
    this.#cannotRead = false;
    this.#problem = watched.connection_error;
    const before = this.#watched?.turn?.key;
    const { key } = watched.turn ?? {};
    if (this.#watched && before !== key) {
      this.#timeline.clear();
      this.#decisions.clear();
      this.#interrupt = "none";
    }
    const isRunning = this.#call.state === "running";
    const isRest = isOver(watched.status);
    if (isRunning && !isRest && watched.status !== "reading") this.#callTurn = key;
    // The message that the call sends is answered by a later turn.
    const isEarlier = isRunning && isRest && this.#call.message !== undefined;
    if (isEarlier && this.#callTurn === undefined) this.#earlierTurn ??= { key };
    this.#watched = watched;
    this.#watchedBy = number;
    this.#timeline.add(watched.timeline);
    const decided = new Set(
      this.#timeline.entries.flatMap((entry) =>
        entry.kind === "tool" && entry.decision !== undefined ? entry.key : []
      ),
    );
    this.#decisions.takeRead(watched.pending, given, number, (id) => decided.has(id));
    if (this.#interrupt === "sent" && isRest) this.#interrupt = "none";
    this.#rest(watched);
  }

  /** Rests once the call has ended and its turn is over, or is not the newest any more. */
  #rest(watched: WatchedSession): void {
    if (this.#callRuns || this.#watchedBy <= this.#readsBeforeEnd) return;
    if (watched.status === "reading") return;
    if (this.#result && (isOver(this.#result.session.status) || isOver(watched.status))) {
      this.#isPast = !this.#isOfCall(this.#result, watched);
    }
    this.#isResting = this.#isPast || isOver(watched.status);
    if (this.#isPast) this.#decisions.clear();
  }

  /** Returns true if the newest turn is, as far as can be told, the one that the call waited for. */
  #isOfCall({ session, lastEventId, reply }: WaitedResult, { turn }: WatchedSession): boolean {
    if (turn === undefined || turn.key === this.#callTurn) return true;
    const { last_event_id: last } = turn;
    // A result that says again where it was has a counter at the end of its cursor.
    const names = [lastEventId, lastEventId?.replace(/w\d+$/, "")];
    if (last !== undefined && names.includes(last)) return true;
    const { entries, leftOut } = this.#timeline;
    const words = replyOf(entries);
    const lastWords = reply.slice(-COMPARED_CHARS);
    if (isOver(session.status)) return reply === "" ? words === "" : words.endsWith(lastWords);
    // Of a turn that went on after the call, the beginning is known at most.
    return lacksWords(entries, leftOut) || words.includes(lastWords);
  }

  #takeFailure(outcome: ToolOutcome): void {
    this.#failures++;
    if (this.#sessionId === undefined) {
      // An id that was cut is an unknown one.
      if (outcome.kind === "failed" && this.#candidate) {
        this.#candidate = { ...this.#candidate, state: "unknown" };
      }
      return;
    }
    const isBlip = this.#failures === 1 &&
      (outcome.kind === "timeout" || outcome.kind === "refused");
    if (!isBlip) this.#problem = problemOf(outcome);
    if (outcome.kind === "unsupported") this.#cannotRead = true;
    const isLast = !this.#callRuns && (this.#call.state === "failed" ||
      this.#result !== undefined && isOver(this.#result.session.status));
    if (this.#call.state !== "running" && this.#cannotRead) this.#isResting = true;
    if (isLast && this.#failures >= MAX_LAST_READS) this.#isResting = true;
  }

  // What the person does.

  #sendAnswer(args: JsonObject): Promise<ToolOutcome> {
    const all = { session_id: this.#sessionId, ...args };
    return callServer(this.#host, "answer_tool_use", all, WRITE_TIMEOUT_MS);
  }

  #makeActions(): ViewActions {
    const decisions = this.#decisions;
    return {
      allow: (eventId) => decisions.answer(eventId, answers.allow(), this.#asksByForm),
      deny: (eventId, reason) => decisions.answer(eventId, answers.deny(reason), this.#asksByForm),
      answer: (eventId, text, isError) =>
        decisions.answer(eventId, answers.answer(text, isError), this.#asksByForm),
      interrupt: () => void this.#sendInterrupt(),
      tell: () => this.#telling.tell(),
      listFiles: () => {
        if (this.#sessionId !== undefined) void this.#files.list(this.#sessionId);
      },
      openFile: (fileId) => void this.#files.open(fileId),
      saveFile: (fileId) => void this.#files.save(fileId),
      openLink: (url) => {
        if (readUrl(url) === undefined) return;
        this.#host.request("ui/open-link", { url }, WRITE_TIMEOUT_MS).catch(() => {});
      },
      toggleFullscreen: () => {
        const mode = this.#hostState().displayMode === "fullscreen" ? "inline" : "fullscreen";
        // The host tells which mode it has chosen.
        this.#host.request("ui/request-display-mode", { mode }, WRITE_TIMEOUT_MS).catch(() => {});
      },
      retry: () => this.#retry(),
    };
  }

  async #sendInterrupt(): Promise<void> {
    const sessionId = this.#sessionId;
    const state = this.state.interrupt;
    if (sessionId === undefined || (state !== "offered" && state !== "failed")) return;
    this.#interrupt = "sending";
    this.#changed();
    const args = { session_id: sessionId };
    const { kind } = await callServer(this.#host, "interrupt", args, WRITE_TIMEOUT_MS);
    this.#interrupt = kind === "result" ? "sent" : "failed";
    if (kind === "result") {
      this.#attentiveUntil = this.#clock.now() + ATTENTIVE_MS;
      this.#telling.add("interrupt", sessionId, this.#callRuns, !this.#decisions.isBusy);
      this.#plan();
    }
    this.#changed();
  }

  #retry(): void {
    if (this.#problem === undefined && this.#failures === 0) return;
    this.#cannotRead = false;
    this.#isResting = false;
    this.#failures = 0;
    this.#plan();
    this.#changed();
  }
}

/** Finds the session that the text of a failed call names: the server says in which it was. */
function sessionIn(text: string): string | undefined {
  const id = readId(/\bsession "([^"]+)"/i.exec(text)?.[1]);
  return id !== undefined && isIdOf("session", id) ? id : undefined;
}

/** Says why nothing can be read. */
function problemOf(outcome: ToolOutcome): string {
  switch (outcome.kind) {
    case "timeout":
    case "closed":
      return "No answer comes from the app. The page tries again by itself.";
    case "unsupported":
      return "This app does not let the page read the session: what the call brings is shown when it ends.";
    case "refused":
      return `The app cannot reach the server${
        outcome.text === "" ? "" : ` (${outcome.text})`
      }. The page tries again by itself.`;
    case "failed":
      return outcome.text || "The session cannot be read. The page tries again by itself.";
    case "result":
      return "The server answers with what the page cannot read. The page tries again by itself.";
  }
}
