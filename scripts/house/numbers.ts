/**
 * The sizes of files and functions, as `deno task check` prints them. They are for looking at: none is a limit.
 *
 * @module
 */

import ts from "typescript";
import { median } from "../statistics.ts";
import { lineOf, modulesIn, parse, type TextFile, walk } from "./tree.ts";

/** Returns the lines of each function of a module, methods and closures included. */
export function functionLines(file: TextFile): number[] {
  const sizes: number[] = [];
  const tree = parse(file);
  walk(file, (node) => {
    if (!ts.isFunctionLike(node) || !("body" in node) || !node.body) return;
    sizes.push(tree.getLineAndCharacterOfPosition(node.end).line + 2 - lineOf(file, node));
  });
  return sizes;
}

/** Counts the lines that are neither blank nor only comment. */
export function codeLines({ text }: TextFile): number {
  return text.split("\n").filter((line) => !/^\s*($|\/\/|\/?\*)/.test(line)).length;
}

function sizesLine(what: string, lines: readonly number[]): string {
  const most = lines.reduce((largest, count) => Math.max(largest, count), 0);
  return `src: ${lines.length} ${what}, median ${median(lines)} lines, largest ${most}`;
}

/** Returns a line each: sizes of files and functions, share of tests. */
export function numberLines(files: readonly TextFile[]): string[] {
  const source = modulesIn(files, "src");
  const linesIn = (folder: string) =>
    modulesIn(files, folder).reduce((total, file) => total + codeLines(file), 0);
  const [all, simulator, tests] = [linesIn("src"), linesIn("src/simulator"), linesIn("tests")];
  return [
    sizesLine("files", source.map(({ text }) => text.split("\n").length - 1)),
    sizesLine("functions", source.flatMap(functionLines)),
    `src: ${all - simulator} lines of code, and ${simulator} of the simulator; ` +
    `tests: ${(tests / all).toFixed(2)} per line of them`,
  ];
}
