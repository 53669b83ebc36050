/**
 * Measures how big files and functions are. `deno task check` prints the sizes and limits none.
 *
 * @module
 */

import ts from "typescript";
import { lineOf, modulesIn, parse, type TextFile, walk } from "./tree.ts";

/** A function and its size. */
export interface FunctionSize {
  readonly path: string;
  readonly line: number;
  readonly name: string;
  readonly lines: number;
}

/** Returns the functions of a module, methods and closures included. */
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

/** Counts the lines that hold code: neither blank nor only comment. */
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

/** Returns the lines of code in `tests` for each in `src`. */
export function testRatio(files: readonly TextFile[]): number {
  const sum = (folder: string) =>
    modulesIn(files, folder).reduce((total, file) => total + codeLines(file), 0);
  return sum("tests") / Math.max(1, sum("src"));
}
