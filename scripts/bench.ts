/**
 * `deno task bench [name…]`: measures what the program costs.
 *
 * Every bench is a program in `tests/bench`, which uses loopback only and runs in a process of its
 * own. A run of all of them is added to `tests/bench/record.jsonl`.
 *
 * @module
 */

import manifest from "../deno.json" with { type: "json" };
import type { BenchResult, Figure } from "../tests/bench/figure.ts";
import {
  appendRun,
  type MachineClass,
  parseRecord,
  recorded,
  type RecordedRun,
  recordText,
  sameMachine,
} from "./bench/record.ts";
import { comparisonLines, figureLines } from "./bench/report.ts";
import { readSource } from "./compile/tools.ts";
import { type Instrument, type Options, runInstrument } from "./instrument.ts";
import { printLines } from "./table.ts";

const ROOT = new URL("../", import.meta.url);

/** The benches: each is `tests/bench/<name>.ts`, and the ids of its figures begin with its name. */
export const BENCH_NAMES: readonly string[] = [
  "overhead",
  "sign_in",
  "turn_end",
  "open_waits",
  "storm",
  "api_requests",
  "sse",
  "start",
  "model_cost",
  "peers",
];

const USAGE = `deno task bench [--quick] [--json | --compare [--last]] [name…]

  --quick     show that the benches work, as small as they go; measures nothing
  --json      print one JSON object instead of tables
  --compare   print each figure beside that of the last run on record
  --last      with --compare: print the last two runs on record, and run nothing

Names: ${BENCH_NAMES.join(", ")}. Without a name all run, and go on record.`;

/** The results by bench, and the benches that failed. */
interface Run {
  readonly results: ReadonlyMap<string, BenchResult>;
  readonly failed: readonly string[];
}

/** Runs benches one after another, each in a process of its own. */
async function runBenches(names: readonly string[], quick: boolean): Promise<Run> {
  const results = new Map<string, BenchResult>();
  const failed: string[] = [];
  for (const name of names) {
    printLines([`${name} …`], Deno.stderr);
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-q",
        "-P=bench",
        "--v8-flags=--expose-gc",
        `tests/bench/${name}.ts`,
        "--json",
        ...(quick ? ["--quick"] : []),
      ],
      cwd: ROOT,
      stderr: "inherit",
    }).output();
    if (success) results.set(name, JSON.parse(new TextDecoder().decode(stdout)));
    else failed.push(name);
  }
  return { results, failed };
}

function machineClass(): MachineClass {
  return {
    os: Deno.build.os,
    arch: Deno.build.arch,
    cpus: navigator.hardwareConcurrency,
    memory_gb: Math.round(Deno.systemMemoryInfo().total / 1e9),
  };
}

function versions(): Record<string, string> {
  const { version, imports } = manifest;
  const sdks = ["@modelcontextprotocol/server", "@modelcontextprotocol/sdk"] as const;
  return {
    "cma-mcp": version,
    deno: Deno.version.deno,
    ...Object.fromEntries(sdks.map((name) => [name, imports[name].split("@").at(-1) ?? ""])),
  };
}

async function runOf(results: Iterable<BenchResult>): Promise<RecordedRun> {
  const all = [...results];
  const { commit = "unknown" } = await readSource(ROOT, () => undefined);
  return {
    date: new Date().toISOString(),
    commit,
    machine: machineClass(),
    versions: Object.assign(versions(), ...all.map((result) => result.versions ?? {})),
    figures: recorded(all.flatMap(({ figures }): readonly Figure[] => figures)),
    skipped: all.flatMap(({ skipped = [] }) => skipped),
    cannot: Object.assign({}, ...all.map(({ cannot = {} }) => cannot)),
  };
}

function titleOf({ date, commit, machine, versions }: RecordedRun): string {
  const { os, arch, cpus, memory_gb } = machine;
  return `${date} at ${commit}, ${os} ${arch}, ${cpus} CPUs, ${memory_gb} GB, ` +
    Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
}

function compare(now: RecordedRun, before: RecordedRun | undefined, names: readonly string[]) {
  if (before === undefined) {
    return printLines(["There is no run on record to compare with: run 'deno task bench' first."]);
  }
  const measured = Object.entries(before.figures).filter(([id]) => {
    return names.includes(id.split(".")[0] ?? "");
  });
  printLines([
    `before: ${titleOf(before)}`,
    `now:    ${titleOf(now)}`,
    ...(sameMachine(now.machine, before.machine)
      ? []
      : ["WARNING: the machines differ: compare only exact figures and ratios."]),
    "",
    ...comparisonLines(now.figures, Object.fromEntries(measured)),
  ]);
}

const FLAGS = { quick: false, json: false, compare: false, last: false } as const;
type Flags = Options<typeof FLAGS>;

function complaintsAbout({ json, compare, last }: Flags, names: readonly string[]): string[] {
  return [
    ...names.filter((name) => !BENCH_NAMES.includes(name)).map((name) =>
      `Unknown bench '${name}'.`
    ),
    ...json && compare ? ["--json and --compare exclude each other."] : [],
    ...last && !compare ? ["--last needs --compare."] : [],
  ];
}

async function measure(options: Flags, names: readonly string[]): Promise<boolean> {
  const record = parseRecord(await recordText());
  if (options.last) {
    const [before, now] = record.slice(-2);
    if (before && now) compare(now, before, BENCH_NAMES);
    else printLines(["There are fewer than two runs on record: run 'deno task bench' first."]);
    return before !== undefined && now !== undefined;
  }
  const chosen = names.length > 0 ? names : BENCH_NAMES;
  const { results, failed } = await runBenches(chosen, options.quick);
  const run = await runOf(results.values());
  if (options.json) printLines([JSON.stringify(run)]);
  else if (options.compare) compare(run, record.at(-1), chosen);
  else for (const [name, result] of results) printLines([name, ...figureLines(result), ""]);
  for (const name of failed) {
    printLines([`FAILED: ${name}; this run does not go on record`], Deno.stderr);
  }
  if (failed.length === 0 && names.length === 0 && !options.quick) await appendRun(run);
  return failed.length === 0;
}

const instrument: Instrument<typeof FLAGS> = {
  usage: USAGE,
  flags: FLAGS,
  complaints: complaintsAbout,
  run: measure,
};

if (import.meta.main) await runInstrument(instrument);
