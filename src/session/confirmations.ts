/**
 * Tool calls that wait for a person's decision: reads them, has a person asked, sends the decisions.
 *
 * A decision counts for what the person saw. So the calls are read again before anything is sent,
 * and nothing is sent for a call that is no longer the one that was shown.
 *
 * @module
 */

import { ApiError } from "../api/errors.ts";
import { type SessionEvent, toolUseOf } from "../api/events.ts";
import { leftOutOf } from "../api/json.ts";
import type { CallOptions, ClientEvent, ManagedAgentsApi } from "../api/types.ts";
import type { Clock } from "../core/clock.ts";
import { ToolError } from "../core/errors.ts";
import type { Redact } from "../core/redact.ts";
import { clipMiddle, escapeUnseen, firstChars, toBase64Url } from "../core/text.ts";
import type { EventSender } from "./event_sender.ts";
import { readBackToCalls, waitingCalls } from "./event_status.ts";
import { readEvent, typesIn } from "./event_types.ts";
import type { AskedCall, Decision } from "./person.ts";
import { turnOf } from "./turn.ts";

/** Longest reason of a denial, in characters: the API takes no longer one. */
export const MAX_REASON_CHARS = 10_000;

/** Characters that are shown of the beginning, and of the end, of an input. */
const HEAD_CHARS = 1_500;
const TAIL_CHARS = 500;
/** With more characters than this left out of an input, nobody can allow its call. */
const MAX_UNSEEN_CHARS = 2_000;
/** No more of a name is shown. */
const MAX_NAME_CHARS = 200;

/**
 * Asks a person about all of some calls, over one channel.
 *
 * @returns the decisions by event id; a call without one is put off
 */
export type AskPerson = (
  asked: readonly AskedCall[],
  signal: AbortSignal,
) => Promise<ReadonlyMap<string, Decision>>;

/**
 * What became of a decision:
 * `sent` the API has it; `answered_elsewhere` another answer was first; `changed` the call is not
 * the one that was shown, and nothing was sent; `gone` the call waits no longer, and nothing of this
 * decision counts; `unknown` the response was lost, and the events do not show the decision;
 * `failed` the API does not have it.
 */
export type Outcome =
  & { readonly asked: AskedCall; readonly decision: Decision }
  & (
    | { readonly kind: "sent" | "answered_elsewhere" | "changed" | "gone" | "unknown" }
    | { readonly kind: "failed"; readonly error: ApiError }
  );

/** What {@linkcode Confirmations} works with. */
export interface ConfirmationsOptions {
  readonly api: Pick<ManagedAgentsApi, "events">;
  readonly eventSender: Pick<EventSender, "send">;
  readonly clock: Pick<Clock, "sleep">;
  readonly redact: Redact;
  readonly askPerson: AskPerson;
}

/** Pauses before the list is read again for calls that the stream has shown, in milliseconds. */
const LIST_LAGS_MS: readonly number[] = [500, 1_000, 2_000];

/** Asks a person about the calls of one session, each call once unless it changes. */
export class Confirmations {
  readonly #options: ConfirmationsOptions;
  readonly #sessionId: string;
  /** Calls that were decided, put off, or that may have been decided: they are not asked again. */
  readonly #settled = new Set<string>();

  constructor(sessionId: string, options: ConfirmationsOptions) {
    this.#sessionId = sessionId;
    this.#options = options;
  }

  /**
   * Asks about all calls that wait, and sends what is decided.
   *
   * @param blocking ids of calls that the session was seen to wait for; the list may lag behind
   * @returns what became of each decision; empty where nothing was decided
   * @throws `ApiError` when the calls cannot be read; the signal's reason
   */
  async ask(blocking: readonly string[], signal: AbortSignal): Promise<Outcome[]> {
    const waiting = await this.#readWaiting(blocking, signal);
    if (waiting.length === 0) return [];
    const decisions = await this.#options.askPerson(waiting, signal);
    const decided = waiting.flatMap((asked) => {
      const decision = decisions.get(asked.eventId);
      return decision ? [{ asked, decision }] : [];
    });
    for (const { eventId } of waiting) this.#settled.add(eventId);
    if (decided.length === 0) return [];
    const outcomes = await sendDecisions(this.#sessionId, decided, this.#options, signal);
    for (const { kind, asked } of outcomes) {
      if (kind === "changed" || kind === "failed") this.#settled.delete(asked.eventId);
    }
    return outcomes;
  }

  async #readWaiting(blocking: readonly string[], signal: AbortSignal): Promise<AskedCall[]> {
    const { api, redact, clock } = this.#options;
    const open = blocking.filter((id) => !this.#settled.has(id));
    if (open.length === 0) return [];
    for (let reads = 0;; reads++) {
      const { waiting, known } = await readCalls(api, this.#sessionId, redact, { signal });
      const unasked = waiting.filter(({ eventId }) => !this.#settled.has(eventId));
      const pauseMs = LIST_LAGS_MS[reads];
      if (pauseMs === undefined || open.every((id) => known.has(id))) return unasked;
      await clock.sleep(pauseMs, signal);
    }
  }
}

/** The calls of a session, as its newest events show them. */
interface Calls {
  readonly waiting: readonly AskedCall[];
  /** The `result` of each answer, by the id of its call. */
  readonly answers: ReadonlyMap<string, unknown>;
  /** Ids of all calls among the events. */
  readonly known: ReadonlySet<string>;
}

const TYPES = [...typesIn("status"), ...typesIn("subagents")];

/** Reads the calls that wait for a person's decision; those that no policy lets ask are left out. */
async function readCalls(
  api: Pick<ManagedAgentsApi, "events">,
  sessionId: string,
  redact: Redact,
  options: CallOptions,
): Promise<Calls> {
  const events = await readBackToCalls(api, sessionId, { types: TYPES }, options);
  const newestFirst = events.map(readEvent);
  const turn = turnOf(newestFirst.toReversed());
  const calls = new Map<string, SessionEvent>();
  const answers = new Map<string, unknown>();
  const subagents = new Map<string, string>();
  for (const [index, event] of newestFirst.entries()) {
    const wire = events[index];
    if (event.kind === "thread" && event.threadId !== undefined) {
      subagents.set(event.threadId, event.agentName ?? event.threadId);
    }
    if (wire && event.kind === "input" && event.answers !== undefined) {
      answers.set(event.answers, wire.result);
    }
    if (wire && event.kind === "tool_use" && event.id !== undefined) calls.set(event.id, wire);
  }
  const asked = waitingCalls(turn, newestFirst).flatMap((id) => {
    const call = calls.get(id);
    return call && asksForConfirmation(call) ? [confirmationOf(id, call, subagents, redact)] : [];
  });
  return {
    waiting: await Promise.all(asked),
    answers,
    known: new Set(calls.keys()),
  };
}

function asksForConfirmation(call: SessionEvent): boolean {
  return call.type !== "agent.custom_tool_use" && toolUseOf(call).permission === "ask";
}

async function confirmationOf(
  eventId: string,
  call: SessionEvent,
  subagents: ReadonlyMap<string, string>,
  redact: Redact,
): Promise<AskedCall> {
  const { name, server, input, threadId } = toolUseOf(call);
  const show = (text: string) => firstChars(escapeUnseen(redact.thorough(text)), MAX_NAME_CHARS);
  const json = jsonOf(input ?? {});
  const shown = clipMiddle(
    escapeUnseen(redact.thorough(json ?? "(nested too deeply to be shown)")),
    HEAD_CHARS,
    TAIL_CHARS,
  );
  // Characters of a large event are left out as it comes in: nobody has seen them.
  const leftOut = shown.leftOut + leftOutOf(call);
  const subagent = threadId === undefined ? undefined : subagents.get(threadId) ?? threadId;
  return {
    kind: "tool_confirmation",
    eventId,
    ...(subagent !== undefined && { subagent: show(subagent) }),
    tool: show(name ?? "a tool without a name"),
    ...(server !== undefined && { server: show(server) }),
    input: shown.text,
    leftOut,
    mayAllow: json !== undefined && leftOut <= MAX_UNSEEN_CHARS,
    digest: await sha256(JSON.stringify([call.type, name, server, threadId, json])),
  };
}

/** Returns JSON text; undefined for a value that is nested more deeply than the stack is high. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

async function sha256(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  return toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/** A decision, and what the person saw. */
type Decided = Pick<Outcome, "asked" | "decision">;

type SendOptions = Pick<ConfirmationsOptions, "api" | "eventSender" | "redact">;

/**
 * Sends decisions, each in a request of its own and at most once, denials first.
 *
 * @throws `ApiError` when the calls cannot be read: then nothing is sent; the signal's reason
 */
async function sendDecisions(
  sessionId: string,
  decided: readonly Decided[],
  options: SendOptions,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const calls = await readCalls(options.api, sessionId, options.redact, { signal });
  const isDenial = ({ decision }: Decided) => decision.result === "deny";
  const denialsFirst = [
    ...decided.filter(isDenial),
    ...decided.filter((one) => !isDenial(one)),
  ];
  const outcomes: Outcome[] = [];
  for (const one of denialsFirst) {
    const { asked, decision } = one;
    const now = calls.waiting.find(({ eventId }) => eventId === asked.eventId);
    if (!now) {
      outcomes.push({ ...one, kind: goneAs(asked, calls) });
    } else if (now.digest !== asked.digest || (decision.result === "allow" && !now.mayAllow)) {
      outcomes.push({ ...one, kind: "changed" });
    } else outcomes.push(await sendDecision(sessionId, one, options, signal));
  }
  return outcomes;
}

function goneAs({ eventId }: AskedCall, { answers }: Calls): "answered_elsewhere" | "gone" {
  return answers.has(eventId) ? "answered_elsewhere" : "gone";
}

async function sendDecision(
  sessionId: string,
  one: Decided,
  { api, eventSender, redact }: SendOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    await eventSender.send(sessionId, eventOf(one), signal);
    return { ...one, kind: "sent" };
  } catch (error) {
    if (signal.aborted) throw error;
    const isLost = error instanceof ToolError && error.code === "delivery_unknown";
    if (!isLost && !(error instanceof ApiError)) throw error;
    const calls = await readCalls(api, sessionId, redact, { signal }).catch(() => undefined);
    signal.throwIfAborted();
    const { asked: { eventId }, decision } = one;
    if (!(error instanceof ApiError)) {
      if (!calls?.answers.has(eventId)) return { ...one, kind: "unknown" };
      // Only the first answer to a call counts.
      const isOurs = calls.answers.get(eventId) === decision.result;
      return { ...one, kind: isOurs ? "sent" : "answered_elsewhere" };
    }
    // An answer that came first makes the API refuse this one.
    const waits = calls?.waiting.some((call) => call.eventId === eventId) ?? true;
    return calls && !waits
      ? { ...one, kind: goneAs(one.asked, calls) }
      : { ...one, kind: "failed", error };
  }
}

function eventOf({ asked, decision }: Decided): ClientEvent {
  if (decision.result === "answer") {
    return {
      type: "user.custom_tool_result",
      custom_tool_use_id: asked.eventId,
      content: [{ type: "text", text: decision.text }],
      is_error: decision.isError,
    };
  }
  const isReasoned = decision.result === "deny" && decision.reason !== undefined &&
    decision.reason !== "";
  return {
    type: "user.tool_confirmation",
    tool_use_id: asked.eventId,
    result: decision.result,
    ...(isReasoned && { deny_message: firstChars(decision.reason, MAX_REASON_CHARS) }),
  };
}
