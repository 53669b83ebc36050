/**
 * How many files, connections among them, the process needs to have open at once.
 *
 * @module
 */

/**
 * What is open beside waits, in files: connections that are idle or make other calls, the log, and
 * what the runtime needs.
 */
const SPARE_FILES = 64;

/** Files that so many waits need: each has a connection to its client, and one to the API. */
export function filesForWaits(waits: number): number {
  return 2 * waits + SPARE_FILES;
}

/**
 * Says what is wrong with the limit of open files, and what to do.
 *
 * @param openable how many can be opened, as far as that is known
 * @returns undefined when the files suffice, or nothing is known of them
 */
export function openFilesProblem(
  waits: number,
  openable: number | undefined,
): { readonly problem: string; readonly cure: string } | undefined {
  const wanted = filesForWaits(waits);
  if (openable === undefined || openable >= wanted) return undefined;
  const enough = Math.max(1, Math.floor((openable - SPARE_FILES) / 2));
  return {
    problem: `${waits} waits (--max-waits) need ${wanted} open files, and only ${openable} more ` +
      "can be opened",
    cure: `raise the limit (ulimit -n ${2 ** Math.ceil(Math.log2(wanted + 1))}), or type ` +
      `--max-waits ${enough}`,
  };
}
