/**
 * Agents that use tools: their own, ones that need approval, and one that the client provides.
 *
 * @module
 */

import {
  type Answer,
  askFor,
  emit,
  say,
  type ScriptedTurn,
  type Steps,
  think,
  toolResult,
  toolUse,
  wait,
} from "../script.ts";
import { excerpt } from "./quick.ts";
import { writeReport } from "./report.ts";

/** Searches, runs two commands, one of which fails, and replies in three messages, in about 8 s; writes files. */
export function* slowAnswer(turn: ScriptedTurn): Steps {
  const search = yield* think(900, function* () {
    yield* emit("agent.thinking");
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
  yield* writeReport(turn.text);
  yield* think(
    1_800,
    () =>
      say(
        `Simulated work on "${excerpt(turn.text)}" is done: one search, two commands, none real.`,
      ),
  );
}

function* afterApproval(toolUseId: string, answer: Answer, result: string): Steps {
  if (!answer.allowed) {
    yield* toolResult(toolUseId, `Denied. ${answer.text}`.trim(), true);
    return;
  }
  yield* wait(600);
  yield* toolResult(toolUseId, result);
}

/** Asks before it runs a command. */
export function* approvalNeeded(): Steps {
  const call = yield* think(700, function* () {
    yield* say("I need to remove the old build.");
    return yield* toolUse("bash", { command: "rm -r build" }, "ask");
  });
  const [answer = { allowed: false, text: "" }] = yield* askFor(call);
  yield* afterApproval(call, answer, "removed 'build'");
  const outcome = answer.allowed
    ? "The simulated build is gone."
    : `I left it alone, as you decided. ${answer.text}`.trim();
  yield* think(700, () => say(outcome));
}

/** Asks before it runs two commands at once. */
export function* twoApprovals(): Steps {
  const commands = ["git push --force", "npm publish"];
  const calls = yield* think(700, function* () {
    const ids: string[] = [];
    for (const command of commands) ids.push(yield* toolUse("bash", { command }, "ask"));
    return ids;
  });
  const answers = yield* askFor(...calls);
  for (const [index, call] of calls.entries()) {
    yield* afterApproval(call, answers[index] ?? { allowed: false, text: "" }, "done");
  }
  const allowed = answers.filter((answer) => answer.allowed).length;
  yield* think(700, () => say(`${allowed} of ${calls.length} simulated commands were allowed.`));
}

/** Definition of the tool that {@linkcode customTool} calls. */
export const WEATHER_TOOL = {
  type: "custom",
  name: "get_weather",
  description: "The weather in a city, from the client.",
  input_schema: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  },
} as const;

/** Calls a tool whose result the client must send. */
export function* customTool(): Steps {
  const call = yield* think(
    700,
    () => emit("agent.custom_tool_use", { name: WEATHER_TOOL.name, input: { city: "Lisbon" } }),
  );
  const [answer] = yield* askFor(call);
  yield* think(700, () => say(`The weather in Lisbon, as you report it: ${answer?.text}`));
}
