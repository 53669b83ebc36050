/**
 * Measures what open waits take of the whole program, beside what nothing can do without: a stream of
 * the API, and a call of the SDK, each held open by a program that does nothing else.
 *
 * @module
 */

import { systemClock } from "../../../src/core/clock.ts";
import { startListening } from "../../helpers/child.ts";
import { apiAt, startHttp } from "../../helpers/http_program.ts";
import { processCost } from "../../helpers/process_cost.ts";
import type { UpstreamProcess } from "../../helpers/upstream_process.ts";
import type { Era } from "../overhead/calls.ts";
import { FINISH_PATH, STATE_PATH } from "./held_calls.ts";
import { startHolder } from "./holder_process.ts";
import { holdWaits, type Turns } from "./http_waits.ts";

const WARM_UP_WAITS = 100;

/** Bytes that each wait takes of the programs that hold it; undefined where the system does not tell. */
export interface WaitBytes {
  /** The whole program. */
  readonly ours: number;
  /** A call of a minimal server with the SDK. */
  readonly call: number;
  /** A stream of the API. */
  readonly stream: number;
  /** A minimal server with the SDK whose tool reads the stream. */
  readonly both: number;
}

/** How the waits are measured. */
export interface BaselineOptions {
  readonly waits: number;
  /** The protocol of the calls, on all sides. */
  readonly era: Era;
  /** From the last wait that was opened or ended until a process is at rest. */
  readonly restMs: number;
}

/** Waits that can be held. */
interface Side {
  readonly pid: number;
  /** Holds so many; resolves with what ends them. */
  hold(count: number): Promise<{ end(): Promise<void> }>;
}

/** Measures the sides one after the other, each in a fresh process that has held waits before. */
export async function bytesBesideBaselines(
  upstream: UpstreamProcess,
  options: BaselineOptions,
): Promise<WaitBytes | undefined> {
  const { waits, era } = options;
  const { url: apiUrl } = upstream.address;
  const held = (url: string, turns: Turns) => ({
    hold: (count: number) => holdWaits(url, turns, count, era),
  });
  const minimal = async (mode: "calls" | "streams") => {
    const program = new URL("held_calls.ts", import.meta.url).pathname;
    const server = await startListening({ args: ["-P=bench", program, mode, apiUrl] });
    const { pid } = server.child;
    return Object.assign(server, { pid, ...held(server.url, turnsOf(server.url, mode, upstream)) });
  };
  const ours = await bytesOf(async () => {
    const program = await startHttp([`--max-waits=${waits}`], apiAt(apiUrl));
    return Object.assign(program, held(program.url, upstream));
  }, options);
  const call = await bytesOf(() => minimal("calls"), options);
  const both = await bytesOf(() => minimal("streams"), options);
  const stream = await bytesOf(async () => {
    const holder = await startHolder("fetch", upstream);
    const hold = async (count: number) => {
      await holder.open(count);
      return holder;
    };
    return { pid: holder.pid, hold, [Symbol.asyncDispose]: () => holder.close() };
  }, options);
  return ours === undefined || call === undefined || both === undefined || stream === undefined
    ? undefined
    : { ours, call, stream, both };
}

/** Returns the turns of a minimal server's calls: its own where they are not the API's. */
function turnsOf(url: string, mode: "calls" | "streams", upstream: UpstreamProcess): Turns {
  if (mode === "streams") return upstream;
  const ask = async <T>(path: string): Promise<T> => await (await fetch(url + path)).json();
  return {
    begin: (count) => Promise.resolve(Array.from({ length: count }, (_, index) => `sesn_${index}`)),
    state: () => ask(STATE_PATH),
    finish: () => ask(FINISH_PATH),
  };
}

async function bytesOf(
  start: () => Promise<Side & AsyncDisposable>,
  { waits, restMs }: BaselineOptions,
): Promise<number | undefined> {
  await using side = await start();
  const atRest = async () => {
    await systemClock.sleep(restMs);
    return (await processCost(side.pid))?.rssBytes;
  };
  await (await side.hold(Math.min(WARM_UP_WAITS, waits))).end();
  const before = await atRest();
  const held = await side.hold(waits);
  const after = await atRest();
  await held.end();
  return before === undefined || after === undefined ? undefined : (after - before) / waits;
}
