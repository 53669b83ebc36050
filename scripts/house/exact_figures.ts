/**
 * Holds the figures that are the same in every run to their limits: requests, bytes, characters.
 *
 * @module
 */

import { bench as apiRequests } from "../../tests/bench/api_requests.ts";
import { type Bench, exceeded } from "../../tests/bench/figure.ts";
import { bench as modelCost } from "../../tests/bench/model_cost.ts";

const MEND = "look at what grew and make it smaller; the limit stands in that file";

/** The benches that measure no time. */
const EXACT: readonly Bench[] = [apiRequests, modelCost];

/** Runs the benches that measure no time; returns a line for each figure beyond its limit. */
export async function exactFigures(): Promise<string[]> {
  const complaints: string[] = [];
  for (const bench of EXACT) {
    const { figures } = await bench.run({ quick: false });
    complaints.push(
      ...exceeded(figures).map((line) => `tests/bench/${bench.name}.ts ${line}: ${MEND}`),
    );
  }
  return complaints;
}
