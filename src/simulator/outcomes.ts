/**
 * A session's outcomes, and how the agent's work on them was judged.
 *
 * @module
 */

import type { MakeId } from "./ids.ts";
import { isWireObject, type WireEvent, type WireObject } from "./wire.ts";

/** Results after which an outcome is not evaluated again. */
const FINAL: ReadonlySet<unknown> = new Set([
  "satisfied",
  "max_iterations_reached",
  "failed",
  "interrupted",
]);

/** Outcomes in the order in which they were defined, built from the session's events. */
export class SessionOutcomes {
  readonly #makeId: MakeId;
  #list: readonly WireObject[] = [];

  constructor(makeId: MakeId) {
    this.#makeId = makeId;
  }

  /** Returns outcomes as the API shows them (`BetaManagedAgentsOutcomeEvaluationResource`). */
  toWire(): readonly WireObject[] {
    return this.#list;
  }

  /**
   * Returns the newest outcome that is not judged for good, and its revision cycle. An agent that
   * was given none has one of its own.
   */
  next(): { readonly outcome_id: string; readonly iteration: number } {
    const newest = this.#list.at(-1);
    if (!newest || FINAL.has(newest.result)) {
      return { outcome_id: this.#makeId("outc"), iteration: 0 };
    }
    const judged = newest.result === "needs_revision" ? 1 : 0;
    return { outcome_id: String(newest.outcome_id), iteration: Number(newest.iteration) + judged };
  }

  /** Applies a `user.define_outcome` or `span.outcome_evaluation_*` event. */
  apply(event: WireEvent): void {
    const { type, outcome_id } = event;
    if (type === "user.define_outcome") {
      this.#change(outcome_id, { description: event.description, result: "pending" });
    } else if (type === "span.outcome_evaluation_start") {
      this.#change(outcome_id, { iteration: event.iteration, result: "evaluating" });
    } else if (type === "span.outcome_evaluation_end") {
      const { result, explanation, processed_at } = event;
      const completed_at = FINAL.has(result) ? processed_at : null;
      this.#change(outcome_id, { result, explanation, completed_at });
    }
  }

  #change(outcomeId: unknown, fields: WireObject): void {
    const known = this.#list.find(({ outcome_id }) => outcome_id === outcomeId);
    const changed = { ...(isWireObject(known) ? known : NEW), outcome_id: outcomeId, ...fields };
    this.#list = known
      ? this.#list.map((one) => one === known ? changed : one)
      : [...this.#list, changed];
  }
}

/** What an outcome has before anything is known of it. */
const NEW: WireObject = {
  type: "outcome_evaluation",
  description: "Simulated outcome.",
  result: "pending",
  iteration: 0,
  explanation: null,
  completed_at: null,
};
