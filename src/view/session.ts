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
import { answers, createDecisions } from "./decisions.ts";
import { createFiles } from "./files.ts";
import { createHost, type Port } from "./host.ts";
import { isJsonObject, type JsonObject, readCount, readWord, textWithin } from "./read.ts";
import type { CallState, HostState, ViewActions, ViewState } from "./state.ts";
import { createTelling } from "./telling.ts";
import { KnownTimeline, lacksWords, replyOf } from "./timeline.ts";
import {
  callServer,
  describeFailure,
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
/** By less than this clocks count as alike: times do not jump with each read's way to the page. */
const MAX_CLOCK_ERROR_MS = 5_000;
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

const TRIES_ON = "The page tries again by itself.";

/** Sees to one session. */
export interface SessionView {
  /** What the person can do. */
  readonly actions: ViewActions;
  /** What the page shows. */
  readonly state: ViewState;
  /** Begins to talk with the host. */
  start(): void;
  /** Tells the host how high the page is, in pixels. */
  reportHeight(height: number): void;
}

/** Makes what sees to the session of a page. It is made of functions: a page is to be small. */
export function createSessionView({ port, clock, locale, show }: SessionPorts): SessionView {
  let toolCall: CallState = { state: "running" };
  /** When the host first told of the call. */
  let calledAt: number | undefined;
  let endedAt: number | undefined;
  let isSilent = false;
  /** What the call's result tells. */
  let brought: WaitedResult | undefined;
  /** An id out of arguments that the model still writes. */
  let candidate:
    | { readonly id: string; readonly state: "written" | "steady" | "unknown" }
    | undefined;
  /** The session, once it is known. */
  let namedId: string | undefined;
  /** The session as it was read last. */
  let newest: WatchedSession | undefined;
  /** The newest turn before the call's message was taken up, where it was read so early. */
  let earlierTurn: { readonly key: string | undefined } | undefined;
  /** The turn that was seen at work while the call ran, or that the person has had a hand in. */
  let callTurn: string | undefined;
  let isPast = false;
  let isResting = false;
  let interrupted: "none" | "sending" | "sent" | "failed" = "none";
  let attentiveUntil = 0;

  let isReading = false;
  /** Reads that have begun; each has its number by that. */
  let reads = 0;
  let readAt: number | undefined;
  /** The read that brought `newest`. */
  let newestBy = 0;
  /** Milliseconds by which the server's clock is ahead of that of this machine. */
  let clockErrorMs = 0;
  /** The newest read that had begun when the call ended. */
  let readsBeforeEnd = 0;
  let failures = 0;
  let silentSince: number | undefined;
  let readProblem: string | undefined;
  let cannotRead = false;
  let cancelRead: (() => void) | undefined;
  let cancelSteady: (() => void) | undefined;
  /** Those who wait for a read with this number, or a later one. */
  let waitingForRead: { readonly read: number; readonly resolve: (isRead: boolean) => void }[] = [];
  const timers = new Set<() => void>();
  let isClosed = false;
  let isShowing = false;

  const known = new KnownTimeline();
  const host = createHost(port, clock, {
    input: takeInput,
    result: takeResult,
    cancelled: takeCancel,
    changed,
    teardown: close,
  });
  const telling = createTelling(host, clock, toldSession, changed);
  const files = createFiles(host, clock, changed);
  const decisions = createDecisions({
    clock,
    changed,
    later: startTimer,
    send: (args) =>
      callServer(host, "answer_tool_use", { session_id: namedId, ...args }, WRITE_TIMEOUT_MS),
    readsBegun: () => reads,
    refresh: readAnew,
    done: (deed, eventId) => {
      callTurn = newest?.turn?.key;
      attentiveUntil = clock.now() + ATTENTIVE_MS;
      telling.add(deed, eventId, callRuns(), !decisions.isBusy);
      plan();
    },
  });

  function stateNow(): ViewState {
    const watched = shownSession();
    const isBefore = isBeforeTurn();
    const timeline = isPast || !newest ? undefined : known;
    const entries = isBefore ? [] : timeline?.entries ?? brought?.entries ?? [];
    const leftOut = isBefore ? 0 : timeline?.leftOut ?? 0;
    const problem = isSilent && !host.isReady
      ? `The app has not answered this page yet. ${TRIES_ON}`
      : isResting
      ? readProblem?.replace(TRIES_ON, "").trim()
      : readProblem;
    return {
      phase: phaseNow(),
      isPast,
      call: toolCall,
      sessionId: namedId,
      session: watched,
      entries,
      leftOut,
      reply: isBefore ? "" : replyOfTurn(entries, leftOut),
      pending: isPast ? [] : decisions.list(asksByForm()),
      files: files.state(
        newest?.can.files === true && watched !== undefined && isOver(watched.status),
      ),
      interrupt: interruptState(watched?.status),
      tell: telling.state,
      elapsedSec: isBefore ? undefined : secondsOf(watched?.turn),
      problem,
      host: hostState(),
    };
  }

  function phaseNow(): ViewState["phase"] {
    if (namedId === undefined) {
      const isNameless = toolCall.state !== "running" || isSilent;
      return isNameless ? "nameless" : "starting";
    }
    if (isResting) return "resting";
    const silentMs = silentSince === undefined ? 0 : clock.now() - silentSince;
    return failures > 1 && silentMs >= LOST_MS ? "lost" : "following";
  }

  /** True while the tool's call runs, as far as is known. */
  function callRuns(): boolean {
    return toolCall.state === "running" && calledAt !== undefined &&
      clock.now() - calledAt < MAX_CALL_MS;
  }

  function asksByForm(): boolean {
    return callRuns() && newest?.can.asks_by_form === true;
  }

  /** True while the call's message is on its way, and the newest turn is an earlier one. */
  function isBeforeTurn(): boolean {
    return earlierTurn !== undefined && toolCall.state === "running" &&
      newest?.turn?.key === earlierTurn.key;
  }

  /** Returns the session as the page shows it: what came last, of the reads and the call's result. */
  function shownSession(): ViewState["session"] {
    const told = brought?.session;
    if (!newest) return told;
    const { timeline: _timeline, pending: _pending, ...watched } = newest;
    if (isPast && told) {
      return { ...told, agent: watched.agent, title: watched.title, can: watched.can };
    }
    if (isBeforeTurn()) return { ...watched, status: "running", turn: undefined };
    const isNewer = told && !brought?.isTimeout && newestBy <= readsBeforeEnd;
    return isNewer ? { ...watched, doing: undefined, status: told.status } : watched;
  }

  function replyOfTurn(entries: ViewState["entries"], leftOut: number): string {
    const words = replyOf(entries);
    const { reply = "", isTimeout = false } = brought ?? {};
    const isBetter = lacksWords(entries, leftOut) && !isTimeout && reply.length > words.length;
    return words === "" || isBetter ? reply : words;
  }

  function secondsOf(turn: WatchedSession["turn"]): number | undefined {
    const from = Date.parse(turn?.started_at ?? "");
    const to = turn?.ended_at === undefined
      ? clock.wallTime() + clockErrorMs
      : Date.parse(turn.ended_at);
    const ms = to - from;
    return Number.isNaN(ms) ? undefined : Math.max(0, Math.round(ms / 1_000));
  }

  function interruptState(status: WatchedStatus | undefined): ViewState["interrupt"] {
    const isAtWork = status === "running" || status === "requires_action";
    if (!isAtWork || isResting || isBeforeTurn()) return "none";
    if (interrupted !== "none") return interrupted;
    return newest?.can.interrupt === true ? "offered" : "none";
  }

  function hostState(): HostState {
    const { context, capabilities } = host;
    const styles = isJsonObject(context.styles) ? context.styles : {};
    const css = isJsonObject(styles.css) ? styles.css : {};
    const modes: readonly unknown[] = Array.isArray(context.availableDisplayModes)
      ? context.availableDisplayModes
      : [];
    const insets = isJsonObject(context.safeAreaInsets) ? context.safeAreaInsets : undefined;
    const inset = (edge: string) => readCount(insets?.[edge]) ?? 0;
    return {
      theme: readWord(context.theme, ["light", "dark"]),
      locale: textWithin(context.locale) ?? locale,
      timeZone: textWithin(context.timeZone),
      displayMode: readWord(context.displayMode, ["inline", "fullscreen", "pip"]) ?? "inline",
      canFullscreen: modes.includes("fullscreen"),
      canOpenLinks: capabilities.openLinks !== undefined,
      canDownload: capabilities.downloadFile !== undefined,
      variables: isJsonObject(styles.variables) ? styles.variables : undefined,
      fontsCss: textWithin(css.fonts, 100_000),
      insets: insets && {
        top: inset("top"),
        right: inset("right"),
        bottom: inset("bottom"),
        left: inset("left"),
      },
    };
  }

  function toldSession() {
    const { can } = newest ?? {};
    return namedId === undefined ? undefined : { sessionId: namedId, waitTool: can?.wait_tool };
  }

  function changed(): void {
    if (isShowing || isClosed) return;
    isShowing = true;
    queueMicrotask(() => {
      isShowing = false;
      if (!isClosed) show(stateNow());
    });
  }

  function startTimer(ms: number, run: () => void): () => void {
    const cancel = clock.after(ms, () => {
      timers.delete(cancel);
      run();
    });
    timers.add(cancel);
    return () => {
      timers.delete(cancel);
      cancel();
    };
  }

  function close(): void {
    isClosed = true;
    for (const cancel of timers) cancel();
    timers.clear();
    telling.stop();
    for (const { resolve } of waitingForRead.splice(0)) resolve(false);
  }

  // What the host tells of the call.

  function takeInput(args: JsonObject, isWhole: boolean): void {
    heardOfCall();
    const message = textWithin(args.message, MAX_MESSAGE_CHARS);
    if (message !== undefined) toolCall = { ...toolCall, message };
    const { session_id: given } = args;
    if (typeof given === "string" && isIdOf("session", given) && !brought) {
      if (isWhole) follow(given);
      // The model writes on behind an id that is whole.
      else suppose(given, Object.keys(args).at(-1) !== "session_id");
    }
    changed();
  }

  function heardOfCall(): void {
    calledAt ??= clock.now();
    isSilent = false;
  }

  /** Takes an id that may be cut: it is read once it stays as it is, and may be unknown. */
  function suppose(id: string, isWhole: boolean): void {
    if (namedId !== undefined) return;
    const isKnown = candidate?.id === id && candidate.state !== "written";
    if (isKnown) return;
    cancelSteady?.();
    candidate = { id, state: isWhole ? "steady" : "written" };
    if (isWhole) return plan();
    cancelSteady = startTimer(STEADY_MS, () => {
      candidate = { id, state: "steady" };
      plan();
    });
  }

  function follow(sessionId: string): void {
    if (namedId === sessionId) return;
    cancelSteady?.();
    candidate = undefined;
    if (newest?.session_id !== sessionId) {
      newest = undefined;
      known.clear();
      decisions.clear();
    }
    namedId = sessionId;
    failures = 0;
    silentSince = undefined;
    readProblem = undefined;
    plan();
  }

  function takeResult(result: JsonObject): void {
    heardOfCall();
    noteEnd();
    const read = readResult(result);
    const failed = read.kind === "result" ? undefined : read.text;
    toolCall = failed === undefined
      ? { ...toolCall, state: "ended" }
      : { ...toolCall, state: "failed", failure: failed };
    brought = read.kind === "result" ? readWaited(read.fields) : undefined;
    const named = brought?.session.session_id ?? sessionIn(failed ?? "");
    if (named !== undefined && (brought || namedId === undefined)) follow(named);
    if (brought && read.kind === "result") {
      const { pending, proofs } = read.given;
      const waiting = brought.pending;
      decisions.takeResult(pending.length > 0 ? pending : waiting, { pending, proofs });
      telling.callEnded(new Set(waiting.map(({ event_id: id }) => id)));
    } else {
      telling.callEnded(new Set());
    }
    awake();
  }

  function takeCancel(): void {
    heardOfCall();
    if (toolCall.state !== "running") return;
    noteEnd();
    toolCall = { ...toolCall, state: "cancelled" };
    telling.callEnded(new Set());
    awake();
  }

  function noteEnd(): void {
    endedAt = clock.now();
    readsBeforeEnd = reads;
  }

  /** Reads on after the end of the call, if only once more. */
  function awake(): void {
    isResting = namedId !== undefined && cannotRead;
    failures = 0;
    plan();
    changed();
  }

  // Reading the session.

  /** The session to read: the call's own, or the one that it is supposed to be. */
  function target(): string | undefined {
    const { id, state } = candidate ?? {};
    return namedId ?? (state === "steady" ? id : undefined);
  }

  /** Sets the time of the next read; there is at most one such time. */
  function plan(delayMs = 0): void {
    cancelRead?.();
    cancelRead = undefined;
    const isWanted = waitingForRead.length > 0 || !(isResting || cannotRead);
    if (isReading || isClosed || target() === undefined || !isWanted) return;
    const earliest = (readAt ?? -Infinity) + MIN_POLL_MS - clock.now();
    cancelRead = startTimer(Math.max(0, delayMs, earliest), () => void readOnce());
  }

  /** Time to the next read after one that has succeeded. */
  function paceMs(): number {
    const asked = Math.max(MIN_POLL_MS, newest?.poll_after_ms ?? 0);
    const now = clock.now();
    if (callRuns() || now < attentiveUntil) return asked;
    // Hosts keep the pages of earlier calls: many of them may show the same session.
    const sinceMs = now - (endedAt ?? calledAt ?? now);
    const slow = sinceMs < 60_000 ? 2_000 : sinceMs < 600_000 ? 5_000 : 15_000;
    return Math.max(asked, slow);
  }

  async function readOnce(): Promise<void> {
    const sessionId = target();
    if (sessionId === undefined || isReading) return;
    isReading = true;
    const number = ++reads;
    readAt = clock.now();
    silentSince ??= readAt;
    const { cursor } = known;
    const args = { session_id: sessionId, ...(cursor !== "" && { cursor }) };
    const outcome = await callServer(host, "watch_session", args, READ_TIMEOUT_MS);
    isReading = false;
    if (isClosed) return;
    // The call may have named another session meanwhile.
    if (sessionId !== target()) return plan();
    const watched = outcome.kind === "result" ? readWatched(outcome.fields) : undefined;
    const isRead = outcome.kind === "result" && watched?.session_id === sessionId;
    if (isRead) takeRead(watched, outcome, number);
    else takeFailure(outcome);
    const waiting = waitingForRead;
    waitingForRead = waiting.filter(({ read }) => read > number);
    for (const { read, resolve } of waiting) if (read <= number) resolve(isRead);
    plan(isRead ? paceMs() : backoffMs(failures, { baseMs: 2_000, capMs: 30_000 }));
    changed();
  }

  /** Reads by a read that begins from now on; returns false where it fails. */
  function readAnew(): Promise<boolean> {
    if (isClosed || target() === undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      waitingForRead.push({ read: reads + 1, resolve });
      plan();
    });
  }

  function takeRead(
    watched: WatchedSession,
    { given }: Extract<ToolOutcome, { kind: "result" }>,
    number: number,
  ): void {
    namedId = watched.session_id;
    candidate = undefined;
    failures = 0;
    silentSince = undefined;
    cannotRead = false;
    readProblem = watched.connection_error;
    // A server that is to read the session yet, as after a restart, knows less than the page.
    if (watched.status === "reading" && newest) return;
    const { key } = watched.turn ?? {};
    // The key alone may change when the server learns how the turn began.
    if (newest && newest.turn?.key !== key && watched.timeline.is_whole) {
      decisions.clear();
      interrupted = "none";
    }
    const isRunning = toolCall.state === "running";
    const isRest = isOver(watched.status);
    if (isRunning && !isRest && watched.status !== "reading") callTurn = key;
    // The message that the call sends is answered by a later turn.
    const isEarlier = isRunning && isRest && toolCall.message !== undefined;
    if (isEarlier && callTurn === undefined) earlierTurn ??= { key };
    newest = withKnown(watched, newest);
    newestBy = number;
    const errorMs = Date.parse(watched.now ?? "") - clock.wallTime();
    if (Math.abs(errorMs - clockErrorMs) > MAX_CLOCK_ERROR_MS) clockErrorMs = errorMs;
    known.add(watched.timeline);
    const decided = new Set(
      known.entries.flatMap((entry) =>
        entry.kind === "tool" && entry.decision !== undefined ? entry.key : []
      ),
    );
    decisions.takeRead({
      pending: watched.pending,
      proofs: given.proofs,
      read: number,
      // A server that cannot reach the session may list fewer calls than wait.
      isWhole: watched.connection_error === undefined,
      isAnswered: (id) => decided.has(id),
    });
    if (interrupted === "sent" && isRest) interrupted = "none";
    restIfOver(watched);
  }

  /** Rests once the call has ended and its turn is over, or is not the newest any more. */
  function restIfOver(watched: WatchedSession): void {
    if (callRuns() || newestBy <= readsBeforeEnd) return;
    if (watched.status === "reading") return;
    if (brought && (isOver(brought.session.status) || isOver(watched.status))) {
      isPast = !isOfCall(brought, watched);
    }
    isResting = isPast || isOver(watched.status);
    if (isPast) decisions.clear();
  }

  /** Returns true if the newest turn is, as far as can be told, the one that the call waited for. */
  function isOfCall(
    { session, lastEventId, reply }: WaitedResult,
    { turn }: WatchedSession,
  ): boolean {
    if (turn === undefined || turn.key === callTurn) return true;
    const { last_event_id: last } = turn;
    // A result that says again where it was has a counter at the end of its cursor.
    const names = [lastEventId, lastEventId?.replace(/w\d+$/, "")];
    if (last !== undefined && names.includes(last)) return true;
    const { entries, leftOut } = known;
    const words = replyOf(entries);
    const lastWords = reply.slice(-COMPARED_CHARS);
    if (isOver(session.status)) return reply === "" ? words === "" : words.endsWith(lastWords);
    // Of a turn that went on after the call, the beginning is known at most.
    return lacksWords(entries, leftOut) || words.includes(lastWords);
  }

  function takeFailure(outcome: ToolOutcome): void {
    failures++;
    if (namedId === undefined) {
      // An id that was cut is an unknown one.
      if (outcome.kind === "failed" && candidate) {
        candidate = { ...candidate, state: "unknown" };
      }
      return;
    }
    const isBlip = failures === 1 &&
      (outcome.kind === "timeout" || outcome.kind === "refused");
    if (!isBlip) readProblem = problemOf(outcome);
    if (outcome.kind === "unsupported") cannotRead = true;
    const isLast = !callRuns() && (toolCall.state === "failed" ||
      brought !== undefined && isOver(brought.session.status));
    if (toolCall.state !== "running" && cannotRead) isResting = true;
    if (isLast && failures >= MAX_LAST_READS) isResting = true;
  }

  // What the person does.

  function makeActions(): ViewActions {
    return {
      allow: (eventId) => decisions.answer(eventId, answers.allow(), asksByForm()),
      deny: (eventId, reason) => decisions.answer(eventId, answers.deny(reason), asksByForm()),
      answer: (eventId, text, isError) =>
        decisions.answer(eventId, answers.answer(text, isError), asksByForm()),
      interrupt: () => void sendInterrupt(),
      tell: () => telling.tell(),
      listFiles: () => {
        if (namedId !== undefined) void files.list(namedId);
      },
      openFile: (fileId) => void files.open(fileId),
      saveFile: (fileId) => void files.save(fileId),
      openLink: (url) => {
        if (readUrl(url) === undefined) return;
        host.request("ui/open-link", { url }, WRITE_TIMEOUT_MS).catch(() => {});
      },
      toggleFullscreen: () => {
        const mode = hostState().displayMode === "fullscreen" ? "inline" : "fullscreen";
        // The host tells which mode it has chosen.
        host.request("ui/request-display-mode", { mode }, WRITE_TIMEOUT_MS).catch(() => {});
      },
      retry: () => tryAgain(),
    };
  }

  async function sendInterrupt(): Promise<void> {
    const sessionId = namedId;
    const state = stateNow().interrupt;
    if (sessionId === undefined || (state !== "offered" && state !== "failed")) return;
    interrupted = "sending";
    changed();
    const args = { session_id: sessionId };
    const { kind } = await callServer(host, "interrupt", args, WRITE_TIMEOUT_MS);
    interrupted = kind === "result" ? "sent" : "failed";
    if (kind === "result") {
      attentiveUntil = clock.now() + ATTENTIVE_MS;
      telling.add("interrupt", sessionId, callRuns(), !decisions.isBusy);
      plan();
    }
    changed();
  }

  function tryAgain(): void {
    if (readProblem === undefined && failures === 0) return;
    cannotRead = false;
    isResting = false;
    failures = 0;
    // The click is seen to do something, also while an earlier read has no answer yet.
    readProblem = undefined;
    plan();
    changed();
  }

  return {
    actions: makeActions(),
    get state() {
      return stateNow();
    },
    start() {
      host.connect();
      startTimer(NAMELESS_MS, () => {
        isSilent = calledAt === undefined;
        changed();
      });
      changed();
    },
    reportHeight: (height) => host.reportHeight(height),
  };
}

/** Finds the session that the text of a failed call names: the server says in which it was. */
function sessionIn(text: string): string | undefined {
  const id = readId(/\bsession "([^"]+)"/i.exec(text)?.[1]);
  return id !== undefined && isIdOf("session", id) ? id : undefined;
}

/** Adds what an earlier read told, and this one does not: a server tells some things only once. */
function withKnown(watched: WatchedSession, before: WatchedSession | undefined): WatchedSession {
  if (!before) return watched;
  const isSameTurn = watched.turn !== undefined && watched.turn.key === before.turn?.key;
  return {
    ...watched,
    agent: watched.agent ?? before.agent,
    title: watched.title ?? before.title,
    turn: isSameTurn ? { ...before.turn, ...watched.turn } : watched.turn,
  };
}

/** Says why nothing can be read. */
function problemOf(outcome: ToolOutcome): string {
  if (outcome.kind === "result") return `The server's answer cannot be read. ${TRIES_ON}`;
  return describeFailure(
    outcome,
    outcome.kind === "unsupported" ? "What the call brings is shown when it ends." : TRIES_ON,
  );
}
