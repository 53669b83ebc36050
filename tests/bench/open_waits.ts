/**
 * What an open wait costs: memory and computing, and the time of the calls beside it.
 */
import { hostedHabits } from "../../src/simulator/habits.ts";
import { UpstreamProcess } from "../helpers/upstream_process.ts";
import {
  type Bench,
  type BenchResult,
  exactFigure,
  type Figure,
  figure,
  ratios,
} from "./figure.ts";
import { runAsProgram } from "./program.ts";
import type { HolderMemory, Holding } from "./waits/holder.ts";
import { memoryOf } from "./waits/holder_process.ts";
import { answeredOnSharedConnection, callsBesideWaits, SHARED_STREAMS } from "./waits/http2.ts";
import { cpuOfWaits, type ProgramFindings, programWithWaits } from "./waits/whole_program.ts";

const KILOBYTE = 1_000;
/**
 * Holds at the most waits: what a process grows by once, in its first busy moment (young
 * generation, compiled code, allocators), would count for more than the waits among fewer.
 */
const MEMORY_TARGET_KB = 60;
/** A plain call beside waits takes no longer than without; medians of one machine differ by this. */
const CALL_RATIO = 1.1;
/** Files and sockets of a process beside those of its waits. */
const OTHER_FILES = 1_000;

interface Sizes {
  /** Open at once when memory is looked at, in rising order. */
  readonly crowds: readonly number[];
  readonly waits: number;
  readonly calls: number;
  readonly rounds: number;
  /** Of the calls beside waits, whose times are nearer to noise. */
  readonly callRounds: number;
  /** Of the CPU time: too short for a wait's looks at its session, which come once a minute. */
  readonly cpuWindows: number;
  readonly cpuWindowMs: number;
  /** Until a process is at rest. */
  readonly restMs: number;
  /** A call that is blocked is given up after this. */
  readonly blockedMs: number;
}

const FULL: Sizes = {
  crowds: [100, 1_000, 5_000],
  waits: 1_000,
  calls: 300,
  rounds: 2,
  callRounds: 3,
  cpuWindows: 2,
  cpuWindowMs: hostedHabits.heartbeatMs,
  restMs: 1_500,
  blockedMs: 3_000,
};

const QUICK: Sizes = {
  crowds: [10, 20],
  waits: 20,
  calls: 5,
  rounds: 1,
  callRounds: 1,
  cpuWindows: 1,
  cpuWindowMs: 500,
  restMs: 100,
  blockedMs: 500,
};

function many(count: number): string {
  return count.toLocaleString("en-US");
}

/** Files that a process may have open; undefined where nobody tells. */
async function openFilesAllowed(): Promise<number | undefined> {
  if (Deno.build.os === "windows") return undefined;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", "ulimit -n"] }).output();
  const limit = new TextDecoder().decode(stdout).trim();
  return limit === "unlimited" ? undefined : Number(limit);
}

/** The counts that this machine allows, and what to say of the others. */
async function possible(counts: readonly number[]) {
  const allowed = await openFilesAllowed() ?? Infinity;
  const fits = (count: number) => count + OTHER_FILES <= allowed;
  return {
    counts: counts.filter(fits),
    skipped: counts.filter((count) => !fits(count)).map((count) =>
      `open_waits at ${count}: takes ${count + OTHER_FILES} open files in each of two processes, ` +
      `and 'ulimit -n' says ${allowed}`
    ),
  };
}

/** Of each that is open, round by round, beyond what the process takes with `from` of them. */
function kilobytesEach(
  rounds: readonly (readonly HolderMemory[])[],
  counts: readonly number[],
  { kind, at, from }: { kind: keyof HolderMemory; at: number; from: number },
): number[] {
  const indexOf = (count: number) => count === 0 ? 0 : counts.indexOf(count) + 1;
  return rounds.map((found) => {
    const [before, after] = [found[indexOf(from)]?.[kind], found[indexOf(at)]?.[kind]];
    return ((after ?? NaN) - (before ?? NaN)) / (at - from) / KILOBYTE;
  });
}

/** Ever more waits in one process, ever more bare streams in another: A B A B. */
async function memoryFigures({ crowds, rounds }: Sizes): Promise<BenchResult> {
  const { counts, skipped } = await possible(crowds);
  const upstream = await UpstreamProcess.start();
  const found = new Map<Holding, (readonly HolderMemory[])[]>([["waiter", []], ["fetch", []]]);
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [holding, each] of found) each.push(await memoryOf(holding, upstream, counts));
    }
  } finally {
    await upstream.close();
  }
  const line = (
    id: string,
    what: string,
    [holding, kind]: readonly [Holding, keyof HolderMemory],
    at: number,
    from = 0,
  ): Figure => {
    const values = kilobytesEach(found.get(holding) ?? [], counts, { kind, at, from });
    const target = holding === "waiter" && kind === "rss" && at === crowds.at(-1) && from === 0
      ? MEMORY_TARGET_KB
      : undefined;
    return figure({ id: `open_waits.${id}`, what, unit: "KB", better: "less", target }, values);
  };
  const figures = counts.flatMap((count) => [
    line(
      `memory_${count}.waiter`,
      `memory of each of ${many(count)} open waits, client and waiter`,
      ["waiter", "rss"],
      count,
    ),
    line(`memory_${count}.heap`, "  of that on the JavaScript heap", ["waiter", "heapUsed"], count),
    line(
      `memory_${count}.fetch`,
      `  for comparison: of each of ${many(count)} bare streams`,
      ["fetch", "rss"],
      count,
    ),
  ]);
  const [before, last] = counts.slice(-2);
  if (before === undefined || last === undefined) return { figures, skipped };
  const further = `of each further one, from ${many(before)} to ${many(last)}`;
  return {
    figures: [
      ...figures,
      line("memory_further.waiter", `memory ${further}`, ["waiter", "rss"], last, before),
      line(
        "memory_further.fetch",
        `  for comparison: ${further}, of bare streams`,
        ["fetch", "rss"],
        last,
        before,
      ),
    ],
    skipped,
  };
}

/** Three lines: a call alone, beside waits, and how much longer that took. */
function callFigures(
  { id, what, target }: { readonly id: string; readonly what: string; readonly target?: number },
  alone: readonly number[],
  beside: readonly number[],
): Figure[] {
  const ms = { unit: "ms", better: "less" } as const;
  return [
    figure({ id: `${id}.call_alone`, what: `${what}, alone`, ...ms }, alone),
    figure({ id: `${id}.call_beside`, what: `${what}, beside the waits`, ...ms }, beside),
    figure(
      {
        id: `${id}.call_ratio`,
        what: "  beside / alone" +
          (target ? ` (no longer; ${target} is what noise makes of 1)` : ""),
        unit: "x",
        better: "less",
        target,
      },
      ratios(beside, alone),
    ),
  ];
}

async function http2Figures({ callRounds, waits, calls, blockedMs }: Sizes): Promise<Figure[]> {
  const { alone, beside } = await callsBesideWaits({ rounds: callRounds, waits, calls });
  const id = "open_waits.http2";
  const what = `get_session of the client, API with 100 streams a connection, ${many(waits)} waits`;
  return [
    ...callFigures({ id, what, target: CALL_RATIO }, alone, beside),
    exactFigure(
      {
        id: `${id}.shared_answered`,
        what: `  if ${SHARED_STREAMS} streams shared the calls' connection: calls of one ` +
          `answered in ${blockedMs / 1_000} s`,
        unit: "calls",
        better: "more",
      },
      await answeredOnSharedConnection(blockedMs) ? 1 : 0,
    ),
  ];
}

async function programFigures(sizes: Sizes): Promise<BenchResult> {
  const { waits, calls, rounds, cpuWindows: windows, cpuWindowMs: windowMs, restMs } = sizes;
  const upstream = await UpstreamProcess.start();
  const found: ProgramFindings[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      found.push(await programWithWaits(upstream, { waits, calls, restMs }));
    }
  } finally {
    await upstream.close();
  }
  const cpu = await cpuOfWaits({ waits, windows, windowMs, restMs });
  const bytes = found.flatMap(({ bytesEach }) => bytesEach ?? []);
  const cpuFigure = (id: string, what: string, values: readonly number[]) =>
    figure({ id: `open_waits.cpu.${id}`, what, unit: "µs", better: "less" }, values);
  const known = bytes.length > 0 && cpu.program.length > 0;
  return {
    figures: [
      ...(!known ? [] : [
        figure({
          id: "open_waits.program.memory",
          what: `memory of each of ${many(waits)} open waits, whole program over HTTP`,
          unit: "KB",
          better: "less",
        }, bytes.map((value) => value / KILOBYTE)),
        cpuFigure(
          "program",
          `CPU a minute of each of ${many(waits)} open waits with heartbeats, whole program`,
          cpu.program,
        ),
      ]),
      cpuFigure("waiter", "  client and waiter alone", cpu.waiter),
      cpuFigure("fetch", "  for comparison: a bare stream that is thrown away", cpu.fetch),
      ...callFigures(
        {
          id: "open_waits.program",
          what: `get_session over HTTP, API with HTTP/1.1, ${many(waits)} waits`,
        },
        found.map(({ callAloneMs }) => callAloneMs),
        found.map(({ callBesideMs }) => callBesideMs),
      ),
    ],
    skipped: known ? [] : ["open_waits of the whole program: only Linux tells what it takes"],
  };
}

export const bench: Bench = {
  name: "open_waits",
  what: "What an open wait costs, in memory, in computing, and for the calls beside it",
  async run({ quick }) {
    const sizes = quick ? QUICK : FULL;
    const memory = await memoryFigures(sizes);
    const program = await programFigures(sizes);
    const calls = await http2Figures(sizes);
    return {
      figures: [...memory.figures, ...program.figures, ...calls],
      skipped: [...memory.skipped ?? [], ...program.skipped ?? []],
    };
  },
};

if (import.meta.main) await runAsProgram(bench);
