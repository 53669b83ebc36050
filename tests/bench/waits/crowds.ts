/**
 * Measures what crowds of open waits, or of bare streams, take, each in a fresh process of its own.
 *
 * @module
 */

import { systemClock } from "../../../src/core/clock.ts";
import type { UpstreamProcess } from "../../helpers/upstream_process.ts";
import type { HolderMemory, Holding } from "./holder.ts";
import { type Holder, startHolder } from "./holder_process.ts";

/** Memory of a crowd's process: without any wait, and with all. */
export interface CrowdMemory {
  readonly before: HolderMemory;
  readonly after: HolderMemory;
}

/** Values by the size of the crowd. */
export type ByCrowd<T> = ReadonlyMap<number, T>;

/** Opens every crowd, then lets `measure` see all at once: they do nothing but get heartbeats. */
async function withCrowds<T>(
  { holding, upstream, counts }: Crowds,
  measure: (holders: readonly Holder[], open: () => Promise<void>) => Promise<readonly T[]>,
): Promise<ByCrowd<T>> {
  await using closers = new AsyncDisposableStack();
  const holders: Holder[] = [];
  for (const _ of counts) {
    const holder = await startHolder(holding, upstream);
    closers.defer(() => holder.close());
    holders.push(holder);
  }
  const found = await measure(holders, async () => {
    for (const [index, count] of counts.entries()) await holders[index]?.open(count);
  });
  // Each counts the streams that are left.
  for (const holder of holders) await holder.end();
  return new Map(
    counts.flatMap((count, index) => {
      const value = found[index];
      return value === undefined ? [] : [[count, value] as const];
    }),
  );
}

/** The crowds to open. */
export interface Crowds {
  readonly holding: Holding;
  readonly upstream: UpstreamProcess;
  readonly counts: readonly number[];
}

/** Measures the memory of each crowd. */
export async function memoryOfCrowds(crowds: Crowds): Promise<ByCrowd<CrowdMemory>> {
  return await withCrowds(crowds, async (holders, open) => {
    const read = () => Promise.all(holders.map((holder) => holder.memory()));
    const before = await read();
    await open();
    const after = await read();
    return before.flatMap((each, index) => {
      const then = after[index];
      return then ? [{ before: each, after: then }] : [];
    });
  });
}

/**
 * Measures the microseconds that the process of each crowd computes in a window.
 *
 * @param restMs from the last that was opened until the window
 */
export async function cpuOfCrowds(
  crowds: Crowds,
  { windowMs, restMs }: { readonly windowMs: number; readonly restMs: number },
): Promise<ByCrowd<number>> {
  return await withCrowds(crowds, async (holders, open) => {
    const read = () => Promise.all(holders.map((holder) => holder.cpuUs()));
    await open();
    await systemClock.sleep(restMs);
    const before = await read();
    await systemClock.sleep(windowMs);
    return (await read()).map((us, index) => us - (before[index] ?? NaN));
  });
}
