/**
 * Finds out how many waits a machine lets one process hold: each takes open files.
 *
 * @module
 */

import { run } from "../../../scripts/compile/tools.ts";

/** Files and sockets of a process beside those of its waits. */
const OTHER_FILES = 1_000;

/** Counts of waits, by whether they fit. */
export interface Fitting {
  /** Those that the machine allows, in the order given. */
  readonly counts: readonly number[];
  readonly others: readonly number[];
  /** A line for each of the others that says why it was not measured. */
  readonly skipped: readonly string[];
}

/** Returns how many files a process may have open; undefined where nothing limits them. */
export async function openFilesAllowed(): Promise<number | undefined> {
  if (Deno.build.os === "windows") return undefined;
  const { stdout } = await run("sh", ["-c", "ulimit -n"]);
  const limit = stdout.trim();
  return limit === "unlimited" ? undefined : Number(limit);
}

/**
 * Tells apart the counts that a limit on open files allows.
 *
 * @param what is measured, such as `memory and CPU`
 * @param filesOf what the waits take in the process that has the most open
 * @param allowed in one process; undefined is no limit
 */
export function fitting(
  what: string,
  counts: readonly number[],
  filesOf: (count: number) => number,
  allowed: number = Infinity,
): Fitting {
  const filesWith = (count: number) => filesOf(count) + OTHER_FILES;
  const others = counts.filter((count) => filesWith(count) > allowed);
  return {
    counts: counts.filter((count) => !others.includes(count)),
    others,
    skipped: others.map((count) =>
      `open_waits, ${what} at ${count}: takes ${filesWith(count)} open files in one process, ` +
      `and 'ulimit -n' says ${allowed}`
    ),
  };
}
