/**
 * What open waits cost the whole program, which serves HTTP in a process of its own.
 *
 * @module
 */

import { startServer } from "../../../scripts/load/server_process.ts";
import { quantile } from "../../../scripts/statistics.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { processCost } from "../../helpers/process_cost.ts";
import { UpstreamProcess } from "../../helpers/upstream_process.ts";
import { type Holder, startHolder } from "./holder_process.ts";
import { holdWaits, messageIn, post, toolCall, toolResult, type WaitServer } from "./http_waits.ts";

const TOKEN = "bench-token-bench-token-bench-token";
const WARM_UP_WAITS = 100;
const MINUTE_MS = 60_000;

/** What is measured. */
export interface ProgramOptions {
  readonly waits: number;
  /** Plain calls without waits, and as many beside them. */
  readonly calls: number;
  /** From the last wait that was opened or ended until the process is at rest. */
  readonly restMs: number;
}

/** What the whole program gave. */
export interface ProgramFindings {
  /** Bytes of resident memory; undefined where the system does not tell. */
  readonly bytesEach: number | undefined;
  /** Median milliseconds of a plain call. */
  readonly callAloneMs: number;
  readonly callBesideMs: number;
}

async function medianCall(server: WaitServer, sessionId: string, calls: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < calls; i++) {
    const startedAt = performance.now();
    const body = await post(server, toolCall("get_session", { session_id: sessionId }));
    const text = await new Response(body).text();
    times.push(performance.now() - startedAt);
    const { session_id } = toolResult(messageIn(text));
    if (session_id !== sessionId) throw new Error(`Asked for ${sessionId}: ${text}`);
  }
  return quantile(times, 0.5);
}

/** Memory of the program and time of a plain call, with no wait and with many. */
export async function programWithWaits(
  upstream: UpstreamProcess,
  { waits, calls, restMs }: ProgramOptions,
): Promise<ProgramFindings> {
  const program = await startServer(upstream.address.url, TOKEN, [`--max-waits=${waits}`]);
  try {
    const server: WaitServer = { url: program.url, token: TOKEN };
    const bytes = async () => {
      await systemClock.sleep(restMs);
      return (await processCost(program.pid))?.rssBytes;
    };
    const [sessionId = ""] = await upstream.begin(1);
    await medianCall(server, sessionId, calls);
    await (await holdWaits(server, upstream, Math.min(waits, WARM_UP_WAITS))).end();
    const callAloneMs = await medianCall(server, sessionId, calls);
    const before = await bytes();
    const held = await holdWaits(server, upstream, waits);
    const after = await bytes();
    const callBesideMs = await medianCall(server, sessionId, calls);
    await held.end();
    const known = before !== undefined && after !== undefined;
    return { bytesEach: known ? (after - before) / waits : undefined, callAloneMs, callBesideMs };
  } finally {
    await program.stop();
  }
}

/** What is measured of computing. */
export interface CpuOptions {
  readonly waits: number;
  /** Windows that follow each other, one value each. */
  readonly windows: number;
  /** Of one window, at which every stream gets one heartbeat. */
  readonly windowMs: number;
  /** From the last wait that was opened until the processes are at rest. */
  readonly restMs: number;
}

/** Microseconds of computing that one open wait takes in a minute, window by window. */
export interface CpuFindings {
  /** The client and the waiter in a process. */
  readonly waiter: readonly number[];
  /** Bare streams that are read and thrown away. */
  readonly fetch: readonly number[];
  /** The whole program over HTTP; empty where the system does not tell. */
  readonly program: readonly number[];
}

/** Holds waits in three processes at once, and does nothing but watch what they compute. */
export async function cpuOfWaits(
  { waits, windows, windowMs, restMs }: CpuOptions,
): Promise<CpuFindings> {
  await using closers = new AsyncDisposableStack();
  const upstream = await UpstreamProcess.start();
  closers.defer(() => upstream.close());
  const program = await startServer(upstream.address.url, TOKEN, [`--max-waits=${waits}`]);
  closers.defer(async () => void await program.stop());
  const start = async (holding: "waiter" | "fetch"): Promise<Holder> => {
    const holder = await startHolder(holding, upstream);
    closers.defer(() => holder.close());
    await holder.open(waits);
    return holder;
  };
  const [waiter, bare] = [await start("waiter"), await start("fetch")];
  const held = await holdWaits({ url: program.url, token: TOKEN }, upstream, waits);
  await systemClock.sleep(restMs);
  const programUs = async () => ((await processCost(program.pid))?.cpuMs ?? NaN) * 1_000;
  const read = async () => [await waiter.cpuUs(), await bare.cpuUs(), await programUs()] as const;
  const readings = [await read()];
  for (let window = 0; window < windows; window++) {
    await systemClock.sleep(windowMs);
    readings.push(await read());
  }
  await held.end();
  await waiter.end();
  await bare.end();
  const perMinute = (which: 0 | 1 | 2) =>
    readings.slice(1).map((reading, index) => {
      const before = readings[index]?.[which] ?? NaN;
      return (reading[which] - before) / waits * (MINUTE_MS / windowMs);
    });
  return {
    waiter: perMinute(0),
    fetch: perMinute(1),
    program: perMinute(2).filter(Number.isFinite),
  };
}
