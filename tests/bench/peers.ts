/**
 * Measures the program beside minimal servers that people would write themselves, with both lines of
 * the SDK on Deno and Node, and in the shape of the quickstart server on Bun: calls, starts, memory,
 * crowds of waits, and what a user asks for.
 *
 * @module
 */

import { recorded } from "../../scripts/bench/record.ts";
import { right, tableLines } from "../../scripts/table.ts";
import type { Bench, BenchOptions, BenchResult } from "./figure.ts";
import { type CallSizes, measureCalls } from "./peers/calls.ts";
import { type CrowdSizes, measureCrowds } from "./peers/crowds.ts";
import { Findings } from "./peers/findings.ts";
import { makePrograms } from "./peers/programs.ts";
import { sideOf } from "./peers/sides.ts";
import { measureRest, measureStarts, type StartSizes } from "./peers/starts.ts";
import { type Measured, peersTable } from "./peers/table.ts";
import { measureTasks, type TaskSizes } from "./peers/tasks.ts";
import { runAsProgram } from "./program.ts";

interface Sizes {
  readonly calls: CallSizes;
  readonly starts: StartSizes;
  readonly crowds: CrowdSizes;
  readonly tasks: TaskSizes;
}

const FULL: Sizes = {
  calls: { rounds: 5, ms: 400, warmUpMs: 1_200 },
  starts: { rounds: 7, settleMs: 1_000 },
  crowds: {
    waits: { 300: 300, 1_000: 1_000 },
    warmUp: 20,
    restMs: 300,
    windowMs: 1_500,
    giveUpMs: 10_000,
  },
  tasks: { rounds: 3, events: 100_000, agents: 5_000, waits: 9, giveUpMs: 3_000 },
};

const QUICK: Sizes = {
  calls: { rounds: 1, ms: 150, warmUpMs: 100 },
  starts: { rounds: 1, settleMs: 100 },
  crowds: {
    waits: { 300: 6, 1_000: 12 },
    warmUp: 2,
    restMs: 50,
    windowMs: 1_000,
    giveUpMs: 5_000,
  },
  tasks: { rounds: 1, events: 2_000, agents: 200, waits: 1, giveUpMs: 1_500 },
};

function linesOf(measured: Measured): string[] {
  const table = peersTable(measured, "BEHIND");
  if (!table) return [];
  const [first = "", ...others] = table.head;
  return [
    ...tableLines([first, ...others.map(right)], table.rows),
    "Of a peer: ours / its own, on the same runtime; Bun: ours on Deno.",
    ...table.notes,
  ];
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const { calls, starts, crowds, tasks } = quick ? QUICK : FULL;
  const folder = await Deno.makeTempDir();
  try {
    const { programs, skipped, versions } = await makePrograms(folder);
    const sides = [...programs].map(([name, program]) => sideOf(name, program));
    const findings = new Findings();
    await measureCalls(sides, calls, findings);
    await measureStarts(sides, starts, findings);
    await measureRest(sides, starts, findings);
    await measureTasks(sides, tasks, findings);
    await measureCrowds(sides, crowds, findings);
    const result = findings.result();
    const measured = { ...result, figures: recorded(result.figures) };
    const lines = linesOf({ ...measured, versions: { deno: Deno.version.deno, ...versions } });
    return { ...result, lines, skipped, versions };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Measures all servers in one run. */
export const bench: Bench = {
  name: "peers",
  what: "the program beside minimal servers: calls, starts, memory, waits, requests",
  run,
};

if (import.meta.main) await runAsProgram(bench);
