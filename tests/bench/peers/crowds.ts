/**
 * Measures crowds of waits over HTTP: to open them, to hold them, to end them.
 *
 * @module
 */

import { systemClock } from "../../../src/core/clock.ts";
import { hostedHabits } from "../../../src/simulator/mod.ts";
import { residentBytes, startCpuMs } from "../../helpers/process_cost.ts";
import { UpstreamProcess } from "../../helpers/upstream_process.ts";
import { isReply, waitCall } from "../waits/http_waits.ts";
import { HEADERS, resultIn, within } from "./client.ts";
import { Cannot, type Findings } from "./findings.ts";
import { CROWDS } from "./rows.ts";
import type { HttpServer, Side } from "./sides.ts";

/** How many waits, and for how long they are held. */
export interface CrowdSizes {
  /** The waits that are opened, by how many they are called. */
  readonly waits: Readonly<Record<typeof CROWDS[number], number>>;
  readonly warmUp: number;
  readonly restMs: number;
  readonly windowMs: number;
  /** A server that does not do in that time what the others do in a second cannot do it. */
  readonly giveUpMs: number;
}

/** The clock of the API goes so fast that its streams get two heartbeats in a second. */
const SPEED = hostedHabits.heartbeatMs / 500;
/** Waits that are opened at once. */
const BATCH = 100;
const POLL_MS = 5;
/** Ends of the rows' ids. */
const PARTS = ["open", "open_cpu", "memory", "cpu", "end", "end_cpu"] as const;

interface Crowd {
  readonly sessionIds: readonly string[];
  readonly replies: Promise<unknown>;
}

/** Waits on a session, and checks its reply. */
async function wait(url: string, sessionId: string, signal: AbortSignal): Promise<void> {
  const body = JSON.stringify(waitCall(sessionId));
  const response = await fetch(url, { method: "POST", headers: HEADERS, body, signal });
  const { session_id, status, reply } = resultIn(await response.text());
  if (session_id !== sessionId || status !== "idle" || !isReply(String(reply))) {
    throw new Error(`A wait on ${sessionId} gave ${status}, '${reply}'`);
  }
}

async function open(
  url: string,
  upstream: UpstreamProcess,
  count: number,
  { giveUpMs }: CrowdSizes,
  signal: AbortSignal,
): Promise<Crowd> {
  const sessionIds = await upstream.begin(count);
  const waits: Promise<void>[] = [];
  for (let from = 0; from < count; from += BATCH) {
    const batch = sessionIds.slice(from, from + BATCH);
    waits.push(...batch.map((sessionId) => wait(url, sessionId, signal)));
    for (const each of waits) each.catch(() => {});
    const until = performance.now() + giveUpMs;
    for (;;) {
      const { openStreams } = await upstream.state();
      if (openStreams >= from + batch.length) break;
      if (performance.now() > until) {
        throw new Cannot(`only ${openStreams} of ${count} waits reach the API`);
      }
      await systemClock.sleep(POLL_MS);
    }
  }
  return { sessionIds, replies: Promise.all(waits) };
}

/** Ends the turns of a crowd; resolves when all results are there. */
async function end(
  upstream: UpstreamProcess,
  { sessionIds, replies }: Crowd,
  { giveUpMs }: CrowdSizes,
): Promise<void> {
  await upstream.finish(sessionIds);
  await within(giveUpMs, "not all results", () => replies);
}

/** Does something, and returns how long it took, and how long the server computed meanwhile. */
async function timed<T>({ pid }: HttpServer, work: () => Promise<T>) {
  const before = await startCpuMs(pid);
  const startedAt = performance.now();
  const result = await work();
  const ms = performance.now() - startedAt;
  const after = await startCpuMs(pid);
  return { result, ms, cpuMs: after && before && after - before };
}

/** Returns the milliseconds that a server computes in a second, taken over a longer or shorter time. */
async function cpuOf({ pid }: HttpServer, windowMs: number): Promise<number | undefined> {
  const before = await startCpuMs(pid);
  const startedAt = performance.now();
  await systemClock.sleep(windowMs);
  const after = await startCpuMs(pid);
  const seconds = (performance.now() - startedAt) / 1_000;
  return after && before && (after - before) / seconds;
}

async function measureCrowd(side: Side, count: number, sizes: CrowdSizes) {
  await using upstream = await UpstreamProcess.start({ speed: SPEED });
  await using server = await side.http({ url: upstream.address.url, waits: count });
  const controller = new AbortController();
  const { signal } = controller;
  try {
    await end(upstream, await open(server.url, upstream, sizes.warmUp, sizes, signal), sizes);
    await upstream.streamsAre(0);
    await systemClock.sleep(sizes.restMs);
    const empty = await residentBytes(server.pid);
    const opened = await timed(server, () => open(server.url, upstream, count, sizes, signal));
    await systemClock.sleep(sizes.restMs);
    const cpuMsInASecond = await cpuOf(server, sizes.windowMs);
    const full = await residentBytes(server.pid);
    const ended = await timed(server, () => end(upstream, opened.result, sizes));
    await upstream.streamsAre(0);
    return {
      open: opened.ms,
      open_cpu: opened.cpuMs,
      memory: full && empty && (full - empty) / count / 1e3,
      cpu: cpuMsInASecond,
      end: ended.ms,
      end_cpu: ended.cpuMs,
    };
  } finally {
    controller.abort();
  }
}

/** Measures crowds of all servers, each in a fresh process in front of a fresh API. */
export async function measureCrowds(
  sides: readonly Side[],
  sizes: CrowdSizes,
  findings: Findings,
): Promise<void> {
  for (const crowd of CROWDS) {
    const rows = PARTS.map((part) => `waits_${crowd}_${part}`);
    for (const side of sides) {
      await findings.measure(rows, side.name, async () => {
        const found = await measureCrowd(side, sizes.waits[crowd], sizes);
        return Object.fromEntries(
          Object.entries(found).map(([part, value]) => [`waits_${crowd}_${part}`, value]),
        );
      });
    }
  }
}
