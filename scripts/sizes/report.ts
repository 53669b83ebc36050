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

/** Returns the lines of a table: each size that has a limit, with the slack between them. */
export function sizeTable(
  { figures, skipped }: Sizes,
  limits: Readonly<Record<string, number>> = SIZE_LIMITS,
): string[] {
  const rows = figures.flatMap(({ id, what, unit, median, ...own }) => {
    const limit = limits[id] ?? own.limit ?? own.target;
    if (limit === undefined) return [];
    const slack = (limit / median - 1) * 100;
    const [figure, bound] = [median, limit].map((value) => value.toLocaleString("en-US"));
    const remark = remarkOn(slack, limit - median);
    return [[what, figure ?? "", bound ?? "", unit, `${slack.toFixed(1)} %`, remark]];
  });
  const columns = ["size", right("figure"), right("limit"), "unit", right("slack"), ""];
  return [
    ...tableLines(columns, rows),
    ...[...skipped].map(([id, why]) => `not measured: ${id}: ${why}`),
  ];
}

function remarkOn(percent: number, slack: number): string {
  if (slack < 0) return "beyond";
  if (percent < TIGHT_PERCENT) return "tight";
  return percent > LOOSE_PERCENT && slack > SMALL_SLACK ? "loose" : "";
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
      `${line}: look at what grew and make it smaller; scripts/sizes/limits.ts says what limits are for`
    ),
    ...unmeasured.map((id) => `${id}: nothing measures it; take it out of scripts/sizes/limits.ts`),
  ];
}
