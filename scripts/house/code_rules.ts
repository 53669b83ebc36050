/**
 * Rules about code, checked on its syntax tree.
 *
 * @module
 */

import ts from "typescript";
import { importsOf } from "./imports.ts";
import { type Finding, lineOf, modulesIn, parse, type TextFile, walk } from "./tree.ts";

function findNodes(
  files: readonly TextFile[],
  complaint: (node: ts.Node, file: TextFile) => string | undefined,
  mend: string,
): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    walk(file, (node) => {
      const message = complaint(node, file);
      if (message) findings.push({ path: file.path, line: lineOf(file, node), message, mend });
    });
  }
  return findings;
}

function isNamed(node: ts.Node | undefined, name: string): boolean {
  return node !== undefined && ts.isIdentifier(node) && node.text === name;
}

function isImportOf(node: ts.Node, name: string): node is ts.ImportDeclaration {
  return ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier) &&
    node.moduleSpecifier.text === name;
}

/** Tells whether a node is `Deno.test`. */
function isDenoTest(node: ts.Node): boolean {
  return ts.isPropertyAccessExpression(node) && isNamed(node.expression, "Deno") &&
    node.name.text === "test";
}

/** Modules of Node that every runtime has, and that any room may import. */
const COMMON_NODE = new Set(["node:async_hooks", "node:buffer", "node:crypto", "node:stream"]);

/** Returns true for the `process` of `process.getBuiltinModule("node:crypto")`: an import on demand. */
function loadsCommonNode(node: ts.Node): boolean {
  const member = node.parent;
  const call = member?.parent;
  if (!ts.isPropertyAccessExpression(member) || !call || !ts.isCallExpression(call)) return false;
  const [module] = call.arguments;
  return member.name.text === "getBuiltinModule" && module !== undefined &&
    ts.isStringLiteral(module) && COMMON_NODE.has(module.text);
}

/**
 * Only `runtime/deno*.ts` names `Deno`, and only `runtime/node*.ts` what Node alone has, so that one
 * runtime can stand beside the other; only `runtime/` imports modules of Node that some runtimes lack.
 */
export function runtimesStayInTheirRoom(files: readonly TextFile[]): Finding[] {
  return findNodes(modulesIn(files, "src"), (node, { path }) => {
    if (isNamed(node, "Deno") && !path.startsWith("src/runtime/deno")) {
      return "names Deno outside runtime/deno*.ts";
    }
    const isOfNode = (isNamed(node, "process") && !loadsCommonNode(node)) ||
      (ts.isStringLiteral(node) && /^undici(\/|$)/.test(node.text));
    if (isOfNode && !path.startsWith("src/runtime/node")) {
      return `names ${node.getText()} outside runtime/node*.ts`;
    }
    const isForeign = ts.isStringLiteral(node) && node.text.startsWith("node:") &&
      !COMMON_NODE.has(node.text) && !path.startsWith("src/runtime/");
    return isForeign ? `names ${node.text} outside runtime/` : undefined;
  }, "put it behind the interface in src/runtime/runtime.ts");
}

/**
 * Built-in functions that Node 20 lacks, by their owner; `*` is any value. From the compatibility
 * tables of MDN.
 */
const NEWER_THAN_NODE_20: ReadonlyMap<string, readonly string[]> = new Map([
  ["Array", ["fromAsync"]],
  ["Error", ["isError"]],
  ["JSON", ["rawJSON", "isRawJSON"]],
  ["Map", ["groupBy"]],
  ["Math", ["sumPrecise", "f16round"]],
  ["Object", ["groupBy"]],
  ["Promise", ["try", "withResolvers"]],
  ["RegExp", ["escape"]],
  ["URL", ["parse"]],
  ["Uint8Array", ["fromBase64", "fromHex"]],
  ["*", ["isDisjointFrom", "isSubsetOf", "isSupersetOf", "symmetricDifference", "toBase64"]],
]);

const POLYFILLS = "src/runtime/node_polyfills.ts";

/** Functions of iterators that Node 20 lacks. */
const ITERATOR_HELPERS =
  /\.(?:values|keys|entries)\(\)\s*\.(?:map|filter|take|drop|flatMap|reduce|toArray|forEach|some|every|find)$/;

/**
 * The npm package runs on Node 20, where a test that runs on Deno sees nothing missing: a built-in
 * function that is newer needs a polyfill.
 */
export function builtInsAreOld(files: readonly TextFile[]): Finding[] {
  const source = modulesIn(files, "src");
  const polyfills = source.find(({ path }) => path === POLYFILLS)?.text ?? "";
  const isSupplied = (name: string) => polyfills.includes(`"${name}"`);
  const shared = source.filter(({ path }) => !/^src\/runtime\/(?:deno|node_polyfills)/.test(path));
  return findNodes(shared, (node) => {
    if (!ts.isPropertyAccessExpression(node)) return undefined;
    const { expression, name: { text: name } } = node;
    const owner = ts.isIdentifier(expression) ? expression.text : "";
    const isNewer = [owner, "*"].some((key) => NEWER_THAN_NODE_20.get(key)?.includes(name)) &&
      !isSupplied(name);
    return isNewer || ITERATOR_HELPERS.test(node.getText())
      ? `uses ${owner === "" ? "" : `${owner}.`}${name}, which Node 20 lacks`
      : undefined;
  }, `add it to ${POLYFILLS}, or do without`);
}

const STDOUT_USERS = ["src/runtime/deno.ts", "src/runtime/node.ts"];

/** Only the protocol goes to standard output: on stdio a host reads JSON-RPC from it. */
export function stdoutIsTheProtocols(files: readonly TextFile[]): Finding[] {
  return findNodes(modulesIn(files, "src"), (node, { path }) => {
    if (isNamed(node, "console")) return "uses console";
    if (!ts.isPropertyAccessExpression(node) || node.name.text !== "stdout") return undefined;
    return STDOUT_USERS.includes(path) ? undefined : "writes to stdout";
  }, "log with Logger, which writes to stderr; a command prints with program.print");
}

/** Nothing is typed `any`, which switches the type checker off. */
export function noAny(files: readonly TextFile[]): Finding[] {
  return findNodes(
    modulesIn(files, "src", "scripts", "tests"),
    (node) => node.kind === ts.SyntaxKind.AnyKeyword ? "uses any" : undefined,
    "name the type, or take unknown and narrow it",
  );
}

/**
 * Zod is imported as `* as z`: of that, bundlers drop what is not used. For `import { z }` they keep
 * all of zod's translations, half a megabyte that every start would read.
 */
export function zodIsShaken(files: readonly TextFile[]): Finding[] {
  return findNodes(modulesIn(files, "src"), (node) => {
    if (!isImportOf(node, "zod")) return undefined;
    const bindings = node.importClause?.namedBindings;
    const isWhole = bindings !== undefined && ts.isNamespaceImport(bindings);
    return isWhole ? undefined : "imports zod otherwise than with * as z";
  }, 'write import * as z from "zod"');
}

const FUZZ = "tests/helpers/fuzz.ts";

/** Property tests get fast-check from one helper, which seeds it: a failure can be repeated. */
export function propertiesAreSeeded(files: readonly TextFile[]): Finding[] {
  const others = modulesIn(files, "tests", "scripts").filter(({ path }) => path !== FUZZ);
  return findNodes(
    others,
    (node) => isImportOf(node, "fast-check") ? "imports fast-check" : undefined,
    `import fc from ${FUZZ}, which seeds it`,
  );
}

const OFF = new Set(["only", "skip", "ignore"]);

/** No test is switched off, or switches off the others. */
export function testsAreOn(files: readonly TextFile[]): Finding[] {
  return findNodes(modulesIn(files, "tests"), (node) => {
    if (ts.isPropertyAccessExpression(node) && OFF.has(node.name.text)) {
      const { expression } = node;
      const isTest = isDenoTest(expression) || isNamed(expression, "test") ||
        isNamed(expression, "it");
      return isTest ? `switches tests off with ${node.name.text}` : undefined;
    }
    if (!ts.isPropertyAssignment(node) || !ts.isIdentifier(node.name)) return undefined;
    const isOff = OFF.has(node.name.text) && node.initializer.kind === ts.SyntaxKind.TrueKeyword;
    return isOff ? `switches tests off with ${node.name.text}: true` : undefined;
  }, "take that out and mend the test; ignore may name a condition");
}

/** Tests stand in files that the test runner finds. */
export function testsAreFound(files: readonly TextFile[]): Finding[] {
  return findNodes(
    modulesIn(files, "tests").filter(({ path }) => !path.endsWith("_test.ts")),
    (node) =>
      ts.isCallExpression(node) && isDenoTest(node.expression)
        ? "has tests, but its name does not end in _test.ts"
        : undefined,
    "rename it, or it never runs",
  );
}

const NEEDS_NODE = "it needs Node: tests/e2e, with the npm package";

/** Files of the source that need no test of their name, and where they are tested instead. */
const TESTED_ELSEWHERE: Readonly<Record<string, string>> = {
  "src/mcp/session_page.ts": "it is made from src/view: tests/browser",
  "src/mcp/prometheus.ts": "it names parts of a package: metrics_test.ts",
  "src/session/watched_session.ts": "it has types, and two names: tests of tools/watch_session.ts",
  "src/view/main.ts": "it starts the page: tests/browser",
  "src/main.ts": "it starts the process: tests/e2e",
  "src/main_node.ts": NEEDS_NODE,
  "src/runtime/node.ts": NEEDS_NODE,
  "src/runtime/node_client.ts": NEEDS_NODE,
  "src/runtime/node_listener.ts": NEEDS_NODE,
  "src/runtime/node_polyfills.ts": NEEDS_NODE,
  "src/runtime/node_streams.ts": NEEDS_NODE,
  "src/runtime/node_undici.ts": NEEDS_NODE,
  "src/tools/new_session.ts": "create_session makes its sessions: create_session_test.ts",
  "src/tools/services.ts": "it puts objects together: every test of a tool uses it",
};

/**
 * A package of its own, most of whose files are tested by its entry; and what only a browser can run,
 * which tests/browser tests.
 */
const BY_ENTRY: readonly string[] = ["src/simulator/", "src/view/dom/"];

/** Returns true for a module that does something: more than types and re-exports. */
function hasBehaviour(file: TextFile): boolean {
  return parse(file).statements.some((statement) =>
    ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement) ||
    ts.isVariableStatement(statement) || ts.isExpressionStatement(statement)
  );
}

/**
 * The test of `src/<room>/<file>.ts` is `tests/unit/<room>/<file>_test.ts`; more tests of the same
 * file are `<file>_<aspect>_test.ts` beside it.
 */
export function testsMirrorTheSource(files: readonly TextFile[]): Finding[] {
  const paths = new Set(files.map(({ path }) => path));
  const untested = modulesIn(files, "src").filter((file) =>
    !paths.has(testOf(file.path)) && !(file.path in TESTED_ELSEWHERE) &&
    !BY_ENTRY.some((folder) => file.path.startsWith(folder)) && hasBehaviour(file)
  ).map(({ path }) => ({
    path,
    message: "has no test of its name",
    mend:
      `write ${testOf(path)}, or say in TESTED_ELSEWHERE in scripts/house/code_rules.ts where ` +
      "it is tested",
  }));
  const stray = modulesIn(files, "tests/unit").filter(({ path }) => {
    const aspects = path.replace(/^tests\/unit\//, "src/").replace(/_test\.ts$/, "").split("_");
    return path.endsWith("_test.ts") &&
      !aspects.some((_, index) => paths.has(`${aspects.slice(0, index + 1).join("_")}.ts`));
  }).map(({ path }) => ({
    path,
    message: "is named after no file of src",
    mend: "name it after the file that it tests, <file>_test.ts or <file>_<aspect>_test.ts, or " +
      "move it to the folder of what it proves",
  }));
  return [...untested, ...stray];
}

function testOf(path: string): string {
  return path.replace(/^src\//, "tests/unit/").replace(/\.ts$/, "_test.ts");
}

/** No unit test starts a program, itself or by a helper: that takes longer than all its like. */
export function unitTestsStartNothing(files: readonly TextFile[]): Finding[] {
  const support = modulesIn(files, "tests", "scripts");
  const starts = new Map(
    findNodes(support, (node) => {
      const isCommand = ts.isPropertyAccessExpression(node) && isNamed(node.expression, "Deno") &&
        node.name.text === "Command";
      return isCommand ? "starts a program" : undefined;
    }, "").map(({ path }) => [path, path]),
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
    return [{ path, message: `starts a program${how}`, mend: "move the test to tests/e2e" }];
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

const NAME_THE_DECLARER = "let src/mod.ts name the file that declares it";

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
    ...declared.has(name)
      ? { message: `exports ${name} without a doc comment`, mend: "write one" }
      : { message: `does not declare ${name}`, mend: NAME_THE_DECLARER },
  }));
}

/** The entries of the project's packages. */
const ENTRIES = ["src/mod.ts", "src/simulator/mod.ts"];

/** Returns the names that an entry re-exports, one by one, by the module that they come from. */
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
        mend: "name each export, so that the public API is what this file lists",
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

/** An exported name is declared in one file, so that it means one thing. */
export function namesHaveOneHome(files: readonly TextFile[]): Finding[] {
  const homes = new Map<string, string>();
  const findings: Finding[] = [];
  for (const file of modulesIn(files, "src")) {
    for (const statement of parse(file).statements) {
      const isExported = ts.canHaveModifiers(statement) &&
        ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
      for (const name of isExported ? declaredNames(statement) : []) {
        const home = homes.get(name) ?? file.path;
        homes.set(name, home);
        if (home === file.path) continue;
        findings.push({
          path: file.path,
          line: lineOf(file, statement),
          message: `exports ${name}, as ${home} does`,
          mend: "import that one, or call this one by what tells them apart",
        });
      }
    }
  }
  return findings;
}

/** The entries name each of their exports, and each is documented where it is declared. */
export function publicApiIsDocumented(files: readonly TextFile[]): Finding[] {
  const entries = files.filter(({ path }) => ENTRIES.includes(path));
  if (entries[0]?.path !== ENTRIES[0]) {
    return [{ path: "src/mod.ts", message: "is missing", mend: "put it back: it is the library" }];
  }
  return entries.map(reexports).flatMap(({ findings, names }) => [
    ...findings,
    ...[...names].flatMap(([path, wanted]): Finding[] => {
      const file = files.find((candidate) => candidate.path === path);
      if (!file) return [{ path, message: "is missing", mend: "mend the path in src/mod.ts" }];
      if (!ENTRIES.includes(path)) return undocumented(file, wanted);
      const offered = [...reexports(file).names.values()].flatMap((offer) => [...offer]);
      return [...wanted].filter((name) => !offered.includes(name))
        .map((name) => ({
          path,
          message: `does not export ${name}`,
          mend: "export it there, or take it out of src/mod.ts",
        }));
    }),
  ]);
}
