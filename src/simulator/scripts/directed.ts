/**
 * An agent that does what the message says, line by line:
 *
 * ```text
 * say Working on it.
 * sleep 60s
 * tool bash ls -1
 * ask bash rm -r build
 * file notes.txt # Notes
 * fail
 * end refusal
 * ```
 *
 * `sleep` takes `s` or `ms`; `tool` and `ask` take a name and an input; `file` takes a name and the
 * line that the file has; `end` takes a stop reason. Any other line is said as it is.
 *
 * @module
 */

import {
  askFor,
  failToThink,
  say,
  type ScriptedTurn,
  type Steps,
  toolResult,
  toolUse,
  wait,
} from "../script.ts";

const SLEEP = /^(\d+(?:\.\d+)?)\s*(ms|s)$/;
/** Longest pause of a message, in milliseconds: an hour. */
const MAX_SLEEP_MS = 3_600_000;

/** Follows the message's lines. */
export function* directed(turn: ScriptedTurn): Steps {
  for (const line of turn.text.split("\n").map((text) => text.trim())) {
    if (line === "") continue;
    const [, word = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
    if (word === "end" && rest !== "") {
      yield { do: "end", stopReason: rest };
    }
    yield* follow(word, rest, line);
  }
}

function* follow(word: string, rest: string, line: string): Steps {
  const sleep = word === "sleep" ? SLEEP.exec(rest) : null;
  const [, name = "", input = ""] = /^(\S+)\s*(.*)$/.exec(rest) ?? [];
  if (sleep) {
    const ms = Number(sleep[1]) * (sleep[2] === "s" ? 1000 : 1);
    yield* wait(Math.min(ms, MAX_SLEEP_MS));
  } else if (word === "tool" && name !== "") {
    const call = yield* toolUse(name, { input });
    yield* toolResult(call, "Simulated result.");
  } else if (word === "ask" && name !== "") {
    const call = yield* toolUse(name, { input }, "ask");
    const [answer] = yield* askFor(call);
    yield* toolResult(call, answer?.allowed ? "Simulated result." : "Denied.", !answer?.allowed);
  } else if (word === "file" && name !== "") {
    yield { do: "write", filename: name, content: new TextEncoder().encode(`${input}\n`) };
  } else if (line === "fail") {
    yield* failToThink(0, "retrying");
  } else {
    yield* say(word === "say" && rest !== "" ? rest : line);
  }
}
