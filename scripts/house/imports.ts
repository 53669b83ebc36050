/**
 * Rules about imports: one direction, no cycles, no file that nobody imports, the simulator by its
 * entry, and nothing loaded before it is needed.
 *
 * @module
 */

import ts from "typescript";
import { type Finding, lineOf, modulesIn, type TextFile, walk } from "./tree.ts";

/** A relative import. */
export interface Import {
  readonly from: string;
  /** Path of the imported file, relative to the project. */
  readonly to: string;
  readonly line: number;
  /** True if the file is loaded with the one that imports it; false for types, and on demand. */
  readonly isLoaded: boolean;
}

/** Returns true for an import of more than types, and one that is no call. */
function loads(node: ts.Node): boolean {
  if (ts.isImportDeclaration(node)) return !node.importClause?.isTypeOnly;
  return ts.isExportDeclaration(node) && !node.isTypeOnly;
}

function specifierOf(node: ts.Node): ts.StringLiteralLike | undefined {
  const isStatement = ts.isImportDeclaration(node) || ts.isExportDeclaration(node);
  if (isStatement && node.moduleSpecifier && ts.isStringLiteralLike(node.moduleSpecifier)) {
    return node.moduleSpecifier;
  }
  const isCall = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  const argument = isCall ? node.arguments[0] : undefined;
  return argument && ts.isStringLiteralLike(argument) ? argument : undefined;
}

const known = new WeakMap<TextFile, Import[]>();

/** Returns the relative imports of a module: static, dynamic and re-exports, types included. */
export function importsOf(file: TextFile): readonly Import[] {
  const found = known.get(file);
  if (found) return found;
  const imports: Import[] = [];
  known.set(file, imports);
  walk(file, (node) => {
    const specifier = specifierOf(node);
    if (!specifier?.text.startsWith(".")) return;
    const to = new URL(specifier.text, `file:///${file.path}`).pathname.slice(1);
    imports.push({ from: file.path, to, line: lineOf(file, specifier), isLoaded: loads(node) });
  });
  return imports;
}

/** Layers from the ground up; a folder imports from itself and from lower layers. */
const LAYERS: readonly (readonly string[])[] = [
  ["core"],
  ["hosts"],
  ["api"],
  ["session"],
  ["access"],
  ["tools"],
  ["mcp"],
  ["http", "stdio.ts", "config"],
  ["runtime"],
  ["commands"],
];

/** A package of its own: it imports nothing of the rest, and the rest imports its entry only. */
const PACKAGE = "src/simulator/";
const PACKAGE_ENTRY = "src/simulator/mod.ts";
const PACKAGE_USERS = ["commands", "mod.ts", "main.ts"];

/** The page of the session view: a program of its own, for browsers. */
const PAGE = "view";
/** What the page shares with the program: pure functions of these rooms, and these types. */
const SHARED_WITH_PAGE = { rooms: ["core"], types: "src/session/watched_session.ts" } as const;

/** The program, on each of its runtimes. */
const PROGRAMS: readonly string[] = ["main.ts", "main_node.ts"];

/** Files that are run or published, and so need no importer. */
const ROOTS: readonly string[] = [
  ...PROGRAMS.map((name) => `src/${name}`),
  "src/mod.ts",
  "src/view/main.ts",
  PACKAGE_ENTRY,
];

/** Read by the program for its version. */
const MANIFEST = "deno.json";

function layerOf(folder: string): number {
  return LAYERS.findIndex((layer) => layer.includes(folder));
}

function mayImport(from: string, to: string): boolean {
  const [, source = ""] = from.split("/");
  const [root, target = ""] = to.split("/");
  if (to === MANIFEST) return true;
  if (root !== "src" || ROOTS.includes(to) && to !== PACKAGE_ENTRY) return false;
  if (source === target) return true;
  if (source === "simulator") return false;
  if (source === PAGE) {
    return SHARED_WITH_PAGE.rooms.some((room) => room === target) || to === SHARED_WITH_PAGE.types;
  }
  if (target === "simulator") return to === PACKAGE_ENTRY && PACKAGE_USERS.includes(source);
  if (PROGRAMS.includes(source)) return true;
  if (source === "mod.ts") return target !== "commands";
  const layer = layerOf(target);
  return layer >= 0 && layer < layerOf(source);
}

/** Imports point one way: from `main` down to `core`. */
export function layering(files: readonly TextFile[]): Finding[] {
  return modulesIn(files, "src").flatMap(importsOf)
    .filter(({ from, to }) => !mayImport(from, to))
    .map(({ from, to, line }) => ({
      path: from,
      line,
      message: `may not import ${to}`,
      mend: to.startsWith(PACKAGE) && to !== PACKAGE_ENTRY
        ? `import ${PACKAGE_ENTRY}, from src/commands or src/mod.ts`
        : "move the code to the room that may know both, or pass it in (LAYERS in " +
          "scripts/house/imports.ts)",
    }));
}

/** Tests and scripts use the simulator by its entry; its own unit tests see inside. */
export function simulatorEntry(files: readonly TextFile[]): Finding[] {
  return modulesIn(files, "tests", "scripts")
    .filter(({ path }) => !path.startsWith("tests/unit/simulator/"))
    .flatMap(importsOf)
    .filter(({ to }) => to.startsWith(PACKAGE) && to !== PACKAGE_ENTRY)
    .map(({ from, to, line }) => ({
      path: from,
      line,
      message: `may not import ${to}`,
      mend: `import ${PACKAGE_ENTRY}`,
    }));
}

/** No module imports itself by way of others. */
export function cycles(files: readonly TextFile[]): Finding[] {
  const graph = new Map<string, readonly Import[]>();
  for (const file of modulesIn(files, "src", "scripts", "tests", "std")) {
    // What points the wrong way is a complaint of its own, and would close many cycles.
    const isSource = file.path.startsWith("src/");
    const imports = importsOf(file);
    graph.set(
      file.path,
      isSource ? imports.filter(({ from, to }) => mayImport(from, to)) : imports,
    );
  }
  const findings: Finding[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      const loop = [...trail.slice(start), path].join(" → ");
      findings.push({
        path,
        message: `imports itself by way of ${loop}`,
        mend: "move what they share into a file of its own, or pass it in",
      });
      return;
    }
    if (done.has(path)) return;
    for (const { to } of graph.get(path) ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return findings;
}

/** Each file of the source is imported by another: a tool, for example, by the registry. */
export function filesAreUsed(files: readonly TextFile[]): Finding[] {
  const modules = modulesIn(files, "src");
  const used = new Set(modules.flatMap(importsOf).map(({ to }) => to));
  return modules.filter(({ path }) => !used.has(path) && !ROOTS.includes(path))
    .map(({ path }) => ({
      path,
      message: "is imported by no file of src",
      mend: path.startsWith("src/tools/")
        ? "add the tool to a set in src/tools/registry.ts, or delete the file"
        : "import it where it is used, or delete it",
    }));
}

/** Returns the packages and built-in modules that are loaded with a module, with their lines. */
function packagesLoadedBy(
  file: TextFile,
): readonly { readonly to: string; readonly line: number }[] {
  const packages: { to: string; line: number }[] = [];
  walk(file, (node) => {
    const specifier = specifierOf(node);
    if (!specifier || specifier.text.startsWith(".") || !loads(node)) return;
    packages.push({ to: specifier.text, line: lineOf(file, specifier) });
  });
  return packages;
}

/** What is loaded by those only who need it: hosts, and people, wait for the start of the program. */
const ON_DEMAND: readonly {
  /** The file from which all else is loaded. */
  readonly root: string;
  readonly who: string;
  readonly what: RegExp;
}[] = [
  {
    root: "src/commands/run.ts",
    who: "every command",
    what: /^src\/(api|session|tools|mcp|http|simulator)\/|^(node:|zod$|@modelcontextprotocol\/)/,
  },
  {
    root: "src/commands/serve/serve.ts",
    who: "a host that waits for the response to initialize",
    what:
      /^src\/(session|tools|http|simulator)\/|^src\/api\/(?!read\.ts$)|^src\/mcp\/server\.ts$|^(node:|zod$)/,
  },
  {
    root: "src/commands/serve/http.ts",
    who: "a server without OAuth",
    what: /^src\/access\/(access_token_verifier|issuer_keys)\.ts$/,
  },
];

/** No command waits for the code of others. */
export function commandsLoadLittle(files: readonly TextFile[]): Finding[] {
  const modules = new Map(modulesIn(files, "src").map((file) => [file.path, file]));
  const findings: Finding[] = [];
  for (const { root, who, what } of ON_DEMAND) {
    const seen = new Set<string>();
    const visit = (path: string) => {
      const file = modules.get(path);
      if (!file || seen.has(path)) return;
      seen.add(path);
      const files = importsOf(file).filter(({ isLoaded }) => isLoaded);
      for (const { to, line } of [...files, ...packagesLoadedBy(file)]) {
        if (!what.test(to)) visit(to);
        else {
          findings.push({
            path,
            line,
            message: `makes ${who} load ${to}`,
            mend:
              "import it as types, import it in the function that needs it, or move the constant",
          });
        }
      }
    };
    visit(root);
  }
  return findings;
}
