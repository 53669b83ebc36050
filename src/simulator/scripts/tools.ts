/**
 * An agent that uses tools on the way to its answer.
 *
 * @module
 */

import { say, type Steps, think, toolResult, toolUse, type Turn, wait } from "../script.ts";
import { excerpt } from "./quick.ts";

/** Searches, runs two commands, one of which fails, and answers in three messages, in about 8 s. */
export function* toolUser(turn: Turn): Steps {
  const search = yield* think(900, function* () {
    yield* say("Let me look that up first.");
    return yield* toolUse("web_search", { query: excerpt(turn.text, 80) });
  });
  yield* wait(1_600);
  yield* toolResult(search, "1. Simulated result: nothing was searched.");
  const missing = yield* think(900, () => toolUse("bash", { command: "cat report.csv" }));
  yield* wait(500);
  yield* toolResult(missing, "cat: report.csv: No such file or directory", true);
  const listing = yield* think(700, function* () {
    yield* say("That file is not here; checking what is.");
    return yield* toolUse("bash", { command: "ls -1" });
  });
  yield* wait(1_400);
  yield* toolResult(listing, "notes.md\nnumbers.csv");
  yield* think(
    1_800,
    () =>
      say(
        `Simulated work on "${
          excerpt(turn.text)
        }" is done: one search, two commands, no real ones.`,
      ),
  );
}
