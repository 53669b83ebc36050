/**
 * Loads: calls over HTTP on one connection or several, or on stdio one or several at a time.
 *
 * @module
 */

import { quantile } from "../../../scripts/statistics.ts";
import type { Child } from "../../helpers/child.ts";
import { processCost } from "../../helpers/process_cost.ts";
import { callMessage, callRequest, checkResponse, type Era } from "./calls.ts";
import { RawConnection } from "./raw_client.ts";

/** The result of a load. */
export interface LoadResult {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Microseconds that the server computed for a call; undefined where the system does not tell. */
  readonly cpuMicros: number | undefined;
}

/** Makes one call; resolves when its response is there. */
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

/** A server over HTTP. */
export interface HttpSide {
  /** Address of its MCP endpoint. */
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
    callers.push(async () => checkResponse(await connection.request(request), era));
  }
  return await load(
    pid,
    (endsAt, timesMs) => Promise.all(callers.map((call) => callUntil(endsAt, call, timesMs))),
    ms,
  );
}

/** Makes one call. @returns the body of the response */
export async function callOnce({ url }: HttpSide, era: Era): Promise<string> {
  using connection = await RawConnection.open(url);
  const response = await connection.request(callRequest(url, era));
  checkResponse(response, era);
  return response;
}

/** Calls over stdio, `inFlight` of them at any moment: each response lets the next call go out. */
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
      const response = await child.readLine();
      const id = Number(/"id":(\d+)/.exec(response)?.[1]);
      const at = sentAt.get(id);
      if (at === undefined) throw new Error(`The response to no call: ${response.slice(0, 500)}`);
      sentAt.delete(id);
      checkResponse(response);
      const now = performance.now();
      timesMs.push(now - at);
      if (now < endsAt) await send();
    }
  }, ms);
}
