/**
 * What it costs to start the program: time until `initialize` is answered, memory at rest, sizes;
 * beside the least server that the SDK allows, compiled the same way.
 *
 * An executable is taken from `CMA_MCP_EXECUTABLE`, or compiled.
 *
 * @module
 */

import { systemClock } from "../../src/core/clock.ts";
import type { Bench, BenchOptions, BenchResult, Figure } from "./figure.ts";
import { exactFigure, figure, inTurns, ratios } from "./figure.ts";
import { runAsProgram } from "./program.ts";
import { type Startable, type Started, startServer, timeProgram } from "./start/process.ts";
import { buildPrograms, type Programs, type Side, startables } from "./start/programs.ts";

/** At least 15, so that the middle of the ratios says something. */
const ROUNDS = { full: 21, quick: 3 } as const;
const MEMORY_ROUNDS = { full: 5, quick: 1 } as const;
const COMMAND_ROUNDS = { full: 15, quick: 1 } as const;
/** How long a server may settle before its memory is read, in milliseconds. */
const SETTLE_MS = 1_000;
/** Design, section 9. */
const MAX_RATIO = 1.25;

const NAMES: Readonly<Record<Side, string>> = {
  executable: "executable",
  executable_simulated: "executable, --simulate",
  one_tool: "compiled server with one tool",
  source_simulated: "deno run, --simulate",
  source_one_tool: "deno run, server with one tool",
};

const PAIRS: readonly { ours: Side; theirs: Side; id: string; target?: number }[] = [
  { ours: "executable", theirs: "one_tool", id: "executable.vs_one_tool", target: MAX_RATIO },
  { ours: "executable_simulated", theirs: "one_tool", id: "executable_simulated.vs_one_tool" },
  { ours: "source_simulated", theirs: "source_one_tool", id: "source_simulated.vs_one_tool" },
];

type Sides = ReadonlyMap<Side, Startable>;
type Starts = ReadonlyMap<Side, readonly Pick<Started, "ms" | "cpuMs">[]>;

/** Starts and ends each of them in turns. */
async function measureStarts(sides: Sides, rounds: number): Promise<Starts> {
  const measures = [...sides].map(([side, startable]) => {
    const measure = async () => {
      const started = await startServer(startable);
      await started.end();
      return started;
    };
    return [side, measure] as const;
  });
  return await inTurns(rounds, new Map(measures));
}

function startFigures(starts: Starts): Figure[] {
  const times = [...starts].map(([side, all]) =>
    figure({
      id: `start.${side}.ms`,
      what: `${NAMES[side]}: start until initialize is answered`,
      unit: "ms",
      better: "less",
    }, all.map(({ ms }) => ms))
  );
  const compared = PAIRS.flatMap(({ ours, theirs, id, target }): Figure[] => {
    const [above, below] = [starts.get(ours), starts.get(theirs)];
    if (!above || !below) return [];
    const what = `${NAMES[ours]}: start, beside ${NAMES[theirs]}`;
    const values = ratios(above.map(({ ms }) => ms), below.map(({ ms }) => ms));
    return [figure({ id: `start.${id}`, what, unit: "x", better: "less", target }, values)];
  });
  const cpu = [...starts].flatMap(([side, all]): Figure[] => {
    const values = all.flatMap(({ cpuMs }) => cpuMs ?? []);
    const what = `${NAMES[side]}: CPU time of all its threads for that`;
    const spec = { id: `start.${side}.cpu_ms`, what, unit: "ms", better: "less" } as const;
    return values.length === 0 ? [] : [figure(spec, values)];
  });
  return [...times, ...compared, ...cpu];
}

/** Resident memory of all of them, side by side, when they have been left alone for a while. */
async function restingBytes(sides: Sides): Promise<Map<Side, number>> {
  const running: [Side, Started][] = [];
  const ended: PromiseSettledResult<void>[] = [];
  const bytes = new Map<Side, number>();
  try {
    for (const [side, startable] of sides) running.push([side, await startServer(startable)]);
    await systemClock.sleep(SETTLE_MS);
    for (const [side, started] of running) {
      const resident = await started.residentBytes();
      if (resident !== undefined) bytes.set(side, resident);
    }
  } finally {
    ended.push(...await Promise.allSettled(running.map(([, started]) => started.end())));
  }
  for (const end of ended) if (end.status === "rejected") throw end.reason;
  return bytes;
}

async function memoryFigures(sides: Sides, rounds: number): Promise<Figure[]> {
  const read: Map<Side, number>[] = [];
  for (let round = 0; round < rounds; round++) read.push(await restingBytes(sides));
  return [...sides.keys()].flatMap((side): Figure[] => {
    const megabytes = read.flatMap((bytes) => bytes.get(side) ?? []).map((value) => value / 1e6);
    const what = `${NAMES[side]}: resident memory at rest`;
    const spec = { id: `start.${side}.rss_mb`, what, unit: "MB", better: "less" } as const;
    return megabytes.length === 0 ? [] : [figure(spec, megabytes)];
  });
}

/** How long our executable takes for what does not serve. */
async function commandFigures(sides: Sides, rounds: number): Promise<Figure[]> {
  const executable = sides.get("executable");
  if (!executable) return [];
  const { command } = executable;
  const times = await inTurns(
    rounds,
    new Map(["version", "help"].map((name) => {
      return [name, () => timeProgram({ command, args: [`--${name}`] })] as const;
    })),
  );
  return [...times].map(([name, values]) => {
    const what = `executable: --${name}, start to end`;
    return figure({ id: `start.executable.${name}_ms`, what, unit: "ms", better: "less" }, values);
  });
}

async function sizeFigures({ ours, oneTool }: Programs): Promise<Figure[]> {
  const less = { better: "less" } as const;
  const size = async (id: Side, path: string | undefined): Promise<Figure[]> => {
    if (path === undefined) return [];
    const megabytes = (await Deno.stat(path)).size / 1e6;
    const what = `${NAMES[id]}: size of the file`;
    const spec = { id: `start.${id}.size_mb`, what, unit: "MB", ...less };
    return [exactFigure(spec, Number(megabytes.toFixed(2)))];
  };
  const code = (id: string, whose: string, bytes: number): Figure => {
    const spec = { id: `start.${id}.size_kb`, what: `all code of ${whose}, bundled`, unit: "KB" };
    return exactFigure({ ...spec, ...less }, Math.round(bytes / 1e3));
  };
  return [
    ...await size("executable", ours.executable),
    ...await size("one_tool", oneTool.executable),
    code("bundle", "the program", ours.bundleBytes),
    code("one_tool_bundle", "the server with one tool", oneTool.bundleBytes),
  ];
}

/** What cannot be known here. */
function missing({ ours, oneTool }: Programs, memory: readonly Figure[]): string[] {
  const notCompiled = Object.entries({ "cma-mcp": ours, "the server with one tool": oneTool })
    .flatMap(([name, { failure }]) =>
      failure === undefined
        ? []
        : `${name} was NOT COMPILED, so nothing is known of it as an executable: ${failure}`
    );
  return [
    ...notCompiled,
    ...(memory.length === 0 ? ["memory at rest: this system has no ps that tells it"] : []),
    ...(Deno.build.os === "linux" ? [] : ["CPU time: only Linux tells that of each thread"]),
  ];
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const size = quick ? "quick" : "full";
  const folder = await Deno.makeTempDir();
  try {
    const programs = await buildPrograms(folder);
    const sides = startables(programs);
    const starts = await measureStarts(sides, ROUNDS[size]);
    const commands = await commandFigures(sides, COMMAND_ROUNDS[size]);
    const memory = await memoryFigures(sides, MEMORY_ROUNDS[size]);
    const sizes = await sizeFigures(programs);
    return {
      figures: [...startFigures(starts), ...commands, ...memory, ...sizes],
      skipped: missing(programs, memory),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Start-up: time, memory, size. */
export const bench: Bench = {
  name: "start",
  what: "starting: time to the answer of initialize, memory at rest, size of the executable",
  run,
};

if (import.meta.main) await runAsProgram(bench);
