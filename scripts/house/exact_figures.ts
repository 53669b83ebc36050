/**
 * Holds the figures that are the same in every run to their limits: requests, bytes, characters.
 *
 * @module
 */

import { bench as apiRequests } from "../../tests/bench/api_requests.ts";
import { exceeded, type Figure } from "../../tests/bench/figure.ts";
import { bench as modelCost } from "../../tests/bench/model_cost.ts";

const MEND = "look at what grew and make it smaller; the limit stands in that file";

/**
 * Runs the benches that measure no time.
 *
 * @returns their figures, and a line for each that is beyond its limit
 */
export async function exactFigures(): Promise<{ figures: Figure[]; complaints: string[] }> {
  const figures: Figure[] = [];
  const complaints: string[] = [];
  for (const bench of [apiRequests, modelCost]) {
    const result = await bench.run({ quick: false });
    figures.push(...result.figures);
    complaints.push(
      ...exceeded(result.figures).map((line) => `tests/bench/${bench.name}.ts ${line}: ${MEND}`),
    );
  }
  return { figures, complaints };
}
