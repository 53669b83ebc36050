/**
 * Measures how fast event streams are read, and what an event costs as its session grows. Everything
 * that is read is in memory, so that only the program's own work is timed, all of it on one core.
 *
 * @module
 */

import type { Bench, BenchOptions, BenchResult, Figure } from "./figure.ts";
import { runAsProgram } from "./program.ts";
import { growingCases } from "./sse/cases.ts";
import { growthFigures } from "./sse/growth.ts";
import { throughputFigures } from "./sse/throughput.ts";

const THROUGHPUT_ROUNDS = 5;
const GROWTH_ROUNDS = 3;

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const figures: Figure[] = await throughputFigures(quick ? 1 : THROUGHPUT_ROUNDS, quick);
  for (const growing of growingCases(quick)) {
    figures.push(...await growthFigures(growing, { rounds: quick ? 1 : GROWTH_ROUNDS, quick }));
  }
  return { figures };
}

/** Times event streams, from bytes to a result. */
export const bench: Bench = {
  name: "sse",
  what: "event streams: MB/s from bytes to a wait's result, and cost as a session grows",
  run,
};

if (import.meta.main) await runAsProgram(bench);
