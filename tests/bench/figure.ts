/**
 * Figures: what a bench measures, with its spread, so that runs can be compared; and the ways to
 * measure that benches share.
 *
 * @module
 */

import { median, quantile } from "../../scripts/statistics.ts";

/** The name, unit and target of a figure. */
export interface FigureSpec {
  /** The same in every run, such as `overhead.http_16.throughput`. */
  readonly id: string;
  /** One line for a reader. */
  readonly what: string;
  /** `x` for a ratio. */
  readonly unit: string;
  readonly better: "less" | "more";
  /** The aim: at most this where less is better, at least this where more is. */
  readonly target?: number;
  /** The limit that `deno task check` holds an exact figure to; the target where absent. */
  readonly limit?: number;
}

/** A figure: the middle of what was measured, and its range. */
export interface Figure extends FigureSpec {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** How many values it was made of. */
  readonly samples: number;
  /** Set for a figure that is counted, not timed: it is the same on every machine, in every run. */
  readonly exact?: true;
}

/** A bench and its name. */
export interface Bench {
  readonly name: string;
  readonly what: string;
  /** @throws Error when anything failed, because the other figures then say nothing */
  run(options: BenchOptions): Promise<BenchResult>;
}

/** Options of a run. */
export interface BenchOptions {
  /** As small and short as it goes: shows that it works, and measures nothing. */
  readonly quick: boolean;
}

/** The result of a run. */
export interface BenchResult {
  readonly figures: readonly Figure[];
  /** A line for each thing that could not be measured here, with the reason. */
  readonly skipped?: readonly string[];
  /** What a server that is compared with ours cannot do, by the id of the figure that it lacks. */
  readonly cannot?: Readonly<Record<string, string>>;
  /** Lines that show the figures to a reader, in place of a line for each. */
  readonly lines?: readonly string[];
  /** Versions of tools that only this bench used. */
  readonly versions?: Readonly<Record<string, string>>;
}

/** Rounds to four digits, which is more than a noisy machine can tell. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Makes a figure of what was measured. @throws RangeError without values */
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

/** Makes a figure that is counted. */
export function exactFigure(spec: FigureSpec, value: number): Figure {
  return { ...spec, median: value, least: value, most: value, samples: 1, exact: true };
}

/** Returns a line for each exact figure that is beyond its limit. */
export function exceeded(figures: readonly Figure[]): string[] {
  return figures.flatMap(({ id, exact, better, median, unit, limit, target }) => {
    const bound = limit ?? target;
    if (!exact || bound === undefined) return [];
    const isBeyond = better === "less" ? median > bound : median < bound;
    return isBeyond ? [`${id}: ${median} ${unit}, the limit is ${bound}`] : [];
  });
}

/** Tells whether a figure reaches its target; undefined where it has none. */
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

/** Returns the ratios of two series, pair by pair. */
export function ratios(above: readonly number[], below: readonly number[]): number[] {
  return above.map((value, index) => value / (below[index] ?? NaN));
}
