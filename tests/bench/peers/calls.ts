/**
 * Measures calls of `get_agent`, each of which makes one request to an API that responds at once.
 *
 * @module
 */

import { startListening } from "../../helpers/child.ts";
import { startStdio } from "../../helpers/stdio_program.ts";
import { inTurns } from "../figure.ts";
import type { Era } from "../overhead/calls.ts";
import { callOnce, loadHttp, type LoadResult, loadStdio } from "../overhead/load.ts";
import { helperStart } from "../overhead/starts.ts";
import type { Findings } from "./findings.ts";
import type { SideName } from "./rows.ts";
import type { HttpServer, Side } from "./sides.ts";

/** How long and how often is measured. */
export interface CallSizes {
  readonly rounds: number;
  readonly ms: number;
  readonly warmUpMs: number;
}

const IN_FLIGHT = 16;

type Load = (ms: number) => Promise<LoadResult>;

/** Puts all servers under the same load, in turns. */
async function measure(
  row: string,
  loads: ReadonlyMap<SideName, Load>,
  { rounds, ms, warmUpMs }: CallSizes,
  findings: Findings,
): Promise<void> {
  for (const load of loads.values()) await load(warmUpMs);
  const works = [...loads].map(([side, load]) => [side, () => load(ms)] as const);
  const results = await inTurns(rounds, new Map(works));
  for (const [side, all] of results) {
    for (const { callsPerSecond, cpuMicros } of all) {
      findings.add(row, side, callsPerSecond);
      findings.add(`${row}_cpu`, side, cpuMicros);
    }
  }
}

/** Tells whether a server speaks the modern protocol; one that does not refuses the request. */
async function speaksModern(server: HttpServer): Promise<boolean> {
  try {
    await callOnce(server, "modern");
    return true;
  } catch (error) {
    if (/HTTP\/1\.1 400 /.test(String(error))) return false;
    throw error;
  }
}

/** Measures calls over HTTP, in both eras of the protocol, and on stdio. */
export async function measureCalls(
  sides: readonly Side[],
  sizes: CallSizes,
  findings: Findings,
): Promise<void> {
  await using upstream = await startListening(helperStart("canned_upstream.ts"));
  const api = { url: upstream.url };
  {
    await using stack = new AsyncDisposableStack();
    const servers: [SideName, HttpServer][] = [];
    for (const side of sides) servers.push([side.name, stack.use(await side.http(api))]);
    const load = (server: HttpServer, era: Era): Load => (ms) =>
      loadHttp(server, { connections: IN_FLIGHT, era, ms });
    const old = servers.map(([name, server]) => [name, load(server, "legacy")] as const);
    await measure("http", new Map(old), sizes, findings);
    const modern = new Map<SideName, Load>();
    for (const [name, server] of servers) {
      if (await speaksModern(server)) modern.set(name, load(server, "modern"));
      else {
        const rows = ["http_modern", "http_modern_cpu"];
        findings.cannot(rows, name, "does not speak this protocol");
      }
    }
    await measure("http_modern", modern, sizes, findings);
  }
  await using stack = new AsyncDisposableStack();
  const loads = new Map<SideName, Load>();
  for (const side of sides) {
    const child = stack.use(await startStdio(side.stdio(api)));
    loads.set(side.name, (ms) => loadStdio(child, { inFlight: IN_FLIGHT, ms }));
  }
  await measure("stdio", loads, sizes, findings);
}
