/**
 * The project's files, read once and parsed on demand.
 *
 * @module
 */

import ts from "typescript";

/** A text file of the project. */
export interface TextFile {
  /** Relative to the project, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** One place that breaks a rule. */
export interface Finding {
  readonly path: string;
  /** From 1. */
  readonly line?: number;
  /** What is wrong, as the rest of a sentence that begins with the path. */
  readonly message: string;
  /** What to do about it, as an order: a command where one mends it. */
  readonly mend: string;
}

/** Returns a finding in one line: where it is, what is wrong, and what to do. */
export function describeFinding({ path, line, message, mend }: Finding): string {
  return `${path}${line === undefined ? "" : `:${line}`} ${message}: ${mend}`;
}

/** A house rule: looks at the whole tree and returns everything that breaks it. */
export type Rule = (files: readonly TextFile[]) => Finding[];

const SKIPPED = new Set([".git", "node_modules", "dist", "coverage"]);

/** Pictures of the documents: links lead to them, and no rule about texts has a word to say of them. */
const BINARY = /\.png$/;

/** Reads every text file under `root`, in the order of their paths; of others there is the path. */
export async function readTree(root: URL): Promise<TextFile[]> {
  const files: TextFile[] = [];
  const visit = async (folder: URL, prefix: string) => {
    for await (const entry of Deno.readDir(folder)) {
      if (SKIPPED.has(entry.name)) continue;
      const path = prefix + entry.name;
      if (entry.isDirectory) await visit(new URL(`${entry.name}/`, folder), `${path}/`);
      else {
        const isText = !BINARY.test(path);
        files.push({
          path,
          text: isText ? await Deno.readTextFile(new URL(entry.name, folder)) : "",
        });
      }
    }
  };
  await visit(root, "");
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Returns the TypeScript files below some folders. */
export function modulesIn(files: readonly TextFile[], ...folders: string[]): TextFile[] {
  return files.filter(({ path }) =>
    path.endsWith(".ts") && folders.some((folder) => path.startsWith(`${folder}/`))
  );
}

const parsed = new WeakMap<TextFile, ts.SourceFile>();

/** Returns the syntax tree of a module, which is made once. */
export function parse(file: TextFile): ts.SourceFile {
  let tree = parsed.get(file);
  if (!tree) {
    tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
    parsed.set(file, tree);
  }
  return tree;
}

/** Visits every node of a module, parents first. */
export function walk(file: TextFile, visit: (node: ts.Node) => void): void {
  const step = (node: ts.Node) => {
    visit(node);
    ts.forEachChild(node, step);
  };
  step(parse(file));
}

/** Returns the line, from 1, on which a node begins. */
export function lineOf(file: TextFile, node: ts.Node): number {
  const tree = parse(file);
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}
