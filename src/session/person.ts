/**
 * The person at the other end of a call, and what they are asked: which of an agent's tool calls may
 * run, and what the answer of a custom tool is.
 *
 * @module
 */

import type { AttachmentBlock } from "../api/types.ts";

/** A tool call that waits for an answer, as a person sees it; secrets are hidden in all texts. */
export interface AskedCall {
  /** Kind of the answer: a decision on a call of the agent's own tools, or a custom tool's result. */
  readonly kind: "tool_confirmation" | "custom_tool_result";
  readonly eventId: string;
  /** The subagent that makes the call: its name, or its thread; absent for the session's agent. */
  readonly subagent?: string;
  readonly tool: string;
  /** Name of the MCP server that offers the tool. */
  readonly server?: string;
  /** The input as JSON text, with every unseen character escaped; of a long one only both ends. */
  readonly input: string;
  /** Characters of the input that are not shown. */
  readonly leftOut: number;
  /** False where too little of the input is shown for a person to allow the call. */
  readonly mayAllow: boolean;
  /** SHA-256 of the tool and its whole input: another one is another call. */
  readonly digest: string;
}

/** Identifies a call as it was shown. */
export type ShownCall = Pick<AskedCall, "kind" | "eventId" | "digest">;

/** A person's decision on one call; `answer` is for custom tools, the others for all other tools. */
export type Decision =
  | { readonly result: "allow" }
  /** `reason` goes to the agent, and has at most 10,000 characters. */
  | { readonly result: "deny"; readonly reason?: string }
  | {
    readonly result: "answer";
    /** May be empty. */
    readonly text: string;
    readonly attachments?: readonly AttachmentBlock[];
    readonly isError: boolean;
  };

/**
 * What became of a decision:
 * `sent` the API has it; `repeated` the API had the same decision from this process before, and it
 * was not sent again; `answered_elsewhere` another answer was first; `changed` the call is not the
 * one that was shown; `gone` the call waits no longer; `unknown` it is not known if it arrived, and
 * it is never sent again; `dropped` the caller may not act, or the decision does not fit the call;
 * `failed` the API does not have it, and it may be made again.
 */
export type OutcomeKind =
  | "sent"
  | "repeated"
  | "answered_elsewhere"
  | "changed"
  | "gone"
  | "unknown"
  | "dropped"
  | "failed";

/** A person's decision on a tool call, as results tell of it. */
export interface DecisionView {
  readonly event_id: string;
  readonly name?: string;
  readonly result: Decision["result"];
  /** {@linkcode OutcomeKind} says what the words mean. */
  readonly outcome: OutcomeKind;
}

/** Calls of one kind that a person is asked about together. */
export interface Question {
  readonly sessionId: string;
  /** Name of the session's agent, as a person sees it; absent where it is not known. */
  readonly agent?: string;
  readonly calls: readonly AskedCall[];
}

/** A person's answer to a question. */
export type PersonAnswer =
  /** Decisions by event id; a call without one is put off. */
  | { readonly kind: "decided"; readonly decisions: ReadonlyMap<string, Decision> }
  | { readonly kind: "undecided"; readonly why: Undecided };

/**
 * The reason why nothing was decided: the person declined to answer or closed the form; nobody
 * answered in time; the client could not ask.
 */
export type Undecided = "declined" | "cancelled" | "timed_out" | "failed";

/** A question that is over: what the metrics tell of it. */
export interface QuestionRecord {
  readonly channel: string;
  /** `put_off`: nothing was decided; `withdrawn`: the calls were answered elsewhere or given up. */
  readonly answer: "decided" | "put_off" | "withdrawn" | Undecided;
}

/** How far a call with questions has come; a client that calls again with an answer carries it. */
export interface Round {
  /** Questions asked in this call, this one included. */
  readonly number: number;
  /** Milliseconds of the wait that are left: the time that a person takes does not count. */
  readonly remainingMs: number;
  /**
   * Keys of calls that were asked about, and that are not asked about again in this call: the
   * event's id, a space and the digest.
   */
  readonly settled: readonly string[];
  /** What became of the decisions so far, the newest; absent where there were none. */
  readonly decisions?: readonly DecisionView[];
}

/** The answer that a call carries to a question of the call before it. */
export type CarriedAnswer =
  | {
    readonly kind: "valid";
    readonly sessionId: string;
    readonly calls: readonly ShownCall[];
    readonly round: Round;
    readonly answer: PersonAnswer;
  }
  /** Nothing of it counts. `foreign` belongs to another caller, another call, or another server. */
  | {
    readonly kind: "invalid";
    readonly why: "expired" | "unreadable" | "foreign";
    /** Session of the question; absent where the answer cannot tell. */
    readonly sessionId?: string;
  };

/** Asks the person at the other end of a call. */
export interface Person {
  /** Way on which the person is asked, for the audit log: `form`, `terminal`. */
  readonly channel: string;
  /** Reads the answer that this call carries; absent where it carries none. */
  readonly carried?: () => Promise<CarriedAnswer>;
  /**
   * Asks about all calls of a question. An implementation may end the call instead, by a
   * `CallEnded` that reaches the protocol, and get the answer with the client's next call
   * as {@linkcode Person.carried}.
   *
   * @throws the signal's reason
   */
  ask(question: Question, round: Round, signal: AbortSignal): Promise<PersonAnswer>;
}
