/**
 * Figures of the benches that are the same in every run, against their limits.
 *
 * @module
 */

import { bench as apiRequests } from "../../tests/bench/api_requests.ts";
import { type Bench, type Figure, onTarget } from "../../tests/bench/figure.ts";
import { bench as modelCost } from "../../tests/bench/model_cost.ts";

/** The benches that measure no time. */
const EXACT: readonly Bench[] = [apiRequests, modelCost];

/** A line for each figure beyond its limit. */
export function exceeded(figures: readonly Figure[]): string[] {
  return figures.filter((figure) => figure.exact && onTarget(figure) === false).map((figure) => {
    const { id, median, unit, target } = figure;
    return `${id}: ${median} ${unit}, the limit is ${target}`;
  });
}

/** Runs the benches that measure no time: requests, bytes and characters within their limits. */
export async function exactFigures(): Promise<string[]> {
  const results = [];
  for (const bench of EXACT) results.push(await bench.run({ quick: false }));
  return results.flatMap(({ figures }) => exceeded(figures));
}
