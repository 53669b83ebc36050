/**
 * Holds the requests that calls make to the API to their limits. Sizes have limits of their own, in
 * `scripts/sizes/limits.ts`.
 *
 * @module
 */

import { bench as apiRequests } from "../../tests/bench/api_requests.ts";
import { exceeded } from "../../tests/bench/figure.ts";

const MEND = "look at what grew and make it smaller; the limit stands in that file";

/** Counts the requests, and returns a line for each figure that is beyond its limit. */
export async function requestsBeyondLimits(): Promise<string[]> {
  const { figures } = await apiRequests.run({ quick: false });
  return exceeded(figures).map((line) => `tests/bench/${apiRequests.name}.ts ${line}: ${MEND}`);
}
