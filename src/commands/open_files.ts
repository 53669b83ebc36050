/**
 * Compares the files that waits need, connections among them, with those that can be opened.
 *
 * @module
 */

import type { Program } from "../runtime/program.ts";
import type { Runtime } from "../runtime/runtime.ts";

/**
 * Open files beside those of waits: connections that are idle or serve other calls, the log, and
 * those of the runtime.
 */
const SPARE_FILES = 64;

/**
 * Returns the number of files that so many waits need: each has a connection to its client and to
 * the API.
 */
export function filesForWaits(waits: number): number {
  return 2 * waits + SPARE_FILES;
}

/**
 * Returns the problem with the limit of open files, and the cure.
 *
 * @returns undefined when there are enough files, or they cannot be counted
 */
export function openFilesProblem(
  waits: number,
  countOpenableFiles: Runtime["countOpenableFiles"],
): Program["openFilesProblem"] {
  const wanted = filesForWaits(waits);
  const openable = countOpenableFiles(wanted);
  if (openable === undefined || openable >= wanted) return undefined;
  const enough = Math.max(1, Math.floor((openable - SPARE_FILES) / 2));
  return {
    message: `${waits} waits (--max-waits) need ${wanted} open files, and only ${openable} more ` +
      "can be opened",
    cure: `raise the limit (ulimit -n ${2 ** Math.ceil(Math.log2(wanted + 1))}), or type ` +
      `--max-waits ${enough}`,
  };
}
