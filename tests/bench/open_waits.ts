/**
 * Measures what an open wait costs: memory, processor time, and the time of the calls beside it.
 *
 * @module
 */
import { hostedHabits } from "../../src/simulator/mod.ts";
import { UpstreamProcess } from "../helpers/upstream_process.ts";
import { type Bench, type BenchResult, exactFigure, type Figure, figure } from "./figure.ts";
import type { Era } from "./overhead/calls.ts";
import { runAsProgram } from "./program.ts";
import { baselineFigures } from "./waits/baseline_figures.ts";
import { bytesBesideBaselines, type WaitBytes } from "./waits/baselines.ts";
import { aloneFigure, besideFigures, programFigures } from "./waits/call_figures.ts";
import { cpuFigures, many, memoryFigures } from "./waits/crowd_figures.ts";
import { type ByCrowd, cpuOfCrowds, type CrowdMemory, memoryOfCrowds } from "./waits/crowds.ts";
import { type Fitting, fitting, openFilesAllowed } from "./waits/files.ts";
import { callsBesideWaits, respondsOnSharedConnection, SHARED_STREAMS } from "./waits/http2.ts";
import { cpuOfProgram, type ProgramFindings, programWithWaits } from "./waits/whole_program.ts";

/** A plain call beside waits takes no longer than without; medians of one machine differ by this. */
const CALL_RATIO = 1.1;

interface Sizes {
  /** Numbers of waits that are open at once, in rising order. */
  readonly crowds: readonly number[];
  /** Waits where only one number of them is measured. */
  readonly waits: number;
  readonly calls: number;
  /** Rounds in which memory is measured. */
  readonly rounds: number;
  /** Rounds in which processor time is measured. */
  readonly cpuRounds: number;
  /**
   * Time between two heartbeats of the API, whose clock goes faster so that a short window has some.
   * The status poll of a wait, once in a minute of its own clock, is in none.
   */
  readonly heartbeatMs: number;
  /** Heartbeats in a window in which processor time is measured. */
  readonly heartbeats: number;
  /** Heartbeats in the window of the whole program, which sends one to each of its clients as well. */
  readonly programHeartbeats: number;
  /** Rounds of calls beside waits of the whole program. */
  readonly programRounds: number;
  /** Rounds of calls beside waits of the client, whose times are nearer to noise. */
  readonly callRounds: number;
  /** Milliseconds until a process is at rest. */
  readonly restMs: number;
  /** A call that is blocked is given up after this. */
  readonly blockedMs: number;
}

const FULL: Sizes = {
  crowds: [100, 1_000, 5_000],
  waits: 1_000,
  calls: 300,
  rounds: 2,
  cpuRounds: 2,
  heartbeatMs: 2_000,
  heartbeats: 2,
  programHeartbeats: 5,
  programRounds: 2,
  callRounds: 3,
  restMs: 500,
  blockedMs: 3_000,
};

const QUICK: Sizes = {
  crowds: [10, 20],
  waits: 20,
  calls: 5,
  rounds: 1,
  cpuRounds: 1,
  heartbeatMs: 250,
  heartbeats: 1,
  programHeartbeats: 2,
  programRounds: 1,
  callRounds: 1,
  restMs: 100,
  blockedMs: 500,
};

/** Open files of the program for a wait: its client and its stream. */
const FILES_OF_PROGRAM_WAIT = 2;

/** Crowds that fit at once: the streams of all of them are open at the API. */
function crowdsFitting(what: string, { crowds }: Sizes, allowed: number | undefined): Fitting {
  const withLess = (most: number) => crowds.filter((c) => c <= most).reduce((a, b) => a + b, 0);
  return fitting(what, crowds, withLess, allowed);
}

/** Waits and bare streams in turns, with the heartbeats of the true API. */
async function memoryPart(sizes: Sizes, allowed: number | undefined): Promise<BenchResult> {
  const { counts, skipped } = crowdsFitting("memory", sizes, allowed);
  const found = {
    waiter: new Array<ByCrowd<CrowdMemory>>(),
    fetch: new Array<ByCrowd<CrowdMemory>>(),
  };
  await using upstream = await UpstreamProcess.start();
  for (let round = 0; round < sizes.rounds; round++) {
    found.waiter.push(await memoryOfCrowds({ holding: "waiter", upstream, counts }));
    found.fetch.push(await memoryOfCrowds({ holding: "fetch", upstream, counts }));
  }
  return { figures: memoryFigures(found, counts, sizes.crowds.at(-1)), skipped };
}

const ERAS: readonly Era[] = ["legacy", "modern"];

/** The whole program beside what nothing can do without, in turns, in both eras of the protocol. */
async function baselinePart(sizes: Sizes, allowed: number | undefined): Promise<BenchResult> {
  const { waits, rounds, restMs } = sizes;
  const filesOf = (count: number) => count * FILES_OF_PROGRAM_WAIT;
  const { counts, skipped } = fitting("memory beside baselines", [waits], filesOf, allowed);
  if (counts.length === 0) return { figures: [], skipped };
  const found = new Map(ERAS.map((era) => [era, new Array<WaitBytes | undefined>()]));
  await using upstream = await UpstreamProcess.start();
  for (let round = 0; round < rounds; round++) {
    for (const [era, results] of found) {
      results.push(await bytesBesideBaselines(upstream, { waits, era, restMs }));
    }
  }
  const figures = [...found].flatMap(([era, results]) => {
    const known = results.filter((result) => result !== undefined);
    return known.length === 0 ? [] : baselineFigures(era, waits, known);
  });
  const untold = figures.length === 0;
  return {
    figures,
    skipped: untold ? ["open_waits, memory beside baselines: only Linux tells"] : [],
  };
}

/** Waits, bare streams and the whole program in turns. */
async function cpuPart(sizes: Sizes, allowed: number | undefined): Promise<BenchResult> {
  const { waits, cpuRounds, heartbeatMs, heartbeats, programHeartbeats, restMs } = sizes;
  const { counts, skipped } = crowdsFitting("CPU", sizes, allowed);
  const filesOfProgram = (count: number) => count * FILES_OF_PROGRAM_WAIT;
  const whole = fitting("CPU of the whole program", [waits], filesOfProgram, allowed);
  const found = { waiter: new Array<ByCrowd<number>>(), fetch: new Array<ByCrowd<number>>() };
  const window = { windowMs: heartbeats * heartbeatMs, restMs };
  const programUs: (number | undefined)[] = [];
  const speed = hostedHabits.heartbeatMs / heartbeatMs;
  await using upstream = await UpstreamProcess.start({ speed });
  for (let round = 0; round < cpuRounds; round++) {
    found.waiter.push(await cpuOfCrowds({ holding: "waiter", upstream, counts }, window));
    found.fetch.push(await cpuOfCrowds({ holding: "fetch", upstream, counts }, window));
    for (const count of whole.counts) {
      const options = { waits: count, windowMs: programHeartbeats * heartbeatMs, restMs };
      programUs.push(await cpuOfProgram(upstream, options));
    }
  }
  const known = programUs.filter((value) => value !== undefined);
  const program = known.length === 0 ? [] : [figure({
    id: `open_waits.cpu_${waits}.program`,
    what: `CPU of each of ${many(waits)} open waits, whole program over HTTP: ` +
      `${programHeartbeats} heartbeats, and 1 to its host`,
    unit: "µs",
    better: "less",
  }, known)];
  const untold = known.length < programUs.length;
  return {
    figures: [...cpuFigures(found, counts, heartbeats), ...program],
    skipped: [
      ...skipped,
      ...whole.skipped,
      ...untold ? ["open_waits, CPU of the whole program: only Linux tells"] : [],
    ],
  };
}

/** Plain calls beside the whole program's waits; of the client, beside more than it can hold. */
async function callPart(sizes: Sizes, allowed: number | undefined): Promise<BenchResult> {
  const { crowds, waits, calls, programRounds, callRounds: rounds, restMs } = sizes;
  const whole = fitting(
    "the whole program",
    crowds,
    (count) => count * FILES_OF_PROGRAM_WAIT,
    allowed,
  );
  const client = fitting("the client", whole.others, (count) => count, allowed);
  const found: ProgramFindings[] = [];
  if (whole.counts.length > 0) {
    await using upstream = await UpstreamProcess.start();
    for (let round = 0; round < programRounds; round++) {
      found.push(await programWithWaits(upstream, { crowds: whole.counts, calls, restMs }));
    }
  }
  const figures = found.length === 0 ? [] : programFigures(found, whole.counts, waits);
  for (const count of client.counts) {
    const measured = { rounds, waits: count, calls, protocol: "http1" } as const;
    const { alone, beside } = await callsBesideWaits(measured);
    const of = {
      id: `open_waits.client_${count}`,
      what: "get_session of the client, API with HTTP/1.1",
    };
    figures.push(aloneFigure(of, alone), ...besideFigures({ ...of, count }, { alone, beside }));
  }
  const untold = found.some((each) => each.crowds.some(({ bytesEach }) => bytesEach === undefined));
  return {
    figures,
    skipped: [
      ...whole.skipped,
      ...client.skipped,
      ...untold ? ["open_waits, memory of the whole program: only Linux tells"] : [],
    ],
  };
}

async function http2Part(sizes: Sizes, allowed: number | undefined): Promise<BenchResult> {
  const { callRounds: rounds, waits, calls, blockedMs } = sizes;
  const { counts, skipped } = fitting("HTTP/2", [waits], (count) => count, allowed);
  const id = "open_waits.http2";
  const figures: Figure[] = [];
  for (const count of counts) {
    const measured = { rounds, waits: count, calls, protocol: "http2" } as const;
    const { alone, beside } = await callsBesideWaits(measured);
    const of = { id, what: "get_session of the client, API with 100 streams a connection" };
    figures.push(
      aloneFigure(of, alone),
      ...besideFigures({ ...of, count, target: CALL_RATIO }, { alone, beside }),
    );
  }
  const shared = exactFigure(
    {
      id: `${id}.shared_answered`,
      what: `  if ${SHARED_STREAMS} streams shared the calls' connection: responses to one ` +
        `call in ${blockedMs / 1_000} s`,
      unit: "calls",
      better: "more",
    },
    await respondsOnSharedConnection(blockedMs) ? 1 : 0,
  );
  return { figures: [...figures, shared], skipped };
}

export const bench: Bench = {
  name: "open_waits",
  what: "an open wait: memory, processor time, and the calls beside it",
  async run({ quick }) {
    const sizes = quick ? QUICK : FULL;
    const allowed = await openFilesAllowed();
    const parts = [
      await memoryPart(sizes, allowed),
      await baselinePart(sizes, allowed),
      await cpuPart(sizes, allowed),
      await callPart(sizes, allowed),
      await http2Part(sizes, allowed),
    ];
    return {
      figures: parts.flatMap(({ figures }) => figures),
      skipped: parts.flatMap(({ skipped }) => skipped ?? []),
    };
  },
};

if (import.meta.main) await runAsProgram(bench);
