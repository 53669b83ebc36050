/**
 * Measures what it costs to start the program: time until the response to `initialize`, and to
 * `tools/list`, memory at rest, sizes; beside a server with one tool, built and compiled the same way.
 *
 * An executable is taken from `CMA_MCP_EXECUTABLE`, or compiled.
 *
 * @module
 */

import { systemClock } from "../../src/core/clock.ts";
import type { Bench, BenchOptions, BenchResult, Figure } from "./figure.ts";
import { figure, inTurns } from "./figure.ts";
import { runAsProgram } from "./program.ts";
import { NAMES, sizeFigures, startFigures, type Starts } from "./start/figures.ts";
import {
  type Startable,
  type Started,
  startServer,
  timeProgram,
  type Until,
} from "./start/process.ts";
import { startConfigured } from "./start/configured.ts";
import { buildPrograms, type Programs, type Side, startables } from "./start/programs.ts";

/** Starts of executables; at least 15, so that the median of the ratios says something. */
const ROUNDS = { full: 25, quick: 3 } as const;
/** Starts from source, which take twice as long and have no target. */
const SOURCE_ROUNDS = { full: 9, quick: 1 } as const;
const MEMORY_ROUNDS = { full: 5, quick: 1 } as const;
const COMMAND_ROUNDS = { full: 15, quick: 1 } as const;
/** How long a server may settle before its memory is read, in milliseconds. */
const SETTLE_MS = 1_000;
/** Programs whose tools are listed as well. */
const LISTED: readonly Side[] = ["executable", "one_tool"];
/** Programs whose start takes so long that few are timed. */
const SLOW: readonly Side[] = ["source_simulated", "source_one_tool", "node", "npx"];
/** Programs of which commands are timed. */
const WITH_COMMANDS: readonly Side[] = ["executable", "node", "npx"];
/** Resident memory of the executable with everything configured, in megabytes. */
const MAX_RESTING_MB = 70;

type Sides = ReadonlyMap<Side, Startable>;

function only(sides: Sides, accept: (side: Side) => boolean): Sides {
  return new Map([...sides].filter(([side]) => accept(side)));
}

/** Starts and ends each of them in turns. */
async function measureStarts(sides: Sides, until: Until, rounds: number): Promise<Starts> {
  const measures = [...sides].map(([side, startable]) => {
    const measure = async () => {
      const started = await startServer(startable, until);
      await started.end();
      return started;
    };
    return [side, measure] as const;
  });
  return await inTurns(rounds, new Map(measures));
}

/** Reads the resident memory of all of them, side by side, once they have settled. */
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

/** Reads the memory of our program at rest over HTTP, with everything configured. */
async function configuredFigures(
  { ours }: Programs,
  folder: string,
  rounds: number,
): Promise<Figure[]> {
  const { executable } = ours;
  if (executable === undefined) return [];
  const megabytes: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const resting = await startConfigured(executable, folder);
    try {
      await systemClock.sleep(SETTLE_MS);
      const bytes = await resting.residentBytes();
      if (bytes !== undefined) megabytes.push(bytes / 1e6);
    } finally {
      await resting.end();
    }
  }
  if (megabytes.length === 0) return [];
  return [figure({
    id: "start.executable.http_all_rss_mb",
    what: `${NAMES.executable}: resident memory at rest over HTTP, with everything configured`,
    unit: "MB",
    better: "less",
    target: MAX_RESTING_MB,
  }, megabytes)];
}

/** Measures how long our program takes for commands that do not serve. */
async function commandFigures(sides: Sides, rounds: number): Promise<Figure[]> {
  const ours = [...only(sides, (side) => WITH_COMMANDS.includes(side))];
  const times = await inTurns(
    rounds,
    new Map(ours.flatMap(([side, { command, args }]) =>
      ["version", "help"].map((name) => {
        const measure = () => timeProgram({ command, args: [...args, `--${name}`] });
        return [`${side}.${name}`, measure] as const;
      })
    )),
  );
  return ours.flatMap(([side]) =>
    ["version", "help"].map((name) => {
      const what = `${NAMES[side]}: --${name}, start to end`;
      const spec = { id: `start.${side}.${name}_ms`, what, unit: "ms", better: "less" } as const;
      return figure(spec, times.get(`${side}.${name}`) ?? []);
    })
  );
}

/** Returns a line for each thing that cannot be measured here, with the reason. */
function missing(
  { ours, oneTool, oneToolPlain, npm }: Programs,
  memory: readonly Figure[],
): string[] {
  const names = Map.groupBy(
    [
      { name: "cma-mcp", failure: ours.failure },
      { name: `the ${NAMES.one_tool}`, failure: oneTool.failure },
      { name: `the ${NAMES.one_tool_plain}`, failure: oneToolPlain.failure },
    ],
    ({ failure }) => failure,
  );
  const notCompiled = [...names].flatMap(([failure, programs]) => {
    const executables = programs.map(({ name }) => name).join("; ");
    return failure === undefined ? [] : `start, executables of ${executables}: ${failure}`;
  });
  return [
    ...notCompiled,
    ...("failure" in npm ? [`start, npm package: ${npm.failure}`] : []),
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
    const isSlow = (side: Side) => SLOW.includes(side);
    const compiled = only(sides, (side) => !isSlow(side));
    const starts = new Map([
      ...await measureStarts(compiled, "initialize", ROUNDS[size]),
      ...await measureStarts(only(sides, isSlow), "initialize", SOURCE_ROUNDS[size]),
    ]);
    const listed = only(compiled, (side) => LISTED.includes(side));
    const lists = await measureStarts(listed, "tools/list", ROUNDS[size]);
    const commands = await commandFigures(sides, COMMAND_ROUNDS[size]);
    const memory = [
      // Of npx, only npm itself would be counted.
      ...await memoryFigures(only(sides, (side) => side !== "npx"), MEMORY_ROUNDS[size]),
      ...await configuredFigures(programs, folder, MEMORY_ROUNDS[size]),
    ];
    const sizes = await sizeFigures(programs);
    return {
      figures: [
        ...startFigures(starts, "initialize"),
        ...startFigures(lists, "tools/list"),
        ...commands,
        ...memory,
        ...sizes,
      ],
      skipped: missing(programs, memory),
      versions: programs.versions,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Times starts, and measures memory and sizes. */
export const bench: Bench = {
  name: "start",
  what: "starts: time to the response to initialize, memory at rest, size of the executable",
  run,
};

if (import.meta.main) await runAsProgram(bench);
