/**
 * An agent that does what the message says, line by line:
 *
 * ```text
 * say Working on it.
 * sleep 60s
 * ask bash rm -r build
 * file notes.txt # Notes
 * table data.csv 5000
 * make report
 * mounts
 * image charts/draw
 * evaluate needs_revision The title is missing.
 * fail
 * fail billing_error exhausted The credit balance is too low.
 * end refusal
 * ```
 *
 * `sleep` takes `s` or `ms`; `file` takes a name and the line that the file has, `table` a name and a
 * number of rows; `mounts` says what is mounted, each with its first line; `image`, or `document`,
 * takes the tool of an MCP server that returns one, and its address where it has one; `evaluate`
 * takes the result of an evaluation of the outcome, and its explanation; `fail` takes the type of an
 * error, its retry status and its message; `end` takes a stop reason, and a refusal its category and
 * explanation. `directed_calls.ts` has the lines that call tools. Any other line is said as it is.
 *
 * @module
 */

import {
  emit,
  fail,
  failToThink,
  modelUsage,
  type RetryStatus,
  say,
  type ScriptedTurn,
  type Step,
  type Steps,
  wait,
} from "../script.ts";
import type { WireObject } from "../wire.ts";
import { writeReport } from "./report.ts";
import { type DirectedCall, makeCalls, parseCall, parseReport, report } from "./directed_calls.ts";
import { parsePicture, showPicture } from "./pictures.ts";

const SLEEP = /^sleep (\d+(?:\.\d+)?)\s*(ms|s)$/;
/** Longest pause of a message, in milliseconds: an hour. */
const MAX_SLEEP_MS = 3_600_000;
const FILE = /^file\s+(\S+)\s*(.*)$/s;
const TABLE = /^table\s+(\S+)\s+(\d{1,6})$/;
/** Most rows of a table: some megabytes. */
const MAX_ROWS = 200_000;
const EVALUATION = /^evaluate\s+(\w+)(?:\s+(.+))?$/s;
const FAILURE = /^fail\s+(\w+_error)(?:\s+(retrying|exhausted|terminal))?(?:\s+(.+))?$/s;
const REFUSAL = /^end\s+refusal\s+(\w+)(?:\s+(.+))?$/s;
const END = /^end\s+(\w+)$/;

/** Follows the message's lines. */
export function* directed(turn: ScriptedTurn): Steps {
  const lines = turn.text.split("\n").map((text) => text.trim()).filter((line) => line !== "");
  for (let at = 0; at < lines.length; at++) {
    const calls = callsFrom(lines, at);
    if (lines[at] === "mounts") yield* sayMounts(turn);
    else if (calls.length === 0) yield* follow(lines[at] ?? "", turn);
    else yield* makeCalls(calls, turn);
    at += Math.max(calls.length, 1) - 1;
  }
}

/** Says what is mounted into the session: of each file its path and its first line. */
function* sayMounts({ mounts }: ScriptedTurn): Steps {
  const lines = mounts.map(({ path, content }) => {
    const [first = ""] = new TextDecoder().decode(content).split("\n");
    return `${path}: ${first}`;
  });
  yield* say(lines.length > 0 ? lines.join("\n") : "Nothing is mounted.");
}

/** Returns the call on a line, and those on the lines after it that begin with `and`. */
function callsFrom(lines: readonly string[], start: number): DirectedCall[] {
  const calls: DirectedCall[] = [];
  for (const line of lines.slice(start)) {
    const call = calls.length === 0
      ? parseCall(line)
      : line.startsWith("and ")
      ? parseCall(line.slice(4).trim())
      : undefined;
    if (!call) break;
    calls.push(call);
  }
  return calls;
}

function* follow(line: string, turn: ScriptedTurn): Steps {
  const [, count, unit] = SLEEP.exec(line) ?? [];
  const [, filename, content] = FILE.exec(line) ?? [];
  const [, table, rows] = TABLE.exec(line) ?? [];
  const [, failure, retry, message] = FAILURE.exec(line) ?? [];
  const [, result, explanation] = EVALUATION.exec(line) ?? [];
  const picture = parsePicture(line);
  const reported = parseReport(line);
  const ending = endOf(line);
  if (count !== undefined) {
    yield* wait(Math.min(Number(count) * (unit === "s" ? 1000 : 1), MAX_SLEEP_MS));
  } else if (filename !== undefined) {
    yield { do: "write", filename, content: new TextEncoder().encode(`${content}\n`) };
  } else if (table !== undefined) {
    yield { do: "write", filename: table, content: tableOf(Math.min(Number(rows), MAX_ROWS)) };
  } else if (line === "make report") {
    yield* writeReport(line);
  } else if (picture) {
    yield* showPicture(picture);
  } else if (reported) {
    yield* report(reported, turn);
  } else if (result !== undefined) {
    yield* evaluate(result, explanation ?? `Simulated ${result}.`, turn);
  } else if (line === "fail") {
    yield* failToThink(0, "retrying");
  } else if (failure !== undefined) {
    yield* failAs(failure, retryOf(retry), message ?? `Simulated ${failure}.`);
  } else if (ending) {
    yield ending;
  } else {
    yield* say(/^say\s+(.+)$/s.exec(line)?.[1] ?? line);
  }
}

/** Returns a table of so many rows as CSV; each tells its number. */
function tableOf(rows: number): Uint8Array<ArrayBuffer> {
  const lines = Array.from({ length: rows }, (_, n) => `${n + 1},${(n * 7_919) % 10_007}\n`);
  return new TextEncoder().encode(`row,value\n${lines.join("")}`);
}

/** Plays an evaluation of the newest outcome, or of one of the agent's own. */
function* evaluate(result: string, explanation: string, turn: ScriptedTurn): Steps {
  const outcome = turn.nextEvaluation();
  const outcome_evaluation_start_id = yield* emit("span.outcome_evaluation_start", outcome);
  yield* emit("span.outcome_evaluation_ongoing", outcome);
  yield* emit("span.outcome_evaluation_end", {
    ...outcome,
    ...{ outcome_evaluation_start_id, result, explanation },
    usage: modelUsage(2_000, 200),
  });
}

function endOf(line: string): Step | undefined {
  const [, category, explanation = null] = REFUSAL.exec(line) ?? [];
  if (category !== undefined) {
    const stopDetails = { type: "refusal", category, explanation };
    return { do: "end", stopReason: "refusal", stopDetails };
  }
  const stopReason = END.exec(line)?.[1];
  return stopReason === undefined ? undefined : { do: "end", stopReason };
}

function retryOf(word: string | undefined): RetryStatus {
  return word === "exhausted" || word === "terminal" ? word : "retrying";
}

/** Fails, and does what the API does then: goes on, gives up the turn, or ends the session. */
function* failAs(type: string, retry: RetryStatus, message: string): Steps {
  const error = { type, message, ...fieldsOf(type) };
  if (type.startsWith("model_")) yield* failToThink(0, retry, error);
  else yield* fail(retry, error);
  if (retry === "exhausted") yield { do: "end", stopReason: "retries_exhausted" };
  if (retry === "terminal") yield { do: "terminate" };
}

/** Returns the fields that errors of this type have beside message and retry status, by the SDK. */
function fieldsOf(type: string): WireObject {
  if (type.startsWith("mcp_")) return { mcp_server_name: "simulated" };
  if (type.startsWith("repository_")) return { repository_url: null };
  if (type === "credential_host_unreachable_error") {
    return { credential_id: "vcrd_simulated", vault_id: "vlt_simulated" };
  }
  return {};
}
