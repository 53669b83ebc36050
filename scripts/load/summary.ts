/**
 * What a lot of durations come to.
 *
 * @module
 */

/** Durations of the calls of one tool, in milliseconds. */
export interface ToolFigures {
  readonly calls: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly most: number;
}

/**
 * The value that a share of the values does not exceed; 0 of nothing.
 *
 * @param share from 0 to 1
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const index = Math.ceil(sorted.length * share) - 1;
  return sorted[Math.max(0, index)] ?? 0;
}

/** Sums up durations in milliseconds, to a tenth. */
export function summarize(times: readonly number[]): ToolFigures {
  const at = (share: number) => Math.round(quantile(times, share) * 10) / 10;
  return { calls: times.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), most: at(1) };
}
