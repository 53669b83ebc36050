/**
 * Agents whose turns do not end normally, or not at once.
 *
 * @module
 */

import { failToThink, say, type ScriptedTurn, type Steps, think, wait } from "../script.ts";
import { excerpt } from "./quick.ts";

/** Ends the turn with a refusal. */
export function* refusal(): Steps {
  yield* think(600, () => say("I can't help with that."));
  yield {
    do: "end",
    stopReason: "refusal",
    stopDetails: {
      type: "refusal",
      category: "general_harms",
      explanation: "The simulated model declined the request.",
    },
  };
}

/** Stops half-way, at its budget; continues when that is raised or removed. */
export function* budgetReached(turn: ScriptedTurn): Steps {
  yield* think(900, () => say("Half of the work is done, and the budget is used up."));
  yield { do: "reach_budget" };
  yield* think(900, () => say(`With more budget, the rest is done too: "${excerpt(turn.text)}".`));
}

/** Fails, is rescheduled, and replies. */
export function* failureAndRetry(turn: ScriptedTurn): Steps {
  yield* failToThink(800, "retrying");
  yield { do: "reschedule", ms: 1_500 };
  yield* think(800, () => say(`It worked on the second try: "${excerpt(turn.text)}".`));
}

/** Fails until it gives up the turn. */
export function* retriesExhausted(): Steps {
  for (const pauseMs of [500, 1_000]) {
    yield* failToThink(800, "retrying");
    yield* wait(pauseMs);
  }
  yield* failToThink(800, "exhausted");
  yield { do: "end", stopReason: "retries_exhausted" };
}

/** Fails for good, which ends the session. */
export function* fatalFailure(): Steps {
  yield* failToThink(800, "terminal");
  yield { do: "terminate" };
}
