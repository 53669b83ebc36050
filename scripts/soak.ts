/**
 * `deno task soak`: waits on many sessions, over real sockets, through random faults; with the words
 * `http` and `stdio`, mixed calls on the whole program in a process of its own.
 *
 * A simulator in another process plays random turns and random faults from a seed; chained waits
 * must deliver every word of every turn exactly once. Both processes' clocks run `speed` times as
 * fast as real time, so that silence and back-off take less of it. It takes too long for a test.
 *
 * @module
 */

import { createApi } from "../src/api/client.ts";
import { type Connections, createConnections } from "../src/api/connections.ts";
import { httpClientOpener } from "../src/runtime/deno.ts";
import { silentLogger } from "../src/core/logger.ts";
import type { WaitResult } from "../src/session/result.ts";
import { createWaiter, type Waiter } from "../src/session/waiter.ts";
import { type FastClock, fastClock } from "../tests/helpers/fast_clock.ts";
import { settledMemory } from "../tests/helpers/memory.ts";
import { openFilesOf } from "../tests/helpers/process_cost.ts";
import { createRandom, type Random } from "../tests/helpers/random.ts";
import { UpstreamProcess } from "../tests/helpers/upstream_process.ts";
import { type Instrument, type Options, runInstrument } from "./instrument.ts";
import { soakProgram } from "./soak/whole_program.ts";
import { printLines, right, tableLines } from "./table.ts";

const FLAGS = { minutes: 10, sessions: 200, seed: 20261123, speed: 10, node: false } as const;
const PROGRAMS = ["http", "stdio"] as const;

const USAGE =
  `deno task soak [http] [stdio] [--minutes 10] [--sessions 200] [--seed n] [--speed 10] [--node]

Waits on many sessions through random faults; with http, stdio or both, mixed calls on the whole program
instead, each in its turn.

  --minutes   how long it runs
  --sessions  how many sessions play turns at once
  --seed      what turns and faults are drawn from; the same seed draws the same
  --speed     seconds of the program's clock in one real second
  --node      the npm package on Node, after deno task npm, in place of the program in src; its clock is
              the machine's`;

type SoakOptions = Options<typeof FLAGS>;

/** How much the heap may grow from 30 % of the run to its end, in bytes. */
const MAX_GROWTH_BYTES = 30e6;
/** The same of resident memory, which the allocator does not give back at once. */
const MAX_RSS_GROWTH_BYTES = 60e6;
/** Files that may be open when all waits are over: pooled connections to the API, and the runtime's. */
const MAX_FILES_LEFT = 150;
/** Waits for one turn at most; a turn lasts up to 45 s, a wait at least 5 s. */
const MAX_WAITS_PER_TURN = 200;
/** Losses that the report shows at most. */
const MAX_SHOWN = 10;

/** Counts so far. */
interface Tally {
  turns: number;
  waits: number;
  words: number;
  cancelled: number;
  timeouts: number;
  requests: number;
  failedRequests: number;
  readonly losses: string[];
}

interface Soak {
  readonly options: SoakOptions;
  readonly upstream: UpstreamProcess;
  readonly waiter: Waiter;
  readonly connections: Connections;
  readonly clock: FastClock;
  readonly random: Random;
  readonly tally: Tally;
}

/** Waits once, and sometimes gives up in the middle; returns undefined then. */
async function waitOnce(soak: Soak, sessionId: string, afterId: string | undefined) {
  const { random, clock, tally, waiter } = soak;
  tally.waits++;
  const controller = new AbortController();
  const givesUp = random.next() < 0.1;
  const cancel = givesUp
    ? clock.after(random.between(0, 10_000), () => controller.abort(new Error("given up")))
    : () => {};
  const timeoutMs = random.between(5_000, 60_000);
  try {
    return await waiter.wait({ sessionId, timeoutMs, afterId, signal: controller.signal });
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    tally.cancelled++;
    return undefined;
  } finally {
    cancel();
  }
}

function wordsOf({ reply }: WaitResult): string[] {
  return reply === "" ? [] : reply.split("\n\n");
}

/** Plays a turn and follows it with chained waits. @returns the cursor for the next turn */
async function followTurn(
  soak: Soak,
  sessionId: string,
  label: string,
  cursor: string | undefined,
): Promise<string | undefined> {
  const { upstream, tally } = soak;
  const expected = await upstream.control<string[]>("turn", { sessionIds: [sessionId], label });
  const heard: string[] = [];
  let afterId = cursor;
  let status: string | undefined;
  for (let waits = 0; status !== "idle" && waits < MAX_WAITS_PER_TURN; waits++) {
    const result = await waitOnce(soak, sessionId, afterId);
    if (!result) continue;
    status = result.status;
    if (status === "timeout") tally.timeouts++;
    heard.push(...wordsOf(result));
    afterId = result.last_event_id ?? afterId;
  }
  tally.turns++;
  tally.words += expected.length;
  const whole = status === "idle" && heard.join() === expected.join();
  if (!whole) tally.losses.push(`${label} ${status}: heard [${heard}], said [${expected}]`);
  return afterId;
}

async function followSession(soak: Soak, sessionId: string, endsAt: number): Promise<void> {
  let cursor: string | undefined;
  for (let turn = 0; performance.now() < endsAt; turn++) {
    try {
      cursor = await followTurn(soak, sessionId, `${sessionId.slice(-6)}.${turn}`, cursor);
    } catch (error) {
      soak.tally.losses.push(`${sessionId} turn ${turn}: ${error}`);
      return;
    }
    await soak.clock.sleep(soak.random.between(0, 2_000));
  }
}

interface Sample {
  readonly seconds: number;
  readonly turns: number;
  readonly heapMb: number;
  readonly rssMb: number;
  readonly openFiles: number;
}

async function sample(tally: Tally, startedAt: number): Promise<Sample> {
  const { heapUsed, rss } = await settledMemory();
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  const openFiles = await openFilesOf(Deno.pid) ?? NaN;
  return { seconds, turns: tally.turns, heapMb: heapUsed / 1e6, rssMb: rss / 1e6, openFiles };
}

/** Takes ten samples, the last at `endsAt`. */
async function sampleUntil(tally: Tally, endsAt: number): Promise<Sample[]> {
  const startedAt = performance.now();
  const samples: Sample[] = [];
  for (let i = 1; i <= 10; i++) {
    const at = startedAt + (endsAt - startedAt) * i / 10;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())));
    samples.push(await sample(tally, startedAt));
  }
  return samples;
}

function startSoak(options: SoakOptions, upstream: UpstreamProcess): Soak {
  const { seed, speed, sessions } = options;
  const clock = fastClock(speed);
  const connections = createConnections(httpClientOpener(), clock);
  const random = createRandom(seed + 1);
  const tally: Tally = {
    turns: 0,
    waits: 0,
    words: 0,
    cancelled: 0,
    timeouts: 0,
    requests: 0,
    failedRequests: 0,
    losses: [],
  };
  const api = createApi({
    baseUrl: upstream.address.url,
    credential: () => ({ kind: "api_key", value: "soak-key" }),
    connections,
    clock,
    random: random.next,
    observe: ({ status = 0 }) => {
      tally.requests++;
      if (status < 200 || status > 299) tally.failedRequests++;
    },
  });
  const waiter = createWaiter({
    api,
    clock,
    log: silentLogger,
    random: random.next,
    maxWaits: sessions * 2,
  });
  return { options, upstream, waiter, connections, clock, random, tally };
}

function report(soak: Soak, samples: readonly Sample[], found: readonly (string | number)[][]) {
  const { tally, options } = soak;
  printLines([
    `soak: ${options.sessions} sessions, seed ${options.seed}, ` +
    `clock ${options.speed} times as fast, ${options.minutes} minutes`,
    "",
    ...tableLines(
      ["after s", "turns", "heap MB", "resident MB", "open files"].map(right),
      samples.map(({ seconds, turns, heapMb, rssMb, openFiles }) => [
        seconds,
        turns,
        heapMb.toFixed(1),
        rssMb.toFixed(1),
        openFiles,
      ]),
    ),
    "",
    ...tableLines(["what", right("count")], [
      ["turns", tally.turns],
      ["words", tally.words],
      ["waits", tally.waits],
      ["waits given up by their caller", tally.cancelled],
      ["waits that timed out and were chained", tally.timeouts],
      ["requests", tally.requests],
      ["requests that failed", tally.failedRequests],
      ...found,
    ]),
    "",
    ...tally.losses.slice(0, MAX_SHOWN),
  ]);
}

/** Soaks the programs that are named, or the waiter alone. */
async function run(options: SoakOptions, words: readonly string[]): Promise<boolean> {
  if (words.length === 0) return await soakWaiter(options);
  let allWell = true;
  for (const transport of PROGRAMS) {
    if (words.includes(transport)) allWell = await soakProgram(transport, options) && allWell;
  }
  return allWell;
}

async function soakWaiter(options: SoakOptions): Promise<boolean> {
  await using upstream = await UpstreamProcess.start(options);
  const soak = startSoak(options, upstream);
  const { connections, clock, tally, waiter } = soak;
  const sessionIds = await upstream.control<string[]>("create", { count: options.sessions });
  await upstream.control("chaos", { count: 1 });
  const endsAt = performance.now() + options.minutes * 60_000;
  const following = sessionIds.map((sessionId) => followSession(soak, sessionId, endsAt));
  const samples = await sampleUntil(tally, endsAt);
  await upstream.control("chaos", { count: 0 });
  await Promise.all(following);
  // The simulator notices a closed connection a moment later.
  await upstream.streamsAre(0).catch(() => {});
  const { openStreams, faults = {} } = await upstream.state();
  const [early, last] = [samples[2], samples.at(-1)];
  const grownMb = early && last ? last.heapMb - early.heapMb : 0;
  const grownRssMb = early && last ? last.rssMb - early.rssMb : 0;
  const filesAtEnd = await openFilesOf(Deno.pid) ?? NaN;
  report(soak, samples, [
    ...Object.entries(faults).map(([kind, count]) => [`  faults: ${kind}`, count]),
    ["turns lost, repeated or out of order", tally.losses.length],
    ["streams left open", openStreams],
    ["timers left", clock.pendingTimers],
    ["open files left", filesAtEnd],
    ["heap grown since 30 %, MB", grownMb.toFixed(1)],
    ["resident memory grown since 30 %, MB", grownRssMb.toFixed(1)],
  ]);
  waiter.close();
  connections.close();
  const wrong = [
    ...tally.losses.length > 0 ? ["turns were lost, repeated or out of order"] : [],
    ...openStreams > 0 ? ["streams were left open"] : [],
    ...clock.pendingTimers > 0 ? ["timers were left"] : [],
    ...grownMb * 1e6 > MAX_GROWTH_BYTES
      ? [`the heap grew by more than ${MAX_GROWTH_BYTES / 1e6} MB`]
      : [],
    ...grownRssMb * 1e6 > MAX_RSS_GROWTH_BYTES
      ? [`resident memory grew by more than ${MAX_RSS_GROWTH_BYTES / 1e6} MB`]
      : [],
    ...filesAtEnd > MAX_FILES_LEFT ? [`more than ${MAX_FILES_LEFT} files were left open`] : [],
  ];
  printLines(wrong);
  return wrong.length === 0;
}

const instrument: Instrument<typeof FLAGS> = {
  usage: USAGE,
  flags: FLAGS,
  complaints: ({ node }, words) => [
    ...words.filter((word) => !PROGRAMS.some((name) => name === word))
      .map((word) => `Unknown argument '${word}'.`),
    ...(node && words.length === 0 ? ["--node needs http or stdio."] : []),
  ],
  run,
};

if (import.meta.main) await runInstrument(instrument);
