/**
 * How many files, connections among them, the process may have open at once.
 *
 * @module
 */

/**
 * What is open beside waits, in files: connections that are idle or make other calls, the log, and
 * what the runtime needs.
 */
const SPARE_FILES = 64;

/** More is not tried, since it takes time: about half a second. */
const MAX_TRIED = 50_000;

/** Files that so many waits need: each has a connection to its client, and one to the API. */
export function filesForWaits(waits: number): number {
  return 2 * waits + SPARE_FILES;
}

/**
 * Finds out whether so many files can be opened, by opening them: there is no other way to ask that
 * needs no permission of its own. Needs the permission to read.
 *
 * @returns how many could be opened, at most `wanted`; undefined when not even one can be
 */
export function countOpenableFiles(wanted: number): number | undefined {
  const files: Deno.FsFile[] = [];
  try {
    const path = Deno.execPath();
    for (let i = 0; i < Math.min(wanted, MAX_TRIED); i++) files.push(Deno.openSync(path));
    return wanted;
  } catch {
    return files.length > 0 ? files.length : undefined;
  } finally {
    for (const file of files) file.close();
  }
}

/**
 * What the operator should know, and do.
 *
 * @param openable of {@linkcode countOpenableFiles}
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
