/**
 * The project's sizes, as `deno task check` prints them.
 *
 * @module
 */

import { median } from "../statistics.ts";
import { codeLines, functionsOf, testRatio } from "./budgets.ts";
import { toolListSize } from "./tool_list.ts";
import { lineCount, modulesIn, type TextFile } from "./tree.ts";

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

/** Returns a line each: sizes of files and functions, share of tests, size of the tool list. */
export async function numberLines(files: readonly TextFile[]): Promise<string[]> {
  const source = modulesIn(files, "src");
  const lines = source.map(({ text }) => lineCount(text));
  const functions = source.flatMap(functionsOf).map((size) => size.lines);
  const linesOf = (some: readonly TextFile[]) =>
    some.reduce((total, file) => total + codeLines(file), 0);
  const simulator = linesOf(modulesIn(files, "src/simulator"));
  return [
    `src: ${source.length} files, median ${median(lines)} lines, largest ${largest(lines)}`,
    `src: ${functions.length} functions, median ${median(functions)} lines, ` +
    `largest ${largest(functions)}`,
    `src: ${linesOf(source) - simulator} lines of code, and ${simulator} of the simulator; ` +
    `tests: ${testRatio(files).toFixed(2)} per line of them`,
    `tools/list: ${await toolListSize()} characters`,
  ];
}
