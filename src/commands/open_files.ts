/**
 * Compares the files that waits need, connections among them, with those that can be opened.
 *
 * @module
 */

import type { Program } from "../runtime/program.ts";
import type { Runtime } from "../runtime/runtime.ts";

/**
 * What is open beside waits, in files: connections that are idle or make other calls, the log, and
 * what the runtime needs.
 */
const SPARE_FILES = 64;

/** Returns how many files so many waits need: each has a connection to its client and to the API. */
export function filesForWaits(waits: number): number {
  return 2 * waits + SPARE_FILES;
}

/**
 * Says what is wrong with the limit of open files, and what to do.
 *
 * @returns undefined when the files suffice, or cannot be counted
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
