/**
 * Measures what the server costs beside the smallest ones: calls of `get_agent` over HTTP and stdio,
 * in front of an API that responds at once. All servers make the same request to that API for a call.
 * Responses are checked one by one.
 *
 * @module
 */

import {
  type Bench,
  type BenchOptions,
  type BenchResult,
  exactFigure,
  type Figure,
  inTurns,
} from "./figure.ts";
import { type Group, groupFigures, GROUPS, keyOf, TITLES } from "./overhead/groups.ts";
import { loadHttp, type LoadResult, loadStdio } from "./overhead/load.ts";
import { type HttpName, type Sides, startSides, type StdioName } from "./overhead/sides.ts";
import { runAsProgram } from "./program.ts";

/** A server on stdio meets fewer loads than one over HTTP, which has warmed up with the first few. */
const FULL = { rounds: 7, ms: 800, warmUpMs: 3_500 } as const;
const QUICK = { rounds: 1, ms: 150, warmUpMs: 150 } as const;

function isOnStdio(side: HttpName): side is StdioName {
  return side !== "bare";
}

function loadOf(
  sides: Sides,
  { http, stdio }: Group,
  side: HttpName,
  ms: number,
): Promise<LoadResult> {
  if (http) return loadHttp(sides.http[side], { ...http, ms });
  if (stdio && isOnStdio(side)) return loadStdio(sides.stdio[side], { ...stdio, ms });
  throw new TypeError(`There is no ${side} on stdio`);
}

function exactFigures({ upstreamRequests, answerBytes }: Sides): Figure[] {
  const names = ["ours", "bare", "sdk1", "sdk2"] as const;
  return [
    exactFigure({
      id: "overhead.upstream_requests",
      what: "requests to the API that a call of get_agent makes",
      unit: "requests",
      better: "less",
    }, upstreamRequests),
    ...names.map((name) =>
      exactFigure({
        id: `overhead.answer_bytes.${name}`,
        what: `HTTP: ${TITLES[name]}, size of a response`,
        unit: "bytes",
        better: "less",
      }, answerBytes[name])
    ),
  ];
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  await using stack = new AsyncDisposableStack();
  const sides = await startSides(stack);
  const { rounds, ms, warmUpMs } = quick ? QUICK : FULL;
  for (const child of Object.values(sides.stdio)) {
    await loadStdio(child, { inFlight: 1, ms: warmUpMs });
  }
  const loads = new Map(
    GROUPS.flatMap((group) =>
      group.sides.map((side) => [keyOf(group, side), () => loadOf(sides, group, side, ms)] as const)
    ),
  );
  const results = await inTurns(rounds, loads);
  const measured = GROUPS.map((group) => groupFigures(group, results));
  return {
    figures: [...measured.flatMap(({ figures }) => figures), ...exactFigures(sides)],
    skipped: measured.flatMap(({ skipped }) => skipped),
  };
}

/** Times calls, beside minimal servers. */
export const bench: Bench = {
  name: "overhead",
  what: "calls over HTTP and stdio, beside minimal servers",
  run,
};

if (import.meta.main) await runAsProgram(bench);
