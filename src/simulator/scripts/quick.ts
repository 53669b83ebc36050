/**
 * Agents that only talk.
 *
 * @module
 */

import { say, type ScriptedTurn, type Steps, think, wait } from "../script.ts";

/** Returns the first words of a message, for a reply that shows it was read. */
export function excerpt(text: string, length = 200): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}

/** Replies in about a second. */
export function* quickAnswer(turn: ScriptedTurn): Steps {
  yield* think(
    800,
    () =>
      say(`This is the simulator. You asked: "${excerpt(turn.text)}". A real agent would answer.`),
  );
}

/** Takes 90 seconds, longer than most callers wait. */
export function* longWait(turn: ScriptedTurn): Steps {
  yield* think(1_000, () => say("Looking into it; this takes about a minute and a half."));
  yield* wait(87_000);
  yield* think(2_000, () => say(`Done, after a while: "${excerpt(turn.text)}".`));
}
