/**
 * `deno task replicas`: holds many waits open at two replicas behind a proxy, and prints what each
 * process costs meanwhile.
 *
 * The replicas, the proxy with its file in `deploy`, and a simulated API run in processes of their own;
 * the waits are this process's. At the end all turns end at once, and every wait must return.
 *
 * @module
 */

import { callServedTool } from "../src/commands/mcp_call.ts";
import {
  clientOf,
  PROXIES,
  type ProxyName,
  startProxy,
  startReplica,
  stopReplica,
} from "../tests/e2e/proxies.ts";
import { freePort } from "../tests/helpers/free_port.ts";
import { apiAt } from "../tests/helpers/http_program.ts";
import { type ProcessCost, processCost } from "../tests/helpers/process_cost.ts";
import { UpstreamProcess } from "../tests/helpers/upstream_process.ts";
import { run } from "./compile/tools.ts";
import { type Instrument, runInstrument } from "./instrument.ts";
import { quantile } from "./statistics.ts";
import { printLines, right, tableLines } from "./table.ts";

/** Waits on one connection of HTTP/2; nginx takes 128 there. */
const WAITS_PER_CLIENT = 100;
/** Waits that begin at the same time. */
const BATCH = 50;

/** What is measured of a process: at rest, and at the begin and end of the time with all waits. */
interface Course {
  readonly who: string;
  readonly rest: ProcessCost;
  readonly begin: ProcessCost;
  readonly end: ProcessCost;
}

interface Findings {
  readonly courses: readonly Course[];
  /** Waits by replica. */
  readonly waits: readonly number[];
  /** Milliseconds from the end of a turn to the result of its wait. */
  readonly latencies: readonly number[];
  readonly problems: readonly string[];
}

async function hold(proxyName: ProxyName, count: number, seconds: number): Promise<Findings> {
  await using upstream = await UpstreamProcess.start();
  const ports = [freePort(), freePort()];
  const args = ["--metrics-port=0", `--max-waits=${count}`];
  const replicas = await Promise.all(
    ports.map((port) => startReplica(port, apiAt(upstream.address.url), args)),
  );
  await using proxy = await startProxy(proxyName, ports);
  const clients = Array.from(
    { length: Math.ceil(count / WAITS_PER_CLIENT) },
    () => clientOf(proxy),
  );
  const costs = async () => [
    ...await Promise.all(replicas.map(({ pid }) => costOf([pid]))),
    await costOf(await descendants(proxy.pid)),
  ];
  await Promise.all(clients.map(({ endpoint }) => callServedTool(endpoint, "list_agents", {})));
  const rest = await costs();
  const sessionIds = await upstream.begin(count);
  const latencies: number[] = [];
  const problems: string[] = [];
  const waits: Promise<void>[] = [];
  await upstream.openInBatches(sessionIds, BATCH, (batch) => {
    for (const session_id of batch) {
      const client = clients[waits.length % clients.length];
      if (!client) continue;
      const args = { session_id, timeout_sec: 600 };
      waits.push(
        callServedTool(client.endpoint, "wait_for_idle", args).then(({ status, reply }) => {
          latencies.push(Date.now() - Number(reply));
          if (status !== "idle") problems.push(`A wait ended with ${status}`);
        }, (error) => void problems.push(String(error))),
      );
    }
  });
  const begin = await costs();
  const open = await Promise.all(replicas.map(({ stderr }) => openWaits(stderr.join("\n"))));
  await new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));
  const end = await costs();
  await upstream.finish(sessionIds);
  await Promise.all(waits);
  for (const client of clients) client[Symbol.dispose]();
  for (const replica of replicas) await stopReplica(replica);
  const courses = ["replica 1", "replica 2", proxyName].flatMap((who, index) => {
    const [one, two, three] = [rest[index], begin[index], end[index]];
    return one && two && three ? [{ who, rest: one, begin: two, end: three }] : [];
  });
  return { courses, waits: open, latencies, problems };
}

async function costOf(pids: readonly number[]): Promise<ProcessCost> {
  const all = await Promise.all(pids.map(processCost));
  return {
    cpuMs: all.reduce((sum, cost) => sum + (cost?.cpuMs ?? 0), 0),
    rssBytes: all.reduce((sum, cost) => sum + (cost?.rssBytes ?? 0), 0),
  };
}

/** Returns the processes that a process has started, and those that they have. */
async function descendants(pid: number): Promise<number[]> {
  const { stdout } = await run("ps", ["-eo", "pid=,ppid="]);
  const pairs = stdout.trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    pairs.filter(([, ppid]) => ppid === parent)
      .flatMap(([child = 0]) => [child, ...below(child)]);
  return below(pid);
}

async function openWaits(log: string): Promise<number> {
  const url = /Metrics are at (http:\S+?),/.exec(log)?.[1];
  if (url === undefined) return NaN;
  const text = await (await fetch(url)).text();
  return Number(/^cma_mcp_open_waits (\d+)$/m.exec(text)?.[1]);
}

const mb = (bytes: number) => Math.round(bytes / (1_024 * 1_024));

function report(proxy: string, seconds: number, findings: Findings): string[] {
  const { courses, waits, latencies, problems } = findings;
  const columns = [
    "process",
    ...["waits", "MB at rest", "MB with waits", "% of a core"].map(right),
  ];
  const rows = courses.map(({ who, rest, begin, end }, index) =>
    [
      who,
      waits[index] ?? waits.reduce((sum, count) => sum + count, 0),
      mb(rest.rssBytes),
      mb(end.rssBytes),
      ((end.cpuMs - begin.cpuMs) / (10 * seconds)).toFixed(1),
    ] as const
  );
  const at = (share: number) => Math.round(quantile(latencies, share));
  return [
    ...tableLines(columns, rows),
    "",
    `behind ${proxy}: ${latencies.length} waits returned, half of them within ${
      at(0.5)
    } ms of the ` +
    `end of their turn, all within ${at(1)} ms; ${problems.length} problems`,
    ...problems.slice(0, 10).map((problem) => `PROBLEM ${problem}`),
  ];
}

const FLAGS = { waits: 800, seconds: 30 } as const;

const instrument: Instrument<typeof FLAGS> = {
  usage: `deno task replicas [nginx] [caddy] [--waits 800] [--seconds 30]

  nginx, caddy   the proxies, each of which must be installed; both when none is named
  --waits        how many waits are open at the same time, at both replicas together
  --seconds      how long they are held open`,
  flags: FLAGS,
  complaints: (_options, words) =>
    words.filter((word) => !PROXIES.some((name) => name === word))
      .map((word) => `Unknown proxy '${word}'.`),
  async run({ waits, seconds }, words) {
    let fine = true;
    for (const name of PROXIES) {
      if (words.length > 0 && !words.includes(name)) continue;
      const findings = await hold(name, waits, seconds);
      printLines(report(name, seconds, findings));
      fine &&= findings.problems.length === 0;
    }
    return fine;
  },
};

if (import.meta.main) await runInstrument(instrument);
