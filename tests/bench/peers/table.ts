/**
 * Makes one table of all servers: of ours the figures, of each peer the ratio of ours to its own.
 *
 * @module
 */

import type { RecordedFigure, RecordedRun } from "../../../scripts/bench/record.ts";
import { shortNumber, withUnit } from "../../../scripts/bench/report.ts";
import {
  figureId,
  isOurs,
  ratioId,
  type Row,
  ROWS,
  SIDE_NAMES,
  type SideName,
  SIDES,
} from "./rows.ts";

/** What was measured, as a run has it on record. */
export type Measured =
  & Pick<RecordedRun, "figures" | "cannot">
  & Partial<Pick<RecordedRun, "versions">>;

/** The table, and what does not fit into it. */
export interface PeersTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** A sentence for each thing that a server cannot do, and for what its figures need. */
  readonly notes: readonly string[];
}

function isWorse(row: Row, ours: number, theirs: number): boolean {
  // As a reader sees it: 1.00 × is no difference.
  const ratio = Number((ours / theirs).toFixed(2));
  return row.better === "less" ? ratio > 1 : ratio < 1;
}

/** Tells whether one of our servers is worse than the best peer, or cannot do what a peer can. */
function isBehind({ figures }: Measured, row: Row, side: SideName): boolean {
  const medianOf = (name: SideName) => figures[figureId(row.id, name)]?.median;
  const ours = medianOf(side);
  const theirs = SIDE_NAMES.filter((name) => !isOurs(name)).flatMap((name) => medianOf(name) ?? []);
  return theirs.some((median) => ours === undefined || isWorse(row, ours, median));
}

/** Units of what is counted: the row says what that is. */
const COUNTED: readonly string[] = ["calls", "requests"];

function figureCell({ median, unit }: RecordedFigure): string {
  return COUNTED.includes(unit) ? shortNumber(median) : withUnit(median, unit);
}

function ratioCell({ median }: RecordedFigure): string {
  if (median < 0.005) return "< 0.01 ×";
  return median < 10 ? `${median.toFixed(2)} ×` : withUnit(median, "x");
}

function cellOf(measured: Measured, row: Row, side: SideName, mark: string): string {
  const { figures, cannot = {} } = measured;
  const id = figureId(row.id, side);
  const figure = figures[id];
  const shown = cannot[id] === undefined ? "not measured" : "cannot";
  const own = figure ? figureCell(figure) : shown;
  if (isOurs(side)) return isBehind(measured, row, side) ? `${own} ${mark}` : own;
  const ratio = figures[ratioId(row.id, side)];
  return ratio ? ratioCell(ratio) : own;
}

/** Returns a row's name for one who does not read the rows above it. */
function fullName(row: Row): string {
  const above = ROWS.slice(0, ROWS.indexOf(row) + 1).findLast(({ what }) => !what.startsWith("…"));
  const [subject = ""] = above?.what.split(":") ?? [];
  return subject;
}

function notesOf({ cannot = {} }: Measured): string[] {
  const sides = new Map<string, Set<string>>();
  for (const row of ROWS) {
    for (const side of SIDE_NAMES) {
      const reason = cannot[figureId(row.id, side)];
      if (reason === undefined) continue;
      const what = `${fullName(row)}: ${reason}`;
      sides.set(what, (sides.get(what) ?? new Set()).add(SIDES[side].title));
    }
  }
  return [...sides].map(([what, titles]) => `Cannot: ${what} (${[...titles].join("; ")}).`);
}

/** The first version of the executables' runtime that sends each part of a response at once. */
const PROMPT_RUNTIME = [2, 8] as const;

/** Returns a note on executables whose runtime is not that of the program from source. */
function runtimeNotes({ versions: { deno, denort } = {} }: Measured): string[] {
  if (denort === undefined || denort === deno) return [];
  const [major = 0, minor = 0] = denort.split(".").map(Number);
  const [since, sinceMinor] = PROMPT_RUNTIME;
  const isSlow = major < since || (major === since && minor < sinceMinor);
  const why = isSlow ? ", which delays the second part of a response over HTTP by some 40 ms" : "";
  return [`The executable runs on Deno ${denort}${why}.`];
}

/**
 * Makes the table of a run. Servers of which it has nothing are left out.
 *
 * @param mark follows the figures of ours that are worse than those of the best peer
 * @returns undefined when the run has none of these figures
 */
export function peersTable(measured: Measured, mark: string): PeersTable | undefined {
  const { figures, cannot = {} } = measured;
  const isIn = (id: string) => id in figures || id in cannot;
  const sides = SIDE_NAMES.filter((side) => ROWS.some(({ id }) => isIn(figureId(id, side))));
  if (sides.length === 0) return undefined;
  const rows = ROWS.filter(({ id }) => sides.some((side) => isIn(figureId(id, side))));
  return {
    head: ["What", ...sides.map((side) => SIDES[side].title)],
    rows: rows.map((row) => [row.what, ...sides.map((side) => cellOf(measured, row, side, mark))]),
    notes: [...notesOf(measured), ...runtimeNotes(measured)],
  };
}
