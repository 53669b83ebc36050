/**
 * Measures what open waits cost the whole program, which serves HTTP in a process of its own.
 *
 * @module
 */

import { apiAt, startHttp } from "../../helpers/http_program.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { processCost } from "../../helpers/process_cost.ts";
import type { UpstreamProcess } from "../../helpers/upstream_process.ts";
import { medianMs } from "../figure.ts";
import { type HeldWaits, holdWaits, messageIn, post, toolCall, toolResult } from "./http_waits.ts";

const WARM_UP_WAITS = 100;

/** Numbers of waits and calls. */
export interface ProgramOptions {
  /** Open at once, in rising order. */
  readonly crowds: readonly number[];
  /** Plain calls without waits, and as many beside each crowd. */
  readonly calls: number;
  /** From the last wait that was opened or ended until the process is at rest. */
  readonly restMs: number;
}

/** Memory of the whole program, and the time of a call, beside a crowd. */
export interface ProgramCrowd {
  readonly count: number;
  /** Bytes of resident memory; undefined where the system does not tell. */
  readonly bytesEach: number | undefined;
  /** Median milliseconds of a plain call, by a client that holds the other ends of the waits. */
  readonly callMs: number;
}

/** Memory of the whole program, and the time of a call, without waits and with ever more. */
export interface ProgramFindings {
  /** Median milliseconds of a plain call without waits: the mean of before and after them. */
  readonly callAloneMs: number;
  readonly crowds: readonly ProgramCrowd[];
}

function medianCall(url: string, sessionId: string, calls: number): Promise<number> {
  return medianMs(
    calls,
    async () => {
      const call = toolCall("get_session", { session_id: sessionId });
      return await new Response(await post(url, call)).text();
    },
    (text) => {
      const { session_id } = toolResult(messageIn(text));
      if (session_id !== sessionId) throw new Error(`Asked for ${sessionId}: ${text}`);
    },
  );
}

/** Measures memory of the program and time of a plain call, with no wait and with ever more. */
export async function programWithWaits(
  upstream: UpstreamProcess,
  { crowds, calls, restMs }: ProgramOptions,
): Promise<ProgramFindings> {
  const most = Math.max(...crowds);
  await using program = await startHttp([`--max-waits=${most}`], apiAt(upstream.address.url));
  const { url } = program;
  const [sessionId = ""] = await upstream.begin(1);
  const atRest = async () => {
    await systemClock.sleep(restMs);
    const bytes = (await processCost(program.pid))?.rssBytes;
    return { bytes, callMs: await medianCall(url, sessionId, calls) };
  };
  await medianCall(url, sessionId, calls);
  await (await holdWaits(url, upstream, Math.min(most, WARM_UP_WAITS))).end();
  const before = await atRest();
  const bytesEach = (bytes: number | undefined, count: number) =>
    bytes === undefined || before.bytes === undefined ? undefined : (bytes - before.bytes) / count;
  const held: HeldWaits[] = [];
  const found: ProgramCrowd[] = [];
  let open = 0;
  for (const count of crowds) {
    held.push(await holdWaits(url, upstream, count - open));
    open = count;
    const { bytes, callMs } = await atRest();
    found.push({ count, bytesEach: bytesEach(bytes, count), callMs });
  }
  // Each expects the streams that were open before it.
  for (const each of held.toReversed()) await each.end();
  const after = await atRest();
  return { callAloneMs: (before.callMs + after.callMs) / 2, crowds: found };
}

/** The window in which processor time is measured. */
export interface CpuOptions {
  readonly waits: number;
  readonly windowMs: number;
  /** From the last wait that was opened until the process is at rest. */
  readonly restMs: number;
}

/**
 * Measures the microseconds that the program computes in a window for each open wait; undefined where
 * the system does not tell.
 */
export async function cpuOfProgram(
  upstream: UpstreamProcess,
  { waits, windowMs, restMs }: CpuOptions,
): Promise<number | undefined> {
  await using program = await startHttp([`--max-waits=${waits}`], apiAt(upstream.address.url));
  const held = await holdWaits(program.url, upstream, waits);
  await systemClock.sleep(restMs);
  const before = await processCost(program.pid);
  await systemClock.sleep(windowMs);
  const after = await processCost(program.pid);
  await held.end();
  return before && after && (after.cpuMs - before.cpuMs) * 1_000 / waits;
}
