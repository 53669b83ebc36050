/**
 * Gathers what was measured of each server, and what some of them cannot do.
 *
 * @module
 */

import { type BenchResult, type Figure, figure, ratios } from "../figure.ts";
import { figureId, ratioId, type Row, ROWS, SIDE_NAMES, type SideName, SIDES } from "./rows.ts";

/**
 * What a server cannot do, which says something about it. Everything else that fails says that the
 * bench is wrong, and ends it.
 */
export class Cannot extends Error {
  override readonly name = "Cannot";
}

const UNTOLD = "this system does not tell";

/** What was found so far. */
export class Findings {
  readonly #values = new Map<string, number[]>();
  readonly #cannot = new Map<string, string>();

  /** Adds a value of a row of {@linkcode ROWS}; undefined is one that the system does not tell. */
  add(row: string, side: SideName, value: number | undefined): void {
    if (value === undefined) return this.cannot([row], side, UNTOLD);
    const id = figureId(rowOf(row).id, side);
    this.#values.set(id, [...this.#values.get(id) ?? [], value]);
  }

  /** Notes that a server cannot do what the rows measure. */
  cannot(rows: readonly string[], side: SideName, reason: string): void {
    for (const row of rows) this.#cannot.set(figureId(rowOf(row).id, side), reason);
  }

  /**
   * Measures rows of a server; `measure` returns their values. Where it throws {@linkcode Cannot},
   * that is what was found, and the rows are not measured again: to give up takes long.
   */
  async measure<Name extends string>(
    rows: readonly Name[],
    side: SideName,
    measure: () => Promise<Readonly<Record<Name, number | undefined>>>,
  ): Promise<void> {
    if (rows.every((row) => this.#cannot.has(figureId(row, side)))) return;
    try {
      const values = await measure();
      for (const row of rows) this.add(row, side, values[row]);
    } catch (error) {
      if (!(error instanceof Cannot)) {
        throw new Error(`${SIDES[side].title}: ${rows}`, { cause: error });
      }
      this.cannot(rows, side, error.message);
    }
  }

  /** Returns the figures of all servers, and of each peer the ratio of ours to its own. */
  result(): Pick<BenchResult, "figures" | "cannot"> {
    const figures = ROWS.flatMap((row) =>
      SIDE_NAMES.flatMap((side) => [...this.#figure(row, side), ...this.#ratio(row, side)])
    );
    return { figures, cannot: Object.fromEntries(this.#cannot) };
  }

  #valuesOf(row: Row, side: SideName): readonly number[] | undefined {
    const id = figureId(row.id, side);
    // What fails now and then cannot be done.
    return this.#cannot.has(id) ? undefined : this.#values.get(id);
  }

  #figure(row: Row, side: SideName): Figure[] {
    const values = this.#valuesOf(row, side);
    if (!values) return [];
    const { what, unit, better } = row;
    const spec = { id: figureId(row.id, side), what: `${SIDES[side].title}: ${what}` };
    return [figure({ ...spec, unit, better }, values)];
  }

  #ratio(row: Row, side: SideName): Figure[] {
    const { title, beside } = SIDES[side];
    const ours = beside && this.#valuesOf(row, beside);
    const theirs = this.#valuesOf(row, side);
    if (!ours || !theirs) return [];
    const what = `${row.what}: ours over that of ${title}`;
    const spec = { id: ratioId(row.id, side), what, unit: "x", better: row.better };
    return [figure(spec, ratios(ours, theirs))];
  }
}

/** @throws RangeError for a row that no table would show */
function rowOf(id: string): Row {
  const row = ROWS.find((row) => row.id === id);
  if (!row) throw new RangeError(`There is no row ${id}`);
  return row;
}
