/**
 * What a bench gives: figures with their spread, comparable from run to run.
 *
 * @module
 */

import { median, quantile } from "../../scripts/statistics.ts";

/** What a figure is about. */
export interface FigureSpec {
  /** The same in every run, such as `overhead.http_16.throughput`. */
  readonly id: string;
  /** One line for a reader. */
  readonly what: string;
  /** `x` for a ratio. */
  readonly unit: string;
  readonly better: "less" | "more";
  /** What the design asks for: at most this where less is better, at least this where more is. */
  readonly target?: number;
  /** What an exact figure must not go beyond, or the check fails; the target where absent. */
  readonly limit?: number;
}

/** A figure: the middle of what was measured, and its range. */
export interface Figure extends FigureSpec {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** Values that it was made of. */
  readonly samples: number;
  /** Nothing was timed: every machine and every run gives the same. */
  readonly exact?: true;
}

/** A bench, and what it is called. */
export interface Bench {
  readonly name: string;
  readonly what: string;
  /** @throws Error when anything failed: what else was measured then says nothing */
  run(options: BenchOptions): Promise<BenchResult>;
}

/** How a bench is run. */
export interface BenchOptions {
  /** As small and short as it goes: shows that it works, and measures nothing. */
  readonly quick: boolean;
}

/** What a bench has found. */
export interface BenchResult {
  readonly figures: readonly Figure[];
  /** What could not be measured here, and why. */
  readonly skipped?: readonly string[];
  /** Of tools that only this bench has used. */
  readonly versions?: Readonly<Record<string, string>>;
}

/** Four digits are more than a noisy machine can tell. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** @throws RangeError without values: nothing was measured */
export function figure(spec: FigureSpec, values: readonly number[]): Figure {
  if (values.length === 0 || !values.every(Number.isFinite)) {
    throw new RangeError(`'${spec.id}' was not measured: [${values}]`);
  }
  return {
    ...spec,
    median: rounded(median(values)),
    least: rounded(Math.min(...values)),
    most: rounded(Math.max(...values)),
    samples: values.length,
  };
}

/** A figure that is counted. */
export function exactFigure(spec: FigureSpec, value: number): Figure {
  return { ...spec, median: value, least: value, most: value, samples: 1, exact: true };
}

/** A line for each exact figure that is beyond its limit. */
export function exceeded(figures: readonly Figure[]): string[] {
  return figures.flatMap(({ id, exact, better, median, unit, limit, target }) => {
    const bound = limit ?? target;
    if (!exact || bound === undefined) return [];
    const isBeyond = better === "less" ? median > bound : median < bound;
    return isBeyond ? [`${id}: ${median} ${unit}, the limit is ${bound}`] : [];
  });
}

/** Whether a figure is where the design wants it; undefined where it says nothing. */
export function onTarget(
  { better, median, target }: Pick<Figure, "better" | "median" | "target">,
): boolean | undefined {
  if (target === undefined) return undefined;
  return better === "less" ? median <= target : median >= target;
}

/**
 * Measures some things in turns, A B A B …, so that a machine that grows slower does so for all of
 * them. The first round warms up and does not count.
 *
 * @param rounds that count, 1 or more
 * @param sides what is measured, by name
 * @returns what each has given, round by round
 */
export async function inTurns<Name extends string, T>(
  rounds: number,
  sides: ReadonlyMap<Name, () => Promise<T>>,
): Promise<Map<Name, T[]>> {
  const results = new Map<Name, T[]>();
  for (let round = 0; round <= rounds; round++) {
    for (const [name, measure] of sides) {
      const result = await measure();
      if (round > 0) results.set(name, [...results.get(name) ?? [], result]);
    }
  }
  return results;
}

/**
 * Does something so many times, one after another, and checks each result once its time is taken.
 *
 * @returns the median time, in milliseconds
 */
export async function medianMs<T>(
  times: number,
  work: () => Promise<T>,
  check: (result: T) => void,
): Promise<number> {
  const ms: number[] = [];
  for (let i = 0; i < times; i++) {
    const startedAt = performance.now();
    const result = await work();
    ms.push(performance.now() - startedAt);
    check(result);
  }
  return quantile(ms, 0.5);
}

/** The ratios of two series, pair by pair. */
export function ratios(above: readonly number[], below: readonly number[]): number[] {
  return above.map((value, index) => value / (below[index] ?? NaN));
}
