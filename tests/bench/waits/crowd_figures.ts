/**
 * Makes the figures of what open waits take, from the values of each round.
 *
 * @module
 */

import { type Figure, figure, ratios } from "../figure.ts";
import type { ByCrowd, CrowdMemory } from "./crowds.ts";
import type { HolderMemory, Holding } from "./holder.ts";

const KILOBYTE = 1_000;
/**
 * Holds at the most waits: what a process grows by once, in its first busy moment (young
 * generation, compiled code, allocators), would count for more than the waits among fewer.
 */
const MEMORY_TARGET_KB = 60;

/** Values of waits and of bare streams, round by round. */
export type Rounds<T> = Readonly<Record<Holding, readonly ByCrowd<T>[]>>;

/** Writes a number with its thousands apart. */
export function many(count: number): string {
  return count.toLocaleString("en-US");
}

function foundAt<T>(found: ByCrowd<T>, count: number): T {
  const value = found.get(count);
  if (value === undefined) throw new RangeError(`Nothing was found at ${count}`);
  return value;
}

/** Returns the kilobytes of the whole crowd, beyond what its process takes without. */
function kilobytes(
  found: ByCrowd<CrowdMemory>,
  count: number,
  kind: keyof HolderMemory = "rss",
): number {
  const { before, after } = foundAt(found, count);
  return (after[kind] - before[kind]) / KILOBYTE;
}

/** Returns the figures of memory. @param counts in rising order; the target holds at `targetAt` */
export function memoryFigures(
  { waiter, fetch }: Rounds<CrowdMemory>,
  counts: readonly number[],
  targetAt: number | undefined,
): Figure[] {
  const line = (id: string, what: string, values: readonly number[], target?: number) =>
    figure({ id: `open_waits.${id}`, what, unit: "KB", better: "less", target }, values);
  type Memory = readonly ByCrowd<CrowdMemory>[];
  const each = (rounds: Memory, count: number, kind?: keyof HolderMemory) =>
    rounds.map((found) => kilobytes(found, count, kind) / count);
  const figures = counts.flatMap((count) => [
    line(
      `memory_${count}.waiter`,
      `memory of each of ${many(count)} open waits, client and waiter`,
      each(waiter, count),
      count === targetAt ? MEMORY_TARGET_KB : undefined,
    ),
    line(
      `memory_${count}.heap`,
      "  of that on the JavaScript heap",
      each(waiter, count, "heapUsed"),
    ),
    line(
      `memory_${count}.fetch`,
      `  for comparison: of each of ${many(count)} bare streams`,
      each(fetch, count),
    ),
  ]);
  const [before, last] = counts.slice(-2);
  if (before === undefined || last === undefined) return figures;
  const further = `of each further one, from ${many(before)} to ${many(last)}`;
  const eachFurther = (rounds: Memory) =>
    rounds.map((found) => (kilobytes(found, last) - kilobytes(found, before)) / (last - before));
  return [
    ...figures,
    line("memory_further.waiter", `memory ${further}`, eachFurther(waiter)),
    line(
      "memory_further.fetch",
      `  for comparison: ${further}, of bare streams`,
      eachFurther(fetch),
    ),
  ];
}

/**
 * Returns the figures of processor time, from microseconds in a window.
 *
 * @param heartbeats that each stream got in it
 */
export function cpuFigures(
  { waiter, fetch }: Rounds<number>,
  counts: readonly number[],
  heartbeats: number,
): Figure[] {
  const us = { unit: "µs", better: "less" } as const;
  return counts.flatMap((count) => {
    const each = (rounds: readonly ByCrowd<number>[]) =>
      rounds.map((found) => foundAt(found, count) / count / heartbeats);
    const [waits, streams] = [each(waiter), each(fetch)];
    const id = `open_waits.cpu_${count}`;
    return [
      figure({
        id: `${id}.waiter`,
        what: `CPU per heartbeat of each of ${many(count)} open waits, client and waiter`,
        ...us,
      }, waits),
      figure({
        id: `${id}.fetch`,
        what: `  for comparison: of each of ${many(count)} bare streams, thrown away`,
        ...us,
      }, streams),
      figure({
        id: `${id}.ratio`,
        what: "  wait / bare stream",
        unit: "x",
        better: "less",
      }, ratios(waits, streams)),
    ];
  });
}
