/**
 * Compares sizes with their limits.
 *
 * @module
 */

import { exceeded, type Figure } from "../../tests/bench/figure.ts";
import { right, tableLines } from "../table.ts";
import { SIZE_LIMITS } from "./limits.ts";

/** Sizes, and why some could not be measured here. */
export interface Sizes {
  readonly figures: readonly Figure[];
  /** By the figure's id. */
  readonly skipped: ReadonlyMap<string, string>;
}

/** Slack below this share of the figure is worth a look before the next change, in percent. */
const TIGHT_PERCENT = 1;
/** Slack above this share lets a lot grow unseen. */
const LOOSE_PERCENT = 10;
/** Slack of so few characters or KB is never too much. */
const SMALL_SLACK = 20;

/** Returns the lines of a table: each size that has a limit, its limit, and the slack between them. */
export function sizeTable(
  { figures, skipped }: Sizes,
  limits: Readonly<Record<string, number>> = SIZE_LIMITS,
): string[] {
  const rows = figures.flatMap(({ id, what, unit, median }) => {
    const limit = limits[id];
    if (limit === undefined) return [];
    const percent = (limit / median - 1) * 100;
    const remark = percent < TIGHT_PERCENT
      ? "tight"
      : percent > LOOSE_PERCENT && limit - median > SMALL_SLACK
      ? "loose"
      : "";
    return [[what, median.toLocaleString("en-US"), limit.toLocaleString("en-US"), unit].concat(
      `${percent.toFixed(1)} %`,
      remark,
    )];
  });
  const columns = ["size", right("figure"), right("limit"), "unit", right("slack"), ""];
  return [
    ...tableLines(columns, rows),
    ...[...skipped].map(([id, why]) => `not measured: ${id}: ${why}`),
  ];
}

/** Returns a line for each size beyond its limit, and for each limit of a size that nothing measures. */
export function sizeComplaints(
  { figures, skipped }: Sizes,
  limits: Readonly<Record<string, number>> = SIZE_LIMITS,
): string[] {
  const limited = figures.map((figure) => ({
    ...figure,
    limit: limits[figure.id] ?? figure.limit,
  }));
  const unmeasured = Object.keys(limits).filter((id) =>
    !skipped.has(id) && !figures.some((figure) => figure.id === id)
  );
  return [
    ...exceeded(limited).map((line) =>
      `${line}: look at what grew and make it smaller; scripts/sizes/limits.ts says what the limit is for`
    ),
    ...unmeasured.map((id) => `${id}: nothing measures it; take it out of scripts/sizes/limits.ts`),
  ];
}
