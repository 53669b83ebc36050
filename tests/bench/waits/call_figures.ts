/**
 * Makes the figures of plain calls beside open waits, from the values of each round.
 *
 * @module
 */

import { type Figure, figure, ratios } from "../figure.ts";
import { many } from "./crowd_figures.ts";
import type { ProgramFindings } from "./whole_program.ts";

const KILOBYTE = 1_000;

/** The names of the figures of a call. */
export interface CallSpec {
  /** Ids of the figures, without their last part. */
  readonly id: string;
  readonly what: string;
}

/** The names of the figures of a call beside waits. */
export interface BesideSpec extends CallSpec {
  /** Number of open waits. */
  readonly count: number;
  /** Appended to the ids, where more than one crowd is measured. */
  readonly suffix?: string;
  /** Target of the ratio. */
  readonly target?: number;
}

/** Returns the figure of a call without waits. */
export function aloneFigure({ id, what }: CallSpec, alone: readonly number[]): Figure {
  const spec = { id: `${id}.call_alone`, what: `${what}, alone` };
  return figure({ ...spec, unit: "ms", better: "less" }, alone);
}

/** Returns two figures: a call beside waits, and how much longer it took than alone. */
export function besideFigures(
  { id, what, count, suffix = "", target }: BesideSpec,
  { alone, beside }: { readonly alone: readonly number[]; readonly beside: readonly number[] },
): Figure[] {
  return [
    figure({
      id: `${id}.call_beside${suffix}`,
      what: `${what}, beside ${many(count)} waits`,
      unit: "ms",
      better: "less",
    }, beside),
    figure({
      id: `${id}.call_ratio${suffix}`,
      what: "  beside / alone" + (target ? ` (no longer; ${target} is what noise makes of 1)` : ""),
      unit: "x",
      better: "less",
      ...(target !== undefined && { target }),
    }, ratios(beside, alone)),
  ];
}

/**
 * Returns the figures of the whole program, at each of the counts.
 *
 * @param plain the count whose ids have no number
 */
export function programFigures(
  rounds: readonly ProgramFindings[],
  counts: readonly number[],
  plain: number,
): Figure[] {
  const id = "open_waits.program";
  const what = "get_session over HTTP, API with HTTP/1.1";
  const suffixOf = (count: number) => count === plain ? "" : `_${count}`;
  const at = (count: number) =>
    rounds.flatMap(({ crowds }) => crowds.filter((crowd) => crowd.count === count));
  const alone = rounds.map(({ callAloneMs }) => callAloneMs);
  const memory = counts.flatMap((count) => {
    const bytes = at(count).flatMap(({ bytesEach }) => bytesEach ?? []);
    if (bytes.length === 0) return [];
    return [figure({
      id: `${id}.memory${suffixOf(count)}`,
      what: `memory of each of ${many(count)} open waits, whole program over HTTP`,
      unit: "KB",
      better: "less",
    }, bytes.map((value) => value / KILOBYTE))];
  });
  const calls = counts.flatMap((count) =>
    besideFigures(
      { id, what, count, suffix: suffixOf(count) },
      { alone, beside: at(count).map(({ callMs }) => callMs) },
    )
  );
  return [...memory, aloneFigure({ id, what }, alone), ...calls];
}
