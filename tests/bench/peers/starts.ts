/**
 * Measures starts on stdio, and memory at rest.
 *
 * @module
 */

import { systemClock } from "../../../src/core/clock.ts";
import { residentBytes } from "../../helpers/process_cost.ts";
import { inTurns } from "../figure.ts";
import { type Started, startServer, type Until } from "../start/process.ts";
import type { Findings } from "./findings.ts";
import type { SideName } from "./rows.ts";
import type { ApiPlace, Side } from "./sides.ts";

/** How often is measured. */
export interface StartSizes {
  readonly rounds: number;
  /** How long a server may settle before its memory is read, in milliseconds. */
  readonly settleMs: number;
}

/** Nothing is sent there before the first call of a tool. */
const NOWHERE: ApiPlace = { url: "http://127.0.0.1:9" };
const UNTIL: readonly (readonly [row: string, until: Until])[] = [
  ["start_initialize", "initialize"],
  ["start_tools_list", "tools/list"],
];

async function startAndEnd(side: Side, until: Until): Promise<Started> {
  const started = await startServer(side.stdio(NOWHERE), until);
  await started.end();
  return started;
}

/** Measures the start of all servers, in turns. */
export async function measureStarts(
  sides: readonly Side[],
  { rounds }: StartSizes,
  findings: Findings,
): Promise<void> {
  for (const [row, until] of UNTIL) {
    const starts = sides.map((side) => [side.name, () => startAndEnd(side, until)] as const);
    for (const [side, all] of await inTurns(rounds, new Map(starts))) {
      for (const { ms, cpuMs } of all) {
        findings.add(row, side, ms);
        findings.add(`${row}_cpu`, side, cpuMs);
      }
    }
  }
}

/** Measures the memory of all servers that nobody has called yet. */
export async function measureRest(
  sides: readonly Side[],
  { settleMs }: StartSizes,
  findings: Findings,
): Promise<void> {
  const add = (row: string, side: SideName, bytes: number | undefined) =>
    findings.add(row, side, bytes && bytes / 1e6);
  await using stack = new AsyncDisposableStack();
  const onStdio: [SideName, Started][] = [];
  const overHttp: [SideName, number][] = [];
  for (const side of sides) {
    const started = await startServer(side.stdio(NOWHERE), "tools/list");
    stack.defer(() => started.end());
    onStdio.push([side.name, started]);
    overHttp.push([side.name, stack.use(await side.http(NOWHERE)).pid]);
  }
  await systemClock.sleep(settleMs);
  for (const [side, started] of onStdio) add("rest_stdio", side, await started.residentBytes());
  for (const [side, pid] of overHttp) add("rest_http", side, await residentBytes(pid));
}
