/**
 * Makes the declarations of the library, for its users who write TypeScript.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import ts from "typescript";
import { ROOT } from "../compile/build.ts";

const SOURCE = fileURLToPath(new URL("src/", ROOT));

const OPTIONS: ts.CompilerOptions = {
  declaration: true,
  emitDeclarationOnly: true,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ESNext,
  lib: ["esnext", "dom", "dom.iterable", "dom.asynciterable"].map((name) => `lib.${name}.d.ts`),
  rewriteRelativeImportExtensions: true,
  resolveJsonModule: true,
  strict: true,
  skipLibCheck: true,
  types: [],
  rootDir: SOURCE,
  outDir: SOURCE,
};

/** A relative import in a declaration. */
const RELATIVE = /(?:from |import\()"(\.[^"]+)"/g;

/**
 * Returns declarations by their path below `src`: those of the entries, and of all that these name.
 *
 * @param entries paths below `src`
 */
export function declarations(entries: readonly string[]): ReadonlyMap<string, string> {
  const host = ts.createCompilerHost(OPTIONS);
  host.resolveModuleNameLiterals = (literals, from, redirected, options) =>
    literals.map(({ text }) =>
      from.startsWith(SOURCE) && /^[@\w]/.test(text) && !text.startsWith("node:")
        ? { resolvedModule: packageTypes(text) }
        : ts.resolveModuleName(text, from, options, host, undefined, redirected)
    );
  const made = new Map<string, string>();
  ts.createProgram(entries.map((path) => SOURCE + path), OPTIONS, host).emit(
    undefined,
    (path, text) => made.set(path.slice(SOURCE.length), text),
  );
  const wanted = new Map<string, string>();
  const visit = (path: string) => {
    const text = made.get(path);
    if (text === undefined || wanted.has(path)) return;
    wanted.set(path, text);
    for (const [, to = ""] of text.matchAll(RELATIVE)) {
      const { pathname } = new URL(to, `file:///${path}`);
      visit(pathname.slice(1).replace(/\.[tj]s$/, ".d.ts"));
    }
  };
  for (const entry of entries) visit(entry.replace(/\.ts$/, ".d.ts"));
  return wanted;
}

/** Finds the declarations of a package where Deno keeps it. */
function packageTypes(name: string): ts.ResolvedModuleFull | undefined {
  const script = fileURLToPath(import.meta.resolve(name));
  for (const [from, to] of [[/\.mjs$/, ".d.mts"], [/\.c?js$/, ".d.ts"]] as const) {
    const path = script.replace(from, to);
    if (path === script || !ts.sys.fileExists(path)) continue;
    return { resolvedFileName: path, extension: to, isExternalLibraryImport: true };
  }
  return undefined;
}
