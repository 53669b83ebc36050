/**
 * The record of full runs of the benches: one run a line.
 *
 * @module
 */

import type { Figure } from "../../tests/bench/figure.ts";

/** A figure as the record keeps it. */
export type RecordedFigure = Pick<
  Figure,
  "median" | "least" | "most" | "unit" | "better" | "target" | "exact"
>;

/** The kind of machine. Times measured on different kinds cannot be compared. */
export interface MachineClass {
  readonly os: string;
  readonly arch: string;
  readonly cpus: number;
  readonly memory_gb: number;
}

/** A full run. */
export interface RecordedRun {
  /** ISO 8601, UTC. */
  readonly date: string;
  /** Abbreviated, with `+` if the files differed from it. */
  readonly commit: string;
  readonly machine: MachineClass;
  readonly versions: Readonly<Record<string, string>>;
  readonly figures: Readonly<Record<string, RecordedFigure>>;
  readonly skipped?: readonly string[];
  /** What others cannot do, by the id of the figure that they lack. */
  readonly cannot?: Readonly<Record<string, string>>;
}

/** Path of the record in the project. */
export const RECORD_PATH = "tests/bench/record.jsonl";
const RECORD = new URL(`../../${RECORD_PATH}`, import.meta.url);

/** Returns figures by id, as the record keeps them. */
export function recorded(figures: readonly Figure[]): Record<string, RecordedFigure> {
  return Object.fromEntries(
    figures.map(({ id, what: _what, samples: _samples, ...recorded }) => [id, recorded] as const),
  );
}

/**
 * Returns the runs of a record, oldest first.
 *
 * @throws SyntaxError with the number of a line that is not JSON
 */
export function parseRecord(text: string): RecordedRun[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    try {
      const run: RecordedRun = JSON.parse(line);
      return [run];
    } catch (error) {
      throw new SyntaxError(
        `Line ${index + 1} of ${RECORD_PATH} is not JSON: mend it or take it out`,
        { cause: error },
      );
    }
  });
}

/** Reads the text of the record; empty if there is none yet. */
export async function recordText(): Promise<string> {
  try {
    return await Deno.readTextFile(RECORD);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Adds a run at the end of the record. */
export async function appendRun(run: RecordedRun): Promise<void> {
  await Deno.writeTextFile(RECORD, `${JSON.stringify(run)}\n`, { append: true });
}

/** Tells whether two machines are of the same kind, so that their times can be compared. */
export function sameMachine(a: MachineClass, b: MachineClass): boolean {
  return a.os === b.os && a.arch === b.arch && a.cpus === b.cpus && a.memory_gb === b.memory_gb;
}
