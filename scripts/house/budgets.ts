/**
 * How big things may get.
 *
 * @module
 */

import ts from "typescript";
import { median } from "../statistics.ts";
import { type Finding, lineCount, lineOf, modulesIn, parse, type TextFile, walk } from "./tree.ts";

/** Lines that a file may have. */
export const MAX_FILE_LINES = 400;
/** Lines that half of the source files stay within. */
export const MEDIAN_FILE_LINES = 120;
/** Lines that a function may have. */
export const MAX_FUNCTION_LINES = 90;
/** Lines that a function should stay within. */
export const USUAL_FUNCTION_LINES = 50;
/** Share of the functions that may exceed {@linkcode USUAL_FUNCTION_LINES}. */
export const RARE = 0.01;
/** Lines of test code per line of source. */
export const MIN_TEST_RATIO = 1.5;

/** A function and its size. */
export interface FunctionSize {
  readonly path: string;
  readonly line: number;
  readonly name: string;
  readonly lines: number;
}

/** The functions of a module, methods and closures included. */
export function functionsOf(file: TextFile): FunctionSize[] {
  const sizes: FunctionSize[] = [];
  const tree = parse(file);
  walk(file, (node) => {
    if (!ts.isFunctionLike(node) || !("body" in node) || !node.body) return;
    const line = lineOf(file, node);
    const lines = tree.getLineAndCharacterOfPosition(node.end).line + 2 - line;
    sizes.push({ path: file.path, line, name: node.name?.getText() ?? "a function", lines });
  });
  return sizes;
}

/** Lines that hold code: neither blank nor only comment. */
export function codeLines(file: TextFile): number {
  const lines = new Set<number>();
  const tree = parse(file);
  const visit = (node: ts.Node) => {
    if (node.getChildCount(tree) === 0 && node.getWidth(tree) > 0) {
      const first = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line;
      const last = tree.getLineAndCharacterOfPosition(node.end).line;
      for (let line = first; line <= last; line++) lines.add(line);
    }
    // The children of a JSDoc node are comment, not code.
    for (const child of node.getChildren(tree)) if (!ts.isJSDoc(child)) visit(child);
  };
  visit(tree);
  return lines.size;
}

/** Small files: none over the limit, half of the source files well below it. */
export function filesAreSmall(files: readonly TextFile[]): Finding[] {
  const findings = modulesIn(files, "src", "scripts", "tests", "std").flatMap(
    ({ path, text }): Finding[] => {
      const lines = lineCount(text);
      return lines <= MAX_FILE_LINES
        ? []
        : [{ path, message: `has ${lines} lines, more than ${MAX_FILE_LINES}` }];
    },
  );
  const middle = median(modulesIn(files, "src").map(({ text }) => lineCount(text)));
  if (middle > MEDIAN_FILE_LINES) {
    const message = `has a median of ${middle} lines, more than ${MEDIAN_FILE_LINES}`;
    findings.push({ path: "src", message });
  }
  return findings;
}

/** Small functions: none over the limit, few over what is usual. */
export function functionsAreSmall(files: readonly TextFile[]): Finding[] {
  const sizes = modulesIn(files, "src", "scripts").flatMap(functionsOf);
  const findings = sizes.filter(({ lines }) => lines > MAX_FUNCTION_LINES)
    .map(({ path, line, name, lines }): Finding => ({
      path,
      line,
      message: `${name} has ${lines} lines, more than ${MAX_FUNCTION_LINES}`,
    }));
  const long = sizes.filter(({ lines }) => lines > USUAL_FUNCTION_LINES);
  if (long.length > Math.max(1, sizes.length * RARE)) {
    const names = long.map(({ path, name, lines }) => `${name} in ${path} (${lines})`).join(", ");
    const message = `has too many functions over ${USUAL_FUNCTION_LINES} lines: ${names}`;
    findings.push({ path: "src", message });
  }
  return findings;
}

/** Test code per source code, in lines. */
export function testRatio(files: readonly TextFile[]): number {
  const sum = (folder: string) =>
    modulesIn(files, folder).reduce((total, file) => total + codeLines(file), 0);
  return sum("tests") / Math.max(1, sum("src"));
}

/** Enough tests for the source. */
export function testsAreEnough(files: readonly TextFile[]): Finding[] {
  const ratio = testRatio(files);
  if (ratio >= MIN_TEST_RATIO) return [];
  const message = `has ${ratio.toFixed(2)} lines per line of src, less than ${MIN_TEST_RATIO}`;
  return [{ path: "tests", message }];
}
