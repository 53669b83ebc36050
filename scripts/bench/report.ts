/**
 * Prints figures: alone, with their targets, and beside an earlier run.
 *
 * @module
 */

import { type BenchResult, type Figure, onTarget } from "../../tests/bench/figure.ts";
import { type Column, right, tableLines } from "../table.ts";
import type { RecordedFigure } from "./record.ts";

/** Returns a number with three significant digits or so. */
export function shortNumber(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  const size = Math.abs(value);
  return size >= 100
    ? Math.round(value).toLocaleString("en-US")
    : value.toFixed(size >= 10 ? 1 : 2);
}

/** Returns a number with its unit. */
export function withUnit(value: number, unit: string): string {
  return unit === "x" ? `${shortNumber(value)} ×` : `${shortNumber(value)} ${unit}`;
}

/** Returns the target of a figure; empty if it has none. */
export function targetText(
  { target, better, unit }: Pick<RecordedFigure, "target" | "better" | "unit">,
): string {
  return target === undefined ? "" : `${better === "less" ? "≤" : "≥"} ${withUnit(target, unit)}`;
}

/** Returns the limit that `deno task check` holds an exact figure to; empty if it has none. */
function limitText({ limit, target, unit, better }: Figure): string {
  if (limit === undefined) return "";
  return `${target === undefined ? "" : ", "}limit ${targetText({ target: limit, unit, better })}`;
}

/** Returns a figure and its range. */
export function figureText({ median, least, most, unit, exact }: RecordedFigure): string {
  const range = exact ? "" : ` (${shortNumber(least)} – ${shortNumber(most)})`;
  return withUnit(median, unit) + range;
}

const COLUMNS: readonly Column[] = [
  "figure",
  right("median"),
  right("least – most"),
  "target",
];

/**
 * Returns the lines of a table of figures, or those that the bench shows in its place; then a line for
 * each that could not be measured.
 */
export function figureLines({ figures, lines, skipped = [] }: BenchResult): string[] {
  const rows = figures.map((figure) => [
    figure.what,
    withUnit(figure.median, figure.unit),
    figure.exact ? "exact" : `${shortNumber(figure.least)} – ${shortNumber(figure.most)}`,
    targetText(figure) + (onTarget(figure) === false ? " MISSED" : "") + limitText(figure),
  ]);
  return [
    ...lines ?? tableLines(COLUMNS, rows),
    ...skipped.map((what) => `SKIPPED: ${what}`),
  ];
}

/** The change of a figure since an earlier run. */
export type Change = "new" | "same" | "better" | "worse" | "within the spread";

/**
 * Compares a figure with an earlier run; a timed one has changed only if the ranges do not overlap.
 */
export function changeOf(now: RecordedFigure, before: RecordedFigure | undefined): Change {
  if (before === undefined) return "new";
  if (now.median === before.median) return "same";
  if (now.least <= before.most && before.least <= now.most) return "within the spread";
  return (now.median < before.median) === (now.better === "less") ? "better" : "worse";
}

/**
 * Returns a table of two runs, figure by figure; figures that only the earlier one has come last.
 */
export function comparisonLines(
  now: Readonly<Record<string, RecordedFigure>>,
  before: Readonly<Record<string, RecordedFigure>>,
): string[] {
  const columns: Column[] = [
    "figure",
    right("before"),
    right("now"),
    right("now / before"),
    "change",
  ];
  const rows = Object.entries(now).map(([id, figure]) => {
    const earlier = before[id];
    return [
      id,
      earlier ? withUnit(earlier.median, earlier.unit) : "",
      withUnit(figure.median, figure.unit),
      earlier && earlier.median !== 0 ? (figure.median / earlier.median).toFixed(2) : "",
      changeOf(figure, earlier),
    ];
  });
  const gone = Object.entries(before).filter(([id]) => !(id in now))
    .map(([id, { median, unit }]) => [id, withUnit(median, unit), "", "", "not measured"]);
  return tableLines(columns, [...rows, ...gone]);
}
