import { assertEquals } from "@std/assert";
import { SessionOutcomes } from "../../../src/simulator/outcomes.ts";
import type { WireObject } from "../../../src/simulator/wire.ts";

function outcomes() {
  let count = 0;
  const kept = new SessionOutcomes((prefix) => `${prefix}_${++count}`);
  const apply = (type: string, fields: WireObject) =>
    kept.apply({ id: "sevt_1", type, processed_at: "2026-11-23T09:00:00.000000Z", ...fields });
  const judge = (result: string) => {
    const next = kept.next();
    apply("span.outcome_evaluation_start", next);
    apply("span.outcome_evaluation_end", { ...next, result, explanation: "Why." });
    return next;
  };
  return { kept, apply, judge };
}

Deno.test("SessionOutcomes count revisions until the last verdict", () => {
  const { kept, apply, judge } = outcomes();
  apply("user.define_outcome", { outcome_id: "outc_9", description: "A report" });
  assertEquals(judge("needs_revision"), { outcome_id: "outc_9", iteration: 0 });
  assertEquals(kept.toWire().map(({ completed_at }) => completed_at), [null]);
  assertEquals(judge("satisfied"), { outcome_id: "outc_9", iteration: 1 });
  assertEquals(kept.toWire(), [{
    type: "outcome_evaluation",
    outcome_id: "outc_9",
    description: "A report",
    result: "satisfied",
    iteration: 1,
    explanation: "Why.",
    completed_at: "2026-11-23T09:00:00.000000Z",
  }]);
});

Deno.test("SessionOutcomes make an outcome where none is open", () => {
  const { kept, judge } = outcomes();
  assertEquals([judge("failed"), judge("satisfied")], [
    { outcome_id: "outc_1", iteration: 0 },
    { outcome_id: "outc_2", iteration: 0 },
  ]);
  assertEquals(kept.toWire().map(({ result }) => result), ["failed", "satisfied"]);
});
