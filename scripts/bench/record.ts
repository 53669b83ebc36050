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

/** What kind of machine it was: figures of different ones say nothing about each other. */
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
  /** Abbreviated, with `+` where files differ from it. */
  readonly commit: string;
  readonly machine: MachineClass;
  readonly versions: Readonly<Record<string, string>>;
  readonly figures: Readonly<Record<string, RecordedFigure>>;
  readonly skipped?: readonly string[];
}

/** Where the record is in the project. */
export const RECORD_PATH = "tests/bench/record.jsonl";
const RECORD = new URL(`../../${RECORD_PATH}`, import.meta.url);

/** Figures by their ids, as the record keeps them. */
export function recorded(figures: readonly Figure[]): Record<string, RecordedFigure> {
  return Object.fromEntries(
    figures.map(({ id, what: _what, samples: _samples, ...recorded }) => [id, recorded] as const),
  );
}

/**
 * The runs of a record, oldest first.
 *
 * @throws SyntaxError with the number of a line that is none
 */
export function parseRecord(text: string): RecordedRun[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    try {
      const run: RecordedRun = JSON.parse(line);
      return [run];
    } catch (error) {
      throw new SyntaxError(`Line ${index + 1} of the record is no JSON`, { cause: error });
    }
  });
}

/** The text of the record; empty where there is none yet. */
export async function recordText(): Promise<string> {
  try {
    return await Deno.readTextFile(RECORD);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Adds a run at the end. */
export async function appendRun(run: RecordedRun): Promise<void> {
  await Deno.writeTextFile(RECORD, `${JSON.stringify(run)}\n`, { append: true });
}

/** Whether figures of two machines can be compared at all. */
export function sameMachine(a: MachineClass, b: MachineClass): boolean {
  return a.os === b.os && a.arch === b.arch && a.cpus === b.cpus && a.memory_gb === b.memory_gb;
}
