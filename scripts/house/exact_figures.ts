/**
 * Figures of the benches that are the same in every run, against their limits.
 *
 * @module
 */

import { bench as apiRequests } from "../../tests/bench/api_requests.ts";
import { type Bench, exceeded } from "../../tests/bench/figure.ts";
import { bench as modelCost } from "../../tests/bench/model_cost.ts";

/** The benches that measure no time. */
const EXACT: readonly Bench[] = [apiRequests, modelCost];

/** Runs the benches that measure no time: requests, bytes and characters within their limits. */
export async function exactFigures(): Promise<string[]> {
  const results = [];
  for (const bench of EXACT) results.push(await bench.run({ quick: false }));
  return results.flatMap(({ figures }) => exceeded(figures));
}
