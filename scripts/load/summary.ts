/**
 * What a lot of durations come to.
 *
 * @module
 */

import { quantile } from "../statistics.ts";

/** Durations of the calls of one tool, in milliseconds. */
export interface ToolFigures {
  readonly calls: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly most: number;
}

/** Sums up durations in milliseconds, to a tenth. */
export function summarize(times: readonly number[]): ToolFigures {
  const at = (share: number) => Math.round(quantile(times, share) * 10) / 10;
  return { calls: times.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), most: at(1) };
}
