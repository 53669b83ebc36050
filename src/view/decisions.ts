/**
 * The tool calls that wait for the person, and what becomes of the person's answers.
 *
 * An answer goes out when the person gives it, once: only where nothing was sent, because its proof
 * had ended, it goes out again by itself, with a fresh proof and for the very call that was shown.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { firstChars } from "../core/text.ts";
import { type PendingCall, type ToolUseAnswered, WRONG_PROOF } from "../session/watched_session.ts";
import type { JsonObject } from "./read.ts";
import type { PendingState } from "./state.ts";
import type { Deed } from "./telling.ts";
import {
  describeFailure,
  type GivenToView,
  readAnswered,
  type ToolOutcome,
} from "./tool_results.ts";

/** What the person answers. */
type Answer =
  | { readonly result: "allow" }
  | { readonly result: "deny"; readonly deny_message?: string }
  | { readonly result: "answer"; readonly text: string; readonly is_error?: true };

/** What the answers need of the page. */
export interface DecisionPorts {
  readonly clock: Pick<Clock, "now">;
  /** Calls `answer_tool_use` with the session's id beside these arguments. */
  send(args: JsonObject): Promise<ToolOutcome>;
  /** Number of the newest read of the session that has begun. */
  readsBegun(): number;
  /** Reads the session anew, by a read that begins after this call; false where that fails. */
  refresh(): Promise<boolean>;
  /** Takes an answer whose outcome is known. */
  done(deed: Deed, eventId: string): void;
  changed(): void;
  /** Runs something after a time, if the page is still there. */
  later(ms: number, run: () => void): void;
}

/** Age at which a proof is no longer sent, in milliseconds: it ends after ten minutes. */
export const MAX_PROOF_AGE_MS = 540_000;
/** Longest texts of answers, in characters: the API takes no longer reason. */
export const ANSWER_CHARS = { reason: 10_000, text: 100_000 } as const;
/** Calls that are kept. */
const MAX_KNOWN = 100;
/** Time after which a call that has changed under the person's eyes can be answered. */
export const LOOK_AGAIN_MS = 1_500;

const CHANGED =
  "The agent's call is not the one that you were shown, so nothing was sent. Read it, and decide again.";
const NO_ANSWER =
  "It still waits: your answer did not arrive, or is not taken up yet. Look, and decide again.";
const ENDED = "The time for this decision had run out, so nothing was sent. Decide again.";

interface Known {
  call: PendingCall;
  proof?: { readonly text: string; readonly at: number };
  /** True while the newest read, or the call's result, lists it. */
  isListed: boolean;
  /** True once a read has listed it. */
  wasRead: boolean;
  state: "open" | "sending" | "over" | "failed";
  result?: PendingState["result"];
  outcome?: ToolUseAnswered["outcome"];
  failure?: string;
  /** Reads up to this one began too early to tell what became of what was sent. */
  blindReads: number;
  /** The host gave no answer to what was sent: a later read tells if it arrived. */
  isDoubtful: boolean;
  /** It cannot be answered before this time. */
  lockedUntil: number;
}

/** The tool calls that a read of the session lists. */
export interface ListedCalls extends GivenToView {
  /** Number of the read. */
  readonly read: number;
  /** False where others may wait as well. */
  readonly isWhole: boolean;
  /** Returns true for a call that an answer was found for. */
  readonly isAnswered: (eventId: string) => boolean;
}

/** The tool calls that wait, and the answers. */
export interface Decisions {
  /** True while a call waits for the person, or an answer is on its way. */
  readonly isBusy: boolean;
  /** Lists the calls for the page; `asksFirst` while the host asks by a form of its own. */
  list(asksFirst: boolean): PendingState[];
  /**
   * Takes the calls that the result of the tool's call lists; a read knows better.
   *
   * @param pending with their inputs where the result gives them to the page
   */
  takeResult(pending: readonly PendingCall[], given: GivenToView): void;
  /** Takes the calls that a read of the session lists. */
  takeRead(listed: ListedCalls): void;
  /** Forgets the calls of a turn that is gone, but for answers that are on their way. */
  clear(): void;
  /** Sends the person's answer to a call that can take it; does nothing for all others. */
  answer(eventId: string, answer: Answer, asksFirst: boolean): void;
}

/** Makes what keeps the tool calls that wait, and sends the answers. */
export function createDecisions(ports: DecisionPorts): Decisions {
  const { clock, refresh, changed } = ports;
  const byId = new Map<string, Known>();

  function isBusy(): boolean {
    return [...byId.values()].some(({ state, isListed, proof }) =>
      state === "sending" || (state !== "over" && isListed && proof !== undefined)
    );
  }

  function list(asksFirst: boolean): PendingState[] {
    return [...byId.values()].map((
      { call, state, proof, result, outcome, failure, lockedUntil },
    ) => ({
      call,
      state: state === "sending" || state === "over"
        ? state
        : !proof
        ? "unable"
        : asksFirst
        ? "form_first"
        : state === "open"
        ? "waits"
        : state,
      isLocked: clock.now() < lockedUntil ? true : undefined,
      outcome,
      result,
      failure,
    }));
  }

  function takeResult(pending: readonly PendingCall[], { proofs }: GivenToView): void {
    const at = clock.now();
    for (const call of pending) {
      const proof = proofs.get(call.event_id);
      const known = byId.get(call.event_id) ?? learn(call);
      known.isListed = true;
      // It is of the input that came with it, which may be another one than the page shows.
      if (proof !== undefined && isShownAlike(known.call, call)) {
        known.proof ??= { text: proof, at };
      }
    }
  }

  function takeRead({ pending, proofs, read, isWhole, isAnswered }: ListedCalls): void {
    const listed = new Set(pending.map(({ event_id: id }) => id));
    for (const call of pending) {
      const known = byId.get(call.event_id) ?? learn(call);
      show(known, call);
      known.isListed = known.wasRead = true;
      const proof = proofs.get(call.event_id);
      // Without one in a fresh read, this caller may not answer (any more).
      known.proof = proof === undefined ? undefined : { text: proof, at: clock.now() };
      const isUnclear = known.isDoubtful || known.outcome === "changed";
      if (known.state === "over" && isUnclear && read > known.blindReads) {
        reopen(known, known.isDoubtful ? NO_ANSWER : CHANGED);
      }
      // Between two answers a turn waits for nothing, as a read may see it; then it waits again.
      if (known.state === "over" && known.outcome === "gone" && known.result === undefined) {
        known.state = "open";
        known.outcome = undefined;
        lock(known);
      }
    }
    if (!isWhole) return;
    for (const [eventId, known] of byId) {
      if (listed.has(eventId)) continue;
      known.isListed = false;
      if (known.state === "sending" || known.state === "over") continue;
      // A call that the person could answer does not vanish without a word.
      if (!known.wasRead || !known.proof) byId.delete(eventId);
      else end(known, isAnswered(eventId) ? "answered_elsewhere" : "gone");
    }
  }

  function clear(): void {
    for (const [eventId, { state }] of byId) {
      if (state !== "sending") byId.delete(eventId);
    }
  }

  function answer(eventId: string, answer: Answer, asksFirst: boolean): void {
    const known = byId.get(eventId);
    if (!known || !mayAnswer(known, answer) || asksFirst) return;
    void sendAnswer(known, answer);
  }

  function mayAnswer(
    { call, state, proof, isListed, lockedUntil }: Known,
    { result }: Answer,
  ): boolean {
    const isOpen = (state === "open" || state === "failed") && proof !== undefined && isListed;
    if (!isOpen || clock.now() < lockedUntil) return false;
    if (call.kind === "custom_tool_result") return result === "answer";
    return result === "deny" || result === "allow" && call.may_allow;
  }

  function learn(call: PendingCall): Known {
    const known: Known = {
      call,
      isListed: true,
      wasRead: false,
      state: "open",
      blindReads: 0,
      isDoubtful: false,
      lockedUntil: 0,
    };
    for (const [eventId, { state }] of byId) {
      if (byId.size < MAX_KNOWN) break;
      if (state === "over") byId.delete(eventId);
    }
    if (byId.size < MAX_KNOWN) byId.set(call.event_id, known);
    return known;
  }

  /** Shows a call as it was read last; one that is another now is not to be answered in passing. */
  function show(known: Known, call: PendingCall): void {
    const isSame = isShownAlike(known.call, call) || !known.wasRead;
    known.call = call;
    if (isSame || (known.state !== "open" && known.state !== "failed")) return;
    reopen(known, CHANGED);
    known.outcome = "changed";
  }

  function reopen(known: Known, failure: string): void {
    known.state = "failed";
    known.failure = failure;
    known.isDoubtful = false;
    lock(known);
  }

  /** Lets a person look before a call that is not what it was can be answered. */
  function lock(known: Known): void {
    known.lockedUntil = clock.now() + LOOK_AGAIN_MS;
    ports.later(LOOK_AGAIN_MS, changed);
  }

  function end(known: Known, outcome: ToolUseAnswered["outcome"]): void {
    known.state = "over";
    known.outcome = outcome;
    known.failure = undefined;
    known.blindReads = ports.readsBegun();
  }

  function fail(known: Known, failure: string): void {
    known.state = "failed";
    known.failure = failure;
  }

  async function sendAnswer(known: Known, answer: Answer): Promise<void> {
    const shown = known.call;
    known.state = "sending";
    known.result = answer.result;
    known.outcome = known.failure = undefined;
    changed();
    const isOld = known.proof && clock.now() - known.proof.at > MAX_PROOF_AGE_MS;
    if (isOld && !await hasFreshProof(known, shown)) return;
    const first = await post(known, answer);
    const hasEnded = first.kind === "failed" && first.text.includes(WRONG_PROOF);
    if (!hasEnded || isOld) return settle(known, first);
    // Nothing was sent.
    if (await hasFreshProof(known, shown)) settle(known, await post(known, answer));
  }

  /** Fetches a fresh proof for the very call that was shown; where there is none, says why. */
  async function hasFreshProof(known: Known, shown: PendingCall): Promise<boolean> {
    const before = known.proof;
    const isRead = await refresh();
    const isFresh = isRead && known.proof !== undefined && known.proof !== before;
    // Of a call that is clipped, what is not shown may be another.
    const isSame = isShownAlike(known.call, shown) && shown.left_out === undefined;
    if (isFresh && known.isListed && isSame) return true;
    if (isRead && !known.isListed) end(known, "gone");
    else if (isRead && !isSame) reopen(known, ENDED);
    else fail(known, ENDED);
    changed();
    return false;
  }

  function post({ call, proof }: Known, answer: Answer): Promise<ToolOutcome> {
    return ports.send({ event_id: call.event_id, proof: proof?.text ?? "", ...answer });
  }

  /** Keeps what became of an answer. */
  function settle(known: Known, sent: ToolOutcome): void {
    const { event_id: eventId } = known.call;
    switch (sent.kind) {
      case "result": {
        const outcome = readAnswered(sent.fields);
        end(known, outcome);
        if (outcome === "changed") void refresh();
        if (outcome === "sent" || outcome === "repeated") {
          ports.done(known.result ?? "answer", eventId);
        }
        if (outcome === "answered_elsewhere") ports.done("elsewhere", eventId);
        break;
      }
      case "timeout":
      case "closed":
        end(known, "unknown");
        known.isDoubtful = true;
        void refresh();
        break;
      default:
        fail(known, describeFailure(sent, "Try again, or decide in the Claude Console."));
    }
    changed();
  }

  return {
    get isBusy() {
      return isBusy();
    },
    list,
    takeResult,
    takeRead,
    clear,
    answer,
  };
}

/** Makes the answers that the person gives, within the bounds of the API. */
export const answers = {
  allow: (): Answer => ({ result: "allow" }),
  deny: (reason: string): Answer => ({
    result: "deny",
    ...(reason.trim() !== "" && { deny_message: firstChars(reason, ANSWER_CHARS.reason) }),
  }),
  answer: (text: string, isError: boolean): Answer => ({
    result: "answer",
    text: firstChars(text, ANSWER_CHARS.text),
    ...(isError && { is_error: true }),
  }),
} as const;

/** Returns true where a person sees the same. */
function isShownAlike(one: PendingCall, other: PendingCall): boolean {
  return one.kind === other.kind && one.tool === other.tool && one.server === other.server &&
    one.subagent === other.subagent && one.input === other.input && one.left_out === other.left_out;
}
