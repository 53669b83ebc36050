/**
 * Keeps what a turn had beside its words and tool calls: the subagents that worked in it, the
 * evaluations of its outcome, and the images and documents that the agent returned.
 *
 * @module
 */

import type { Evaluation, EventOf } from "./event_types.ts";
import type { ReturnedAttachment } from "./returned_attachments.ts";

/** A subagent that worked in the turn, as far as the session's own events tell of it. */
export interface Subagent {
  /** Status of its thread in the API's words, or why that is idle; absent where no event told it. */
  readonly status?: string;
  /** US cents that its thread has cost so far; absent where no event told it. */
  readonly costCents?: number;
}

/** An image or a document that the agent returned, and where. */
export interface TurnAttachment extends ReturnedAttachment {
  readonly eventId?: string;
  /** Name of the tool in whose result it stands. */
  readonly tool?: string;
  /** The last event before it that can serve as a cursor. */
  readonly cursorBefore?: string;
}

/** Attachments that are kept: the newest. */
const MAX_ATTACHMENTS = 20;
/** A session has 25 subagents at once, and 1,000 in workflow runs. */
const MAX_SUBAGENTS = 1_100;
/** Evaluations that are kept; an outcome has at most 20 (`max_iterations` of the SDK's types). */
const MAX_EVALUATIONS = 20;

/** Collects the details of one turn. Only the methods change it. */
export class TurnDetails {
  /** Subagents by thread; those that an event told of last come last. */
  readonly subagents = new Map<string, Subagent>();
  /** Finished evaluations, oldest first. */
  readonly evaluations: Evaluation[] = [];
  /** Images and documents, oldest first. */
  attachments: readonly TurnAttachment[] = [];
  /** Number of them, those that are not kept included. */
  attachmentCount = 0;
  /** Number of finished evaluations, those that are not kept included. */
  evaluationCount = 0;
  /**
   * True while an outcome is evaluated, or is to be revised: the session is at work then, whatever
   * its events say of an end.
   */
  isEvaluating = false;

  /** Notes that a subagent takes part in the turn, and what is new of it. */
  noteSubagent(threadId: string, news: Subagent = {}): void {
    const known = this.subagents.get(threadId);
    if (!known && this.subagents.size >= MAX_SUBAGENTS) return;
    this.subagents.delete(threadId);
    this.subagents.set(threadId, { ...known, ...news });
  }

  /** Notes what an event returns, and where that stands. */
  noteAttachments(
    { id: eventId, attachments }: EventOf<"text" | "tool_result">,
    place: Pick<TurnAttachment, "tool" | "cursorBefore">,
  ): void {
    if (!attachments) return;
    const found = attachments.map((attachment) => ({ ...attachment, eventId, ...place }));
    this.attachments = [...this.attachments, ...found].slice(-MAX_ATTACHMENTS);
    this.attachmentCount += found.length;
  }

  /** Forgets the attachments, of which a result has told. */
  dropAttachments(): void {
    this.attachments = [];
    this.attachmentCount = 0;
  }

  /** Lists the threads of the subagents that are at work now. */
  workingThreads(): string[] {
    return [...this.subagents].flatMap(([id, { status }]) => status === "running" ? [id] : []);
  }

  /** Notes where the evaluation of an outcome stands. */
  noteEvaluation({ stage, evaluation }: EventOf<"evaluation">): void {
    this.isEvaluating = stage !== "end" || evaluation.result === "needs_revision";
    if (stage !== "end") return;
    this.evaluationCount++;
    this.evaluations.push(evaluation);
    if (this.evaluations.length > MAX_EVALUATIONS) this.evaluations.shift();
  }
}
