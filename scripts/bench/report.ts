/**
 * Figures as a reader sees them.
 *
 * @module
 */

import { type BenchResult, type Figure, onTarget } from "../../tests/bench/figure.ts";
import { type Column, tableLines } from "../table.ts";
import type { RecordedFigure } from "./record.ts";

/** A number with no more digits than a reader needs. */
export function shortNumber(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  const size = Math.abs(value);
  return size >= 100
    ? Math.round(value).toLocaleString("en-US")
    : value.toFixed(size >= 10 ? 1 : 2);
}

function withUnit(value: number, unit: string): string {
  return unit === "x" ? `${shortNumber(value)} ×` : `${shortNumber(value)} ${unit}`;
}

/** What a figure should be; empty where nobody said. */
export function targetText(
  { target, better, unit }: Pick<RecordedFigure, "target" | "better" | "unit">,
): string {
  return target === undefined ? "" : `${better === "less" ? "≤" : "≥"} ${withUnit(target, unit)}`;
}

/** What the check holds an exact figure to, where the design asks for nothing or for less. */
function limitText({ limit, target, unit, better }: Figure): string {
  if (limit === undefined) return "";
  return `${target === undefined ? "" : ", "}limit ${targetText({ target: limit, unit, better })}`;
}

/** A figure and its range. */
export function figureText({ median, least, most, unit, exact }: RecordedFigure): string {
  const range = exact ? "" : ` (${shortNumber(least)} – ${shortNumber(most)})`;
  return withUnit(median, unit) + range;
}

const COLUMNS: readonly Column[] = [
  { title: "figure" },
  { title: "median", align: "right" },
  { title: "least – most", align: "right" },
  { title: "target" },
];

/** A table of figures, then what is missing from it. */
export function figureLines({ figures, skipped = [] }: BenchResult): string[] {
  const rows = figures.map((figure) => [
    figure.what,
    withUnit(figure.median, figure.unit),
    figure.exact ? "exact" : `${shortNumber(figure.least)} – ${shortNumber(figure.most)}`,
    targetText(figure) + (onTarget(figure) === false ? " MISSED" : "") + limitText(figure),
  ]);
  return [
    ...tableLines(COLUMNS, rows),
    ...skipped.map((what) => `SKIPPED: ${what}`),
  ];
}

/** What became of a figure since an earlier run. */
export type Change = "new" | "same" | "better" | "worse" | "within the spread";

/** Exact figures change at once; timed ones when the ranges of both runs are apart. */
export function changeOf(now: RecordedFigure, before: RecordedFigure | undefined): Change {
  if (before === undefined) return "new";
  if (now.median === before.median) return "same";
  if (now.least <= before.most && before.least <= now.most) return "within the spread";
  return (now.median < before.median) === (now.better === "less") ? "better" : "worse";
}

/** A table of two runs, figure by figure; what only the earlier one had comes last. */
export function comparisonLines(
  now: Readonly<Record<string, RecordedFigure>>,
  before: Readonly<Record<string, RecordedFigure>>,
): string[] {
  const columns: Column[] = [
    { title: "figure" },
    { title: "before", align: "right" },
    { title: "now", align: "right" },
    { title: "now / before", align: "right" },
    { title: "change" },
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
