/**
 * Sends people's answers to an agent's tool calls: decisions, and results of custom tools.
 *
 * An answer counts for what the person saw. So the calls are read again before anything is sent, and
 * nothing is sent for a call that is no longer the one that was shown. Each call is answered at most
 * once by this process, whoever answers it, and however often a client repeats an answer.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import type { ClientEvent, ManagedAgentsApi, TextBlock } from "../api/types.ts";
import { raceSignal } from "../core/abort.ts";
import { ToolError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { LruMap } from "../core/lru.ts";
import type { Redact } from "../core/redact.ts";
import { firstChars, label } from "../core/text.ts";
import { type AskedCalls, readAskedCalls } from "./asked_calls.ts";
import type { EventSender } from "./event_sender.ts";
import type { CarriedAnswer, Decision, OutcomeKind, ShownCall } from "./person.ts";
import { likenessOf } from "./same_event.ts";

/** Longest reason of a denial, in characters: the API takes no longer one. */
export const MAX_REASON_CHARS = 10_000;

/** Sent where a person could not do what a custom tool asks for, and does not say why. */
export const COULD_NOT_DO_IT = "The person could not do it, and gave no reason.";

/** Calls whose answers are remembered: more than wait for an answer at once. */
const MAX_REMEMBERED = 10_000;

/** Name in the log of the only caller, where there is one: the person who started the program. */
export const LOCAL_CALLER = "local";

/** A decision on a call, and what the person saw of it. */
export interface Decided {
  readonly shown: ShownCall;
  readonly decision: Decision;
}

/** The caller who brings a person's decision, as far as the program knows. */
export interface Answerer {
  /** What names the caller in the log; absent where the transport does not identify callers. */
  readonly caller?: Readonly<Record<string, string>>;
  /** Name of the client, as it calls itself. */
  readonly client?: string;
  /** Id of the request that brought the decision. */
  readonly requestId?: string;
  /** Returns true while the caller has the right to act; called right before each send. */
  readonly mayAct: () => boolean;
}

/** The caller, and the way on which the decision came. */
export interface AnsweredBy extends Answerer {
  /** `form`, `terminal`, or the name of the tool that brought it. */
  readonly channel: string;
}

/** A decision, and what became of it. */
export type Outcome =
  & Decided
  & {
    /** Name of the call's tool, as people see it; absent where the events no longer show the call. */
    readonly tool?: string;
  }
  & Ending;

/** What became of a decision. */
type Ending =
  | { readonly kind: Exclude<OutcomeKind, "dropped" | "failed"> }
  /** `may_not_act` the caller has lost the right; `misfit` the call takes no such decision. */
  | { readonly kind: "dropped"; readonly why: "may_not_act" | "misfit" }
  | { readonly kind: "failed"; readonly error: ApiError };

/** A decision that is over: what the audit log and the metrics tell of it. */
export interface DecisionRecord {
  /** `unread` where the answer could not be read. */
  readonly decision: Decision["result"] | "unread";
  readonly outcome: OutcomeKind;
  readonly channel: string;
  readonly sessionId?: string;
  readonly eventId?: string;
  readonly tool?: string;
  readonly digest?: string;
  /** Why it was dropped. */
  readonly why?: string;
}

/** Options of {@linkcode AnswerSender}. */
export interface AnswerSenderOptions {
  readonly api: Pick<ManagedAgentsApi, "events">;
  readonly eventSender: Pick<EventSender, "send">;
  readonly redact: Redact;
  readonly log: Logger;
  /** Called once for each decision, when it is over; must not throw. */
  readonly onDecided?: (record: DecisionRecord) => void;
}

/** An answer that was sent, is being sent, or may have been sent. */
interface Sending {
  readonly decision: Decision;
  /** How it ended; never rejects. After `refused` the call may be answered again. */
  readonly fate: Promise<"sent" | "unknown" | "refused">;
}

/** Sends answers. One per process: it remembers which calls it has answered. */
export class AnswerSender {
  readonly #options: AnswerSenderOptions;
  /** By session and event. */
  readonly #sendings = new LruMap<string, Sending>(MAX_REMEMBERED);

  constructor(options: AnswerSenderOptions) {
    this.#options = options;
  }

  /**
   * Sends decisions, each in a request of its own and at most once, denials first, and writes an
   * audit line for each.
   *
   * @returns the outcome of each decision, in the order in which they were sent
   * @throws the signal's reason: what was not sent by then is dropped
   */
  async send(
    sessionId: string,
    decided: readonly Decided[],
    by: AnsweredBy,
    signal: AbortSignal,
  ): Promise<Outcome[]> {
    const isDenial = ({ decision }: Decided) => decision.result === "deny";
    const open = [...decided.filter(isDenial), ...decided.filter((one) => !isDenial(one))];
    const outcomes: Outcome[] = [];
    try {
      const read = open.length > 0 ? await this.#read(sessionId, signal) : undefined;
      for (let one = open[0]; read && one; one = open[0]) {
        signal.throwIfAborted();
        const ending = "calls" in read
          ? await this.#decide(sessionId, one, read.calls, by, signal)
          : read;
        const tool = "calls" in read ? read.calls.tools.get(one.shown.eventId) : undefined;
        const outcome = { ...one, ...(tool !== undefined && { tool }), ...ending };
        open.shift();
        outcomes.push(outcome);
        const why = ending.kind === "dropped" && { why: ending.why };
        this.#record({ ...factsOf(sessionId, outcome), outcome: outcome.kind, ...why }, by);
      }
      signal.throwIfAborted();
    } catch (error) {
      const why = signal.aborted ? "cancelled" : "error";
      for (const one of open) {
        this.#record({ ...factsOf(sessionId, one), outcome: "dropped", why }, by);
      }
      throw error;
    }
    return outcomes;
  }

  /** Writes the audit line of an answer that a call carried, and that does not count. */
  drop(
    { why }: Extract<CarriedAnswer, { kind: "invalid" }>,
    by: AnsweredBy,
    sessionId?: string,
  ): void {
    this.#record({
      decision: "unread",
      outcome: "dropped",
      why,
      ...(sessionId !== undefined && { sessionId }),
    }, by);
  }

  /**
   * Returns true if a call was answered by this process, or may have been: then nobody need be asked
   * about it.
   */
  mayHaveAnswered(sessionId: string, eventId: string): boolean {
    return this.#sendings.get(keyOf(sessionId, { eventId })) !== undefined;
  }

  /** Reads the calls; the ending of every decision where that fails. */
  async #read(
    sessionId: string,
    signal: AbortSignal,
  ): Promise<{ readonly calls: AskedCalls } | Ending> {
    const { api, redact } = this.#options;
    try {
      return { calls: await readAskedCalls(api, sessionId, redact, { signal }) };
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) throw error;
      return error.isNotFound ? { kind: "gone" } : { kind: "failed", error };
    }
  }

  async #decide(
    sessionId: string,
    { shown, decision }: Decided,
    given: AskedCalls,
    by: AnsweredBy,
    signal: AbortSignal,
  ): Promise<Ending> {
    let calls = given;
    const key = keyOf(sessionId, shown);
    for (let other = this.#sendings.get(key); other; other = this.#sendings.get(key)) {
      const fate = await raceSignal(other.fate, signal);
      const isSame = isSameDecision(other.decision, decision);
      if (fate === "sent") return { kind: isSame ? "repeated" : "answered_elsewhere" };
      const read = await this.#read(sessionId, signal);
      if (!("calls" in read)) return read;
      calls = read.calls;
      if (fate === "refused") continue;
      const answer = calls.answers.get(shown.eventId);
      if (!answer) return { kind: "unknown" };
      const { redact } = this.#options;
      const likeness = isSame ? likenessOf(answer, eventOf(shown, decision), redact) : "different";
      if (likeness === "maybe") return { kind: "unknown" };
      return { kind: likeness === "same" ? "repeated" : "answered_elsewhere" };
    }
    const now = calls.waiting.find(({ eventId }) => eventId === shown.eventId);
    if (!now) return { kind: goneAs(shown, calls) };
    const isAnswer = decision.result === "answer";
    if (isAnswer !== (shown.kind === "custom_tool_result")) {
      return { kind: "dropped", why: "misfit" };
    }
    if (now.digest !== shown.digest || now.kind !== shown.kind) return { kind: "changed" };
    if (decision.result === "allow" && !now.mayAllow) return { kind: "changed" };
    signal.throwIfAborted();
    if (!by.mayAct()) return { kind: "dropped", why: "may_not_act" };
    return await this.#post(sessionId, { shown, decision });
  }

  /**
   * Sends one decision, and remembers that before anything else can happen. What has begun is seen
   * through, also when the call is cancelled: cut off, nobody would know if the agent has the answer.
   */
  async #post(sessionId: string, one: Decided): Promise<Ending> {
    const key = keyOf(sessionId, one.shown);
    const { promise: fate, resolve } = Promise.withResolvers<"sent" | "unknown" | "refused">();
    this.#sendings.set(key, { decision: one.decision, fate });
    try {
      const ending = await this.#sendOnce(sessionId, one);
      const isRefused = ending.kind !== "sent" && ending.kind !== "unknown";
      if (isRefused) this.#sendings.delete(key);
      resolve(isRefused ? "refused" : ending.kind);
      return ending;
    } finally {
      resolve("unknown");
    }
  }

  /** Sends a decision, and finds out what became of it. */
  async #sendOnce(sessionId: string, { shown, decision }: Decided): Promise<Ending> {
    const { eventSender, redact } = this.#options;
    const { signal } = new AbortController();
    const event = eventOf(shown, decision);
    try {
      await eventSender.send(sessionId, event, signal);
      return { kind: "sent" };
    } catch (error) {
      const isLost = error instanceof ToolError && error.code === "delivery_unknown";
      if (!isLost && !(error instanceof ApiError)) throw error;
      // The answer is the error where this fails as well, or is cut short.
      const read = await this.#read(sessionId, signal).catch(() => undefined);
      const calls = read && "calls" in read ? read.calls : undefined;
      const answer = calls?.answers.get(shown.eventId);
      if (!(error instanceof ApiError)) {
        if (!answer) return { kind: "unknown" };
        const likeness = likenessOf(answer, event, redact);
        if (likeness === "maybe") return { kind: "unknown" };
        return { kind: likeness === "same" ? "sent" : "answered_elsewhere" };
      }
      if (read && "kind" in read && read.kind === "gone") return read;
      // An answer that came first makes the API refuse this one.
      const waits = calls?.waiting.some(({ eventId }) => eventId === shown.eventId) ?? true;
      return calls && !waits ? { kind: goneAs(shown, calls) } : { kind: "failed", error };
    }
  }

  #record(facts: Omit<DecisionRecord, "channel">, by: AnsweredBy): void {
    const { log, onDecided } = this.#options;
    const record = { ...facts, channel: by.channel };
    const { decision, outcome, why, sessionId, eventId, tool, digest } = record;
    log.info("Decision", {
      audit: true,
      ...by.caller ?? { token: LOCAL_CALLER },
      client: by.client === undefined ? undefined : label(by.client),
      session: sessionId,
      event: eventId,
      tool,
      decision,
      outcome,
      why,
      digest,
      channel: by.channel,
      request_id: by.requestId,
    });
    onDecided?.(record);
  }
}

function keyOf(sessionId: string, { eventId }: Pick<ShownCall, "eventId">): string {
  return `${sessionId} ${eventId}`;
}

/** Collects what is recorded of a decision, whatever became of it; never its texts. */
function factsOf(
  sessionId: string,
  { shown, decision, tool }: Decided & Pick<Outcome, "tool">,
): Omit<DecisionRecord, "outcome" | "channel"> {
  const { eventId, digest } = shown;
  return {
    decision: decision.result,
    sessionId,
    eventId,
    ...(tool !== undefined && { tool: label(tool) }),
    // Empty where the call waited no longer, so that nobody can have seen it.
    ...(digest !== "" && { digest }),
  };
}

function goneAs(
  { eventId }: ShownCall,
  { answers }: AskedCalls,
): "answered_elsewhere" | "gone" {
  return answers.has(eventId) ? "answered_elsewhere" : "gone";
}

/** True if two decisions on a call do the same: the reason of a denial changes nothing. */
function isSameDecision(one: Decision, other: Decision): boolean {
  if (one.result === "answer") return JSON.stringify(one) === JSON.stringify(other);
  return one.result === other.result;
}

function eventOf({ eventId }: ShownCall, decision: Decision): ClientEvent {
  if (decision.result === "answer") {
    const { text, attachments = [], isError } = decision;
    const texts: readonly TextBlock[] = text === "" ? [] : [{ type: "text", text }];
    return {
      type: "user.custom_tool_result",
      custom_tool_use_id: eventId,
      content: [...texts, ...attachments],
      is_error: isError,
    };
  }
  const isReasoned = decision.result === "deny" && decision.reason !== undefined &&
    decision.reason !== "";
  return {
    type: "user.tool_confirmation",
    tool_use_id: eventId,
    result: decision.result,
    ...(isReasoned && { deny_message: firstChars(decision.reason, MAX_REASON_CHARS) }),
  };
}
