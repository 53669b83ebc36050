/**
 * What code may not do, by its syntax tree.
 *
 * @module
 */

import ts from "typescript";
import { importsOf } from "./imports.ts";
import { type Finding, lineOf, modulesIn, parse, type TextFile, walk } from "./tree.ts";

function findNodes(
  files: readonly TextFile[],
  complaint: (node: ts.Node, file: TextFile) => string | undefined,
): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    walk(file, (node) => {
      const message = complaint(node, file);
      if (message) findings.push({ path: file.path, line: lineOf(file, node), message });
    });
  }
  return findings;
}

function isNamed(node: ts.Node | undefined, name: string): boolean {
  return node !== undefined && ts.isIdentifier(node) && node.text === name;
}

/** Modules of Node that every runtime has, and that are used outside of `runtime/`. */
const COMMON_NODE = new Set(["node:async_hooks", "node:buffer", "node:crypto", "node:stream"]);

/**
 * `Deno` belongs to `runtime/deno*.ts`, so that another runtime can stand beside it, and modules of
 * Node, but for a few, to `runtime/`.
 */
export function runtimesStayInTheirRoom(files: readonly TextFile[]): Finding[] {
  return findNodes(modulesIn(files, "src"), (node, { path }) => {
    if (isNamed(node, "Deno") && !path.startsWith("src/runtime/deno")) {
      return "names Deno outside runtime/deno*.ts";
    }
    const isForeign = ts.isStringLiteral(node) && node.text.startsWith("node:") &&
      !COMMON_NODE.has(node.text) && !path.startsWith("src/runtime/");
    return isForeign ? `names ${node.text} outside runtime/` : undefined;
  });
}

/** Standard output carries JSON-RPC. */
export function stdoutIsTheProtocols(files: readonly TextFile[]): Finding[] {
  return findNodes(modulesIn(files, "src"), (node, { path }) => {
    if (isNamed(node, "console")) return "uses console";
    if (!ts.isPropertyAccessExpression(node) || node.name.text !== "stdout") return undefined;
    return path === "src/runtime/deno.ts" ? undefined : "writes to stdout";
  });
}

/** `any` switches the type checker off. */
export function noAny(files: readonly TextFile[]): Finding[] {
  return findNodes(
    modulesIn(files, "src", "scripts", "tests"),
    (node) => node.kind === ts.SyntaxKind.AnyKeyword ? "uses any" : undefined,
  );
}

/**
 * Bundlers drop what is not used of `import * as z`, but keep all of zod's translations for
 * `import { z }`: half a megabyte that every start would read.
 */
export function zodIsShaken(files: readonly TextFile[]): Finding[] {
  return findNodes(modulesIn(files, "src"), (node) => {
    if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) {
      return undefined;
    }
    const bindings = node.importClause?.namedBindings;
    const isWhole = bindings !== undefined && ts.isNamespaceImport(bindings);
    return node.moduleSpecifier.text === "zod" && !isWhole
      ? "imports zod otherwise than with * as z"
      : undefined;
  });
}

const FUZZ = "tests/helpers/fuzz.ts";

/** A property test without a seed fails once and never again. */
export function propertiesAreSeeded(files: readonly TextFile[]): Finding[] {
  const others = modulesIn(files, "tests", "scripts").filter(({ path }) => path !== FUZZ);
  return findNodes(others, (node) => {
    if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) {
      return undefined;
    }
    return node.moduleSpecifier.text === "fast-check"
      ? `imports fast-check: take fc from ${FUZZ}, which seeds it`
      : undefined;
  });
}

const OFF = new Set(["only", "skip", "ignore"]);

/** A test that is switched off, or that switches off the others, proves nothing. */
export function testsAreOn(files: readonly TextFile[]): Finding[] {
  return findNodes(modulesIn(files, "tests"), (node) => {
    if (ts.isPropertyAccessExpression(node) && OFF.has(node.name.text)) {
      const { expression } = node;
      const isTest = ts.isPropertyAccessExpression(expression)
        ? isNamed(expression.expression, "Deno") && expression.name.text === "test"
        : isNamed(expression, "test") || isNamed(expression, "it");
      return isTest ? `switches tests off with ${node.name.text}` : undefined;
    }
    if (!ts.isPropertyAssignment(node) || !ts.isIdentifier(node.name)) return undefined;
    const isOff = OFF.has(node.name.text) && node.initializer.kind === ts.SyntaxKind.TrueKeyword;
    return isOff ? `switches tests off with ${node.name.text}: true` : undefined;
  });
}

/** A test in a file that the test runner does not look at never runs. */
export function testsAreFound(files: readonly TextFile[]): Finding[] {
  return findNodes(
    modulesIn(files, "tests").filter(({ path }) => !path.endsWith("_test.ts")),
    (node) => {
      const isTest = ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) &&
        isNamed(node.expression.expression, "Deno") && node.expression.name.text === "test";
      return isTest ? "has tests, but its name does not end in _test.ts" : undefined;
    },
  );
}

/** A unit test that starts a program, itself or by a helper, waits for it: it belongs to the others. */
export function unitTestsStartNothing(files: readonly TextFile[]): Finding[] {
  const support = modulesIn(files, "tests", "scripts");
  const starts = new Map(
    findNodes(support, (node) => {
      const isCommand = ts.isPropertyAccessExpression(node) && isNamed(node.expression, "Deno") &&
        node.name.text === "Command";
      return isCommand ? "starts a program" : undefined;
    }).map(({ path }) => [path, path]),
  );
  const byPath = new Map(support.map((file) => [file.path, file]));
  const starterOf = (path: string, seen = new Set<string>()): string | undefined => {
    const file = byPath.get(path);
    if (!file || seen.has(path)) return undefined;
    seen.add(path);
    return starts.get(path) ??
      importsOf(file).map(({ to }) => starterOf(to, seen)).find((found) => found !== undefined);
  };
  return modulesIn(files, "tests/unit").flatMap(({ path }) => {
    const starter = starterOf(path);
    if (starter === undefined) return [];
    const how = starter === path ? "" : ` by ${starter}`;
    return [{ path, message: `starts a program${how}: move the test to tests/e2e` }];
  });
}

function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  }
  const isNamedStatement = ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) || ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) || ts.isEnumDeclaration(statement);
  return isNamedStatement && statement.name ? [statement.name.text] : [];
}

function undocumented(file: TextFile, wanted: ReadonlySet<string>): Finding[] {
  const documented = new Set<string>();
  const declared = new Map<string, number>();
  for (const statement of parse(file).statements) {
    for (const name of declaredNames(statement)) {
      declared.set(name, lineOf(file, statement));
      if (ts.getJSDocCommentsAndTags(statement).length > 0) documented.add(name);
    }
  }
  return [...wanted].filter((name) => !documented.has(name)).map((name) => ({
    path: file.path,
    line: declared.get(name),
    message: declared.has(name)
      ? `exports ${name} without saying what it is`
      : `does not declare ${name}`,
  }));
}

/** The entries of the project's packages. */
const ENTRIES = ["src/mod.ts", "src/simulator/mod.ts"];

/** The names that an entry re-exports, one by one, by the module that they come from. */
function reexports(entry: TextFile): { findings: Finding[]; names: Map<string, Set<string>> } {
  const findings: Finding[] = [];
  const names = new Map<string, Set<string>>();
  for (const statement of parse(entry).statements) {
    if (!ts.isExportDeclaration(statement) || !statement.moduleSpecifier) continue;
    const { exportClause, moduleSpecifier } = statement;
    if (!exportClause || !ts.isNamedExports(exportClause)) {
      findings.push({
        path: entry.path,
        line: lineOf(entry, statement),
        message: "exports a wildcard",
      });
      continue;
    }
    const specifier = ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : "";
    const path = new URL(specifier, `file:///${entry.path}`).pathname.slice(1);
    const exported = exportClause.elements.map(({ propertyName, name }) =>
      (propertyName ?? name).text
    );
    names.set(path, new Set([...names.get(path) ?? [], ...exported]));
  }
  return { findings, names };
}

/** What the entries export is documented where it is declared, and is named one by one. */
export function publicApiIsDocumented(files: readonly TextFile[]): Finding[] {
  const entries = files.filter(({ path }) => ENTRIES.includes(path));
  if (entries[0]?.path !== ENTRIES[0]) return [{ path: "src/mod.ts", message: "is missing" }];
  return entries.map(reexports).flatMap(({ findings, names }) => [
    ...findings,
    ...[...names].flatMap(([path, wanted]): Finding[] => {
      const file = files.find((candidate) => candidate.path === path);
      if (!file) return [{ path, message: "is missing" }];
      if (!ENTRIES.includes(path)) return undocumented(file, wanted);
      const offered = [...reexports(file).names.values()].flatMap((offer) => [...offer]);
      return [...wanted].filter((name) => !offered.includes(name))
        .map((name) => ({ path, message: `does not export ${name}` }));
    }),
  ]);
}
