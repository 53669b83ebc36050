/**
 * Waits for a turn to end, and has a person asked about the tool calls that it waits for.
 *
 * While a person is asked, the session's events are followed: a question whose calls were answered
 * elsewhere, or given up, is withdrawn, and the wait goes on. The time that a person takes does not
 * count towards the wait.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import type { ManagedAgentsApi } from "../api/types.ts";
import { bindSignal, raceSignal } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import type { Redact } from "../core/redact.ts";
import { firstChars, label } from "../core/text.ts";
import { adviseUndecided, type NotDecided } from "./advice.ts";
import type { Answerer, AnswerSender, Outcome } from "./answer_sender.ts";
import { type AskingSession, readAskedCalls, readAskingSession } from "./asked_calls.ts";
import type { AnswerWay } from "./pending_actions.ts";
import type {
  AskedCall,
  DecisionView,
  Person,
  PersonAnswer,
  Question,
  QuestionRecord,
  Round,
  ShownCall,
} from "./person.ts";
import { WaitProgress } from "./progress.ts";
import type { WaitResult } from "./result.ts";
import type { Waiter, WaitPlace, WaitRequest } from "./waiter.ts";

/** A wait that a person may be asked in. */
export interface AttendedWaitRequest extends WaitRequest {
  /** Absent where nobody can be asked: then the wait ends with `requires_action`. */
  readonly person?: Person;
  /** The caller; a person is asked only while it has the right to act. */
  readonly by: Answerer;
  /** Most questions in one call; 6 when absent. */
  readonly maxRounds?: number;
  /** Milliseconds before the end of the wait in which no progress is reported; none when absent. */
  readonly quietMs?: number;
  /** Called with what became of the decisions of each question. */
  readonly onOutcomes?: (outcomes: readonly Outcome[]) => void;
}

/** What {@linkcode waitAttended} works with. */
export interface AttendedWaitOptions {
  readonly waiter: Pick<Waiter, "wait" | "enter">;
  readonly api: Pick<ManagedAgentsApi, "events" | "sessions">;
  readonly answers: AnswerSender;
  readonly clock: Clock;
  readonly redact: Redact;
  /** Milliseconds for which a question is open; 0 asks nobody, Infinity waits for good. */
  readonly approvalTimeoutMs: number;
  /** Ask for the results of custom tools too. */
  readonly askCustomTools: boolean;
  /** Called once for each question, when it is over; must not throw. */
  readonly onAsked?: (record: QuestionRecord) => void;
}

/** Most questions in one call: an agent must not be able to wear a person down. */
const MAX_ROUNDS = 6;
/** Most calls in one question. */
const MAX_CALLS = 8;
/**
 * Milliseconds for which a custom tool's call must have blocked before a person is asked: a program
 * may provide the tool, and answers sooner.
 */
const CUSTOM_TOOL_MS = 5_000;
/** A wait that has asked goes on for at least so many milliseconds, to see what came of it. */
const MIN_LOOK_MS = 5_000;
/** Longest time for an answer that was sent to show among the events, in milliseconds. */
const TAKE_UP_MS = 10_000;
/** Pauses before the list is read again for calls that the stream has shown, in milliseconds. */
const LIST_LAGS_MS: readonly number[] = [500, 1_000, 2_000];
/** Decisions that a result tells of: the newest. */
const MAX_DECISIONS = 16;
/** Longest name of a tool in a result, in characters. */
const MAX_NAME_CHARS = 60;

/**
 * Waits as {@linkcode Waiter.wait} does. Where the turn blocks on tool calls, the person is asked,
 * what they decide is sent, and the wait goes on with what is left of its time.
 *
 * @throws as {@linkcode Waiter.wait} does; what `person.ask` throws to end the call
 */
export async function waitAttended(
  request: AttendedWaitRequest,
  options: AttendedWaitOptions,
): Promise<WaitResult> {
  const { person } = request;
  const asksAbout = asksAboutIn(request, options);
  // An answer that does not count is to be logged in any case.
  if (!person || (asksAbout.length === 0 && !person.carried)) {
    const { clock } = options;
    return await options.waiter.wait(quietAtEnd(request, request.timeoutMs, clock));
  }
  request.signal.throwIfAborted();
  const place = options.waiter.enter(request.sessionId);
  try {
    return await new AttendedWait({ ...request, asksAbout }, person, place, options).run();
  } finally {
    place.release();
  }
}

/** Returns what a person is asked about in the waits of a caller. */
export function asksAboutIn(
  { person, by }: Pick<AttendedWaitRequest, "person" | "by">,
  { approvalTimeoutMs, askCustomTools }: Pick<
    AttendedWaitOptions,
    "approvalTimeoutMs" | "askCustomTools"
  >,
): readonly AnswerWay[] {
  if (!person || !by.mayAct() || approvalTimeoutMs <= 0) return [];
  return askCustomTools ? ["confirmation", "custom"] : ["confirmation"];
}

/** Reports no progress shortly before a wait's end: its result follows. */
function quietAtEnd(request: AttendedWaitRequest, timeoutMs: number, clock: Clock): WaitRequest {
  const { onProgress, quietMs = 0, ...rest } = request;
  const quietAt = clock.now() + timeoutMs - quietMs;
  return {
    ...rest,
    timeoutMs,
    ...(onProgress && {
      onProgress: (message: string) => {
        if (clock.now() < quietAt) onProgress(message);
      },
    }),
  };
}

/** One call of {@linkcode waitAttended}. */
class AttendedWait {
  readonly #request: AttendedWaitRequest;
  readonly #person: Person;
  readonly #place: WaitPlace;
  readonly #options: AttendedWaitOptions;
  readonly #startedAt: number;
  /** Milliseconds of the wait that are left. */
  #remainingMs: number;
  #rounds = 0;
  /** Keys of calls that are not asked about again; see `Round.settled`. */
  readonly #settled = new Set<string>();
  /** When a custom tool's call was first seen to block, by its key. */
  readonly #blockedSince = new Map<string, number>();
  /** Read once, for the first question. */
  #session: Promise<AskingSession> | undefined;
  #decisions: DecisionView[] = [];
  #why: NotDecided | undefined;
  /** False once the person has put off what they were asked, or could not be asked. */
  #mayAsk = true;
  /** True while what was sent may not show among the events yet. */
  #mayTrail = false;

  constructor(
    request: AttendedWaitRequest,
    person: Person,
    place: WaitPlace,
    options: AttendedWaitOptions,
  ) {
    this.#request = request;
    this.#person = person;
    this.#place = place;
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#remainingMs = request.timeoutMs;
  }

  async run(): Promise<WaitResult> {
    await this.#takeCarried();
    for (;;) {
      const result = await this.#counted(() => this.#wait());
      if (result.status !== "requires_action") return this.#finish(result);
      const next = await this.#counted(() => this.#nextQuestion(result));
      if (!next) return this.#finish(result);
      if (next !== "look_again") await this.#ask(next);
    }
  }

  #wait(): Promise<WaitResult> {
    return this.#place.wait(quietAtEnd(this.#request, this.#remainingMs, this.#options.clock));
  }

  /** Takes what a step lasts from the time of the wait. */
  async #counted<T>(step: () => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    const from = clock.now();
    const value = await step();
    this.#remainingMs = Math.max(0, this.#remainingMs - (clock.now() - from));
    return value;
  }

  /** Takes up the answer that the call carries. One that does not count ends the asking. */
  async #takeCarried(): Promise<void> {
    const given = await this.#person.carried?.();
    if (!given) return;
    const { sessionId, by } = this.#request;
    const { answers, approvalTimeoutMs } = this.#options;
    const carried = given.kind === "valid" && given.sessionId !== sessionId
      ? { kind: "invalid", why: "foreign" } as const
      : given.kind === "valid" && approvalTimeoutMs <= 0
      ? { kind: "invalid", why: "expired" } as const
      : given;
    if (carried.kind === "invalid") {
      answers.drop(carried, { ...by, channel: this.#person.channel }, sessionId);
      this.#endAsking(carried.why === "expired" ? "expired" : "unusable");
      return;
    }
    const { number, remainingMs, settled, decisions = [] } = carried.round;
    this.#decisions = [...decisions];
    this.#rounds = number;
    this.#remainingMs = Math.min(this.#remainingMs, remainingMs);
    for (const key of settled) this.#settled.add(key);
    await this.#take(carried.calls, carried.answer);
  }

  #endAsking(why: NotDecided): void {
    this.#why = why;
    this.#mayAsk = false;
  }

  /** Finds what to ask next; undefined where there is nothing, or nobody may be asked. */
  async #nextQuestion(result: WaitResult): Promise<Question | "look_again" | undefined> {
    const { by, maxRounds = MAX_ROUNDS, sessionId } = this.#request;
    if (!this.#mayAsk || !by.mayAct()) return undefined;
    const waiting = await this.#readWaiting(result);
    const { answers, askCustomTools } = this.#options;
    const isAnswered = ({ eventId }: AskedCall) => answers.mayHaveAnswered(sessionId, eventId);
    const open = waiting.filter((call) => !this.#settled.has(keyOf(call)) && !isAnswered(call));
    const confirmations = open.filter(({ kind }) => kind === "tool_confirmation");
    const custom = askCustomTools
      ? open.find(({ kind }) => kind === "custom_tool_result")
      : undefined;
    if (confirmations.length === 0 && !custom) {
      return await this.#untilTakenUp(waiting.filter(isAnswered));
    }
    if (this.#rounds >= maxRounds) {
      this.#endAsking("asked_often");
      return undefined;
    }
    if (confirmations.length > 0 || !custom) {
      return await this.#questionAbout(confirmations.slice(0, MAX_CALLS));
    }
    return await this.#whenBlockedLong(custom);
  }

  /** Makes a question; none about calls of a dead session, of which the feed finds out as well. */
  async #questionAbout(calls: readonly AskedCall[]): Promise<Question | "look_again"> {
    const { sessionId, signal } = this.#request;
    const { api, redact } = this.#options;
    this.#session ??= readAskingSession(api, sessionId, redact, { signal });
    const { agent, isDead } = await this.#session;
    if (!isDead) return { sessionId, ...(agent !== undefined && { agent }), calls };
    this.#mayAsk = false;
    await this.#whileBlocked(calls, this.#remainingMs);
    return "look_again";
  }

  /** Reads the calls that wait; again while the list does not show those that the stream has shown. */
  async #readWaiting({ pending_actions }: WaitResult): Promise<readonly AskedCall[]> {
    const { signal, sessionId } = this.#request;
    const { api, redact, clock } = this.#options;
    try {
      for (let reads = 0;; reads++) {
        const { waiting, tools } = await readAskedCalls(api, sessionId, redact, { signal });
        const pauseMs = LIST_LAGS_MS[reads];
        const isThere = pending_actions.every(({ event_id }) => tools.has(event_id));
        if (pauseMs === undefined || isThere) return waiting;
        await clock.sleep(pauseMs, signal);
      }
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) throw error;
      this.#endAsking("failed");
      return [];
    }
  }

  /** Gives calls that were answered the time to show it. */
  async #untilTakenUp(answered: readonly AskedCall[]): Promise<"look_again" | undefined> {
    if (!this.#mayTrail || answered.length === 0) return undefined;
    this.#mayTrail = false;
    await this.#whileBlocked(answered, Math.min(TAKE_UP_MS, this.#remainingMs));
    return "look_again";
  }

  /** Asks for the result of a custom tool once its call has blocked for some time. */
  async #whenBlockedLong(call: AskedCall): Promise<Question | "look_again" | undefined> {
    const now = this.#options.clock.now();
    const since = this.#blockedSince.get(keyOf(call)) ?? now;
    this.#blockedSince.set(keyOf(call), since);
    const leftMs = since + CUSTOM_TOOL_MS - now;
    if (leftMs <= 0) return await this.#questionAbout([call]);
    if (leftMs > this.#remainingMs) return undefined;
    await this.#whileBlocked([call], leftMs);
    return "look_again";
  }

  /** Resolves when none of the calls waits any longer, and at the latest after `forMs`. */
  async #whileBlocked(calls: readonly AskedCall[], forMs: number): Promise<void> {
    const { signal } = this.#request;
    const bound = bindSignal(this.#options.clock, { signals: [signal], timeoutMs: forMs });
    const ids = calls.map(({ eventId }) => eventId);
    await this.#place.whileBlocked(ids, bound.signal)
      .catch((error) => {
        signal.throwIfAborted();
        if (!bound.signal.aborted) throw error;
      })
      .finally(bound.dispose);
  }

  /** Asks the person, unless the question is withdrawn meanwhile, and sends what they decide. */
  async #ask(question: Question): Promise<void> {
    const { calls } = question;
    const round: Round = {
      number: ++this.#rounds,
      remainingMs: this.#remainingMs,
      settled: [...this.#settled],
      ...(this.#decisions.length > 0 && { decisions: this.#decisions }),
    };
    const answer = await this.#answerTo(question, round);
    if (answer) return await this.#take(calls, answer);
    this.#tell("withdrawn");
    for (const call of calls) this.#settled.add(keyOf(call));
    this.#remainingMs = Math.max(this.#remainingMs, MIN_LOOK_MS);
  }

  /** Returns the person's answer; undefined for a question that was withdrawn. */
  async #answerTo(question: Question, round: Round): Promise<PersonAnswer | undefined> {
    const { signal, onProgress } = this.#request;
    const { clock, approvalTimeoutMs } = this.#options;
    const withdrawn = new AbortController();
    const over = new AbortController();
    const bound = bindSignal(clock, {
      signals: [signal, withdrawn.signal],
      ...(Number.isFinite(approvalTimeoutMs) && { timeoutMs: approvalTimeoutMs }),
    });
    const what = describeCalls(question.calls);
    const progress = new WaitProgress(clock, onProgress, () => `a person decides on ${what}`);
    progress.say(`waiting for a person's decision on ${what}`);
    this.#place.whileBlocked(question.calls.map(({ eventId }) => eventId), over.signal).then(
      () => withdrawn.abort(new DOMException("The question is no longer open", "AbortError")),
      // Rejects only once the question is over.
      () => {},
    );
    try {
      return await raceSignal(this.#person.ask(question, round, bound.signal), bound.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (withdrawn.signal.aborted) return undefined;
      if (bound.signal.aborted) return { kind: "undecided", why: "timed_out" };
      throw error;
    } finally {
      over.abort();
      bound.dispose();
      progress.dispose();
    }
  }

  /** Sends what a person has decided about calls, and settles what they put off. */
  async #take(calls: readonly ShownCall[], answer: PersonAnswer): Promise<void> {
    this.#remainingMs = Math.max(this.#remainingMs, MIN_LOOK_MS);
    if (answer.kind === "undecided") {
      this.#tell(answer.why);
      return this.#endAsking(answer.why);
    }
    const decided = calls.flatMap((shown) => {
      const decision = answer.decisions.get(shown.eventId);
      return decision ? [{ shown, decision }] : [];
    });
    this.#tell(decided.length === 0 ? "put_off" : "decided");
    if (decided.length === 0) return this.#endAsking("put_off");
    if (decided.length < calls.length) this.#why = "partly";
    const { sessionId, by, signal, onOutcomes } = this.#request;
    const { answers } = this.#options;
    const who = { ...by, channel: this.#person.channel };
    const outcomes = await answers.send(sessionId, decided, who, signal);
    const changed = new Set(
      outcomes.filter(({ kind }) => kind === "changed").map(({ shown }) => keyOf(shown)),
    );
    for (const call of calls) if (!changed.has(keyOf(call))) this.#settled.add(keyOf(call));
    this.#mayTrail = true;
    this.#why = outcomes.map(whyNotSent).find((why) => why !== undefined) ?? this.#why;
    this.#decisions = [...this.#decisions, ...outcomes.map(viewOf)].slice(-MAX_DECISIONS);
    onOutcomes?.(outcomes);
  }

  #tell(answer: QuestionRecord["answer"]): void {
    this.#options.onAsked?.({ channel: this.#person.channel, answer });
  }

  #finish(result: WaitResult): WaitResult {
    const why = result.status === "requires_action" ? this.#why : undefined;
    const { by, has, askTool, asksAbout = [] } = this.#request;
    // The right may have ended since the question.
    const asksAgain = asksAbout.length > 0 && by.mayAct();
    return {
      ...result,
      ...(this.#decisions.length > 0 && { decisions: this.#decisions }),
      elapsed_sec: Math.round((this.#options.clock.now() - this.#startedAt) / 100) / 10,
      ...(why && { next: adviseUndecided(why, result, { has, askTool }, asksAgain) }),
    };
  }
}

/** Returns the key of a call as it was shown: another input makes another one. */
function keyOf({ eventId, digest }: ShownCall): string {
  return `${eventId} ${digest}`;
}

function whyNotSent({ kind }: Outcome): NotDecided | undefined {
  if (kind === "unknown") return "unknown";
  return kind === "failed" || kind === "dropped" ? "not_sent" : undefined;
}

/** Returns the name of a tool as the decision on its call shows it. */
export function toolNameInDecision(name: string): string {
  return firstChars(label(name), MAX_NAME_CHARS);
}

function viewOf({ shown, tool, decision, kind }: Outcome): DecisionView {
  return {
    event_id: shown.eventId,
    ...(tool !== undefined && { name: toolNameInDecision(tool) }),
    result: decision.result,
    outcome: kind,
  };
}

function describeCalls(calls: readonly AskedCall[]): string {
  const [call, ...others] = calls;
  return others.length > 0 ? `${calls.length} tool calls` : call?.tool ?? "a tool call";
}
