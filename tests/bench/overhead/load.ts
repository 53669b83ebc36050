/**
 * Loads: calls over HTTP on one connection or several, or on stdio one or several at a time.
 *
 * @module
 */

import { quantile } from "../../../scripts/statistics.ts";
import type { Child } from "../../helpers/child.ts";
import { processCost } from "../../helpers/process_cost.ts";
import { callMessage, callRequest, checkAnswer, type Era, REVISIONS } from "./calls.ts";
import { RawConnection } from "./raw_client.ts";

/** What a load has come to. */
export interface LoadResult {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Microseconds that the server computed for a call; undefined where the system does not tell. */
  readonly cpuMicros: number | undefined;
}

/** Something that answers calls, one at a time. */
type Caller = () => Promise<void>;

async function callUntil(endsAt: number, call: Caller, timesMs: number[]): Promise<void> {
  for (let now = performance.now(); now < endsAt;) {
    await call();
    const then = performance.now();
    timesMs.push(then - now);
    now = then;
  }
}

/** Makes calls until a moment by `performance.now()`, and notes how long each took. */
type CallsUntil = (endsAt: number, timesMs: number[]) => Promise<unknown>;

/** Measures calls that are made for so long. @throws Error when one call fails */
async function load(pid: number, callsUntil: CallsUntil, ms: number): Promise<LoadResult> {
  const timesMs: number[] = [];
  const before = await processCost(pid);
  const startedAt = performance.now();
  await callsUntil(startedAt + ms, timesMs);
  const elapsedMs = performance.now() - startedAt;
  const after = await processCost(pid);
  return {
    callsPerSecond: timesMs.length / elapsedMs * 1_000,
    p50Ms: quantile(timesMs, 0.5),
    p99Ms: quantile(timesMs, 0.99),
    cpuMicros: before && after && (after.cpuMs - before.cpuMs) / timesMs.length * 1_000,
  };
}

/** A server that answers over HTTP. */
export interface HttpSide {
  /** Of its MCP endpoint. */
  readonly url: string;
  readonly pid: number;
}

/** Calls over so many connections at once, each of which is kept. */
export async function loadHttp(
  { url, pid }: HttpSide,
  { connections, era, ms }: { connections: number; era: Era; ms: number },
): Promise<LoadResult> {
  using stack = new DisposableStack();
  const request = callRequest(url, era);
  const callers: Caller[] = [];
  for (let i = 0; i < connections; i++) {
    const connection = stack.use(await RawConnection.open(url));
    callers.push(async () => checkAnswer(await connection.request(request), era));
  }
  return await load(
    pid,
    (endsAt, timesMs) => Promise.all(callers.map((call) => callUntil(endsAt, call, timesMs))),
    ms,
  );
}

/** One call. @returns the answer's body */
export async function callOnce({ url }: HttpSide, era: Era): Promise<string> {
  using connection = await RawConnection.open(url);
  const answer = await connection.request(callRequest(url, era));
  checkAnswer(answer, era);
  return answer;
}

/** Opens a stdio server as clients of the older protocol do. */
export async function openStdio(child: Child): Promise<void> {
  const clientInfo = { name: "bench", version: "1.0.0" };
  const params = { protocolVersion: REVISIONS.legacy, capabilities: {}, clientInfo };
  await child.write(JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params }));
  const answer = await child.readLine();
  if (!answer.includes(REVISIONS.legacy)) throw new Error(`No handshake: ${answer}`);
  await child.write(JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }));
}

/** Calls over stdio, `inFlight` of them at any moment: each answer lets the next call go out. */
export async function loadStdio(
  child: Child,
  { inFlight, ms }: { inFlight: number; ms: number },
): Promise<LoadResult> {
  const sentAt = new Map<number, number>();
  let lastId = 0;
  const send = async () => {
    sentAt.set(++lastId, performance.now());
    await child.write(callMessage(lastId));
  };
  return await load(child.pid, async (endsAt, timesMs) => {
    while (sentAt.size < inFlight) await send();
    while (sentAt.size > 0) {
      const answer = await child.readLine();
      const id = Number(/"id":(\d+)/.exec(answer)?.[1]);
      const at = sentAt.get(id);
      if (at === undefined) throw new Error(`The answer to no call: ${answer.slice(0, 500)}`);
      sentAt.delete(id);
      checkAnswer(answer);
      const now = performance.now();
      timesMs.push(now - at);
      if (now < endsAt) await send();
    }
  }, ms);
}
