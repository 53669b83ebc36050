/**
 * Many open waits at once, against a simulator in another process:
 * `deno run -A --v8-flags=--expose-gc tests/bench/waits.ts [--waits 1000] [--crowd 5000] [--json]`
 *
 * Every wait holds a connection: 5,000 of them need about 5,100 file descriptors in each of the two
 * processes (`ulimit -n`).
 */
import { parseArgs } from "@std/cli";
import { printLines, tableLines } from "../../scripts/table.ts";
import type { FetchLike, ManagedAgentsApi } from "../../src/api/api.ts";
import { createApi } from "../../src/api/client.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/log.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { settledMemory } from "../helpers/memory.ts";
import { UpstreamProcess } from "../helpers/upstream_process.ts";

const CALLS = 300;
const WARM_UP_CALLS = 100;
const TIMEOUT_MS = 600_000;
/** Waits that are opened at once: hosts come one by one, not by the thousand. */
const BATCH = 250;
/** A call that is blocked is given up after this. */
const BLOCKED_MS = 3_000;

interface Clients {
  readonly plain: Deno.HttpClient;
  readonly streams: Deno.HttpClient;
}

function clientsFor(caCerts: string[]): Clients {
  return {
    plain: Deno.createHttpClient({ caCerts }),
    streams: Deno.createHttpClient({ caCerts, http1: true, http2: false, poolMaxIdlePerHost: 8 }),
  };
}

function apiOver(baseUrl: string, plain: Deno.HttpClient, streams: Deno.HttpClient) {
  const over = (client: Deno.HttpClient): FetchLike => (request) => fetch(request, { client });
  return createApi({
    baseUrl,
    credential: () => ({ kind: "api_key", value: "bench-key" }),
    fetch: over(plain),
    streamFetch: over(streams),
    clock: systemClock,
  });
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Milliseconds of each of some calls, one after another. */
async function timeCalls(api: ManagedAgentsApi, sessionId: string, calls = CALLS) {
  const times: number[] = [];
  for (let i = 0; i < calls; i++) {
    const startedAt = performance.now();
    await api.sessions.retrieve(sessionId);
    times.push(performance.now() - startedAt);
  }
  return times;
}

interface Held {
  readonly openMs: number;
  readonly bytesPerWait: number;
  /** Milliseconds from the end of each turn at the API to the end of its wait. */
  readonly delaysMs: readonly number[];
  readonly failed: number;
}

/** Opens a wait on each of `count` sessions, does `meanwhile`, and ends all the turns. */
async function holdWaits(
  upstream: UpstreamProcess,
  api: ManagedAgentsApi,
  count: number,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<Held> {
  const waiter = createWaiter({
    api,
    clock: systemClock,
    log: silentLogger,
    maxOpenWaits: count,
  });
  const sessionIds = await upstream.begin(count);
  const before = (await settledMemory()).rss;
  const startedAt = performance.now();
  const { signal } = new AbortController();
  const delaysMs: number[] = [];
  const wait = async (sessionId: string) => {
    const result = await waiter.wait({ sessionId, timeoutMs: TIMEOUT_MS, signal });
    const delayMs = systemClock.now() - Number(result.reply);
    if (result.status === "idle" && delayMs >= -5) delaysMs.push(delayMs);
  };
  const waits: Promise<void>[] = [];
  for (let from = 0; from < count; from += BATCH) {
    waits.push(...sessionIds.slice(from, from + BATCH).map(wait));
    await upstream.streamsAre(waits.length);
  }
  const openMs = performance.now() - startedAt;
  const bytesPerWait = ((await settledMemory()).rss - before) / count;
  await meanwhile();
  await upstream.finish(sessionIds);
  await Promise.all(waits);
  await upstream.streamsAre(0);
  return { openMs, bytesPerWait, delaysMs, failed: count - delaysMs.length };
}

/** Plain calls without waits and beside many, in turns: A B A B. */
async function beside(count: number) {
  const upstream = await UpstreamProcess.start();
  const { tlsUrl, cert } = upstream.address;
  const clients = clientsFor([cert]);
  const api = apiOver(tlsUrl, clients.plain, clients.streams);
  const [sessionId = ""] = await upstream.begin(1);
  await timeCalls(api, sessionId, WARM_UP_CALLS);
  const rounds: { alone: number; beside: number }[] = [];
  let failed = 0;
  for (let round = 0; round < 2; round++) {
    const alone = quantile(await timeCalls(api, sessionId), 0.5);
    let withWaits = 0;
    const held = await holdWaits(upstream, api, count, async () => {
      withWaits = quantile(await timeCalls(api, sessionId), 0.5);
    });
    failed += held.failed;
    rounds.push({ alone, beside: withWaits });
  }
  // Before the clients: the runtime's HTTP/2 server may abort when a client leaves.
  await upstream.close();
  clients.plain.close();
  clients.streams.close();
  return { rounds, failed };
}

/** What a plain call takes when the streams share its HTTP/2 connection; undefined: blocked. */
async function shared(count: number) {
  const upstream = await UpstreamProcess.start();
  const { tlsUrl, cert } = upstream.address;
  using client = Deno.createHttpClient({ caCerts: [cert] });
  const api = apiOver(tlsUrl, client, client);
  const sessionIds = await upstream.begin(count);
  const controller = new AbortController();
  const { signal } = controller;
  for (const sessionId of sessionIds) api.events.stream(sessionId, { signal }).catch(() => {});
  await upstream.streamsAre(100);
  const startedAt = performance.now();
  const answered = await api.sessions.retrieve(sessionIds[0] ?? "", { timeoutMs: BLOCKED_MS })
    .then(() => true, () => false);
  const ms = performance.now() - startedAt;
  await upstream.close();
  controller.abort();
  return answered ? ms : undefined;
}

/** Many waits over plain HTTP/1.1 on loopback. */
async function crowd(count: number): Promise<Held> {
  const upstream = await UpstreamProcess.start();
  const clients = clientsFor([]);
  const api = apiOver(upstream.address.url, clients.plain, clients.streams);
  await holdWaits(upstream, api, Math.ceil(count / 10));
  const held = await holdWaits(upstream, api, count);
  clients.plain.close();
  clients.streams.close();
  await upstream.close();
  return held;
}

/** What the program prints, times in milliseconds. */
interface Figures {
  readonly waits: number;
  readonly failed: number;
  readonly call_alone_ms: readonly number[];
  readonly call_beside_ms: readonly number[];
  readonly ratio: number;
  /** Null when the call was blocked. */
  readonly shared_connection_call_ms: number | null;
  readonly crowd: {
    readonly waits: number;
    readonly failed: number;
    readonly open_ms: number;
    readonly bytes_per_wait: number;
    readonly end_to_result_ms: { median: number; p99: number; most: number };
  };
}

async function main(): Promise<boolean> {
  const args = parseArgs(Deno.args, { boolean: ["json"], string: ["waits", "crowd"] });
  const waits = Number(args.waits ?? 1_000);
  const many = Number(args.crowd ?? 5_000);
  const { rounds, failed } = await beside(waits);
  const blockedMs = await shared(150);
  const held = await crowd(many);
  const ratios = rounds.map((round) => round.beside / round.alone);
  const delay = (share: number) => Math.round(quantile(held.delaysMs, share) * 10) / 10;
  const figures: Figures = {
    waits,
    failed,
    call_alone_ms: rounds.map(({ alone }) => alone),
    call_beside_ms: rounds.map((round) => round.beside),
    ratio: quantile(ratios, 0.5),
    shared_connection_call_ms: blockedMs ?? null,
    crowd: {
      waits: many,
      failed: held.failed,
      open_ms: Math.round(held.openMs),
      bytes_per_wait: Math.round(held.bytesPerWait),
      end_to_result_ms: { median: delay(0.5), p99: delay(0.99), most: delay(1) },
    },
  };
  if (args.json) printLines([JSON.stringify(figures)]);
  else printTable(figures);
  return failed + held.failed === 0;
}

function printTable(figures: Figures): void {
  const { crowd, shared_connection_call_ms: sharedMs } = figures;
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  const list = (values: readonly number[]) => values.map(ms).join(", ");
  const { median, p99, most } = crowd.end_to_result_ms;
  const rows = [
    [`${figures.waits} waits, HTTP/2 with 100 streams: waits that failed`, figures.failed],
    ["  get_session without waits, median of each round", list(figures.call_alone_ms)],
    ["  get_session beside them, median of each round", list(figures.call_beside_ms)],
    ["  ratio", figures.ratio.toFixed(2)],
    [
      "  get_session if streams shared its connection",
      sharedMs === null ? `blocked, given up after ${BLOCKED_MS} ms` : ms(sharedMs),
    ],
    [`${crowd.waits} waits, HTTP/1.1 on loopback: waits that failed`, crowd.failed],
    ["  until all streams were open", ms(crowd.open_ms)],
    ["  memory per wait", `${(crowd.bytes_per_wait / 1_000).toFixed(1)} KB`],
    ["  end of turn to result: median, 99 %, most", `${ms(median)}, ${ms(p99)}, ${ms(most)}`],
  ];
  printLines(tableLines([{ title: "what" }, { title: "figure" }], rows));
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
