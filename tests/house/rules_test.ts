import { assertEquals, assertMatch } from "@std/assert";
import { renderDocument } from "../../scripts/house/documents.ts";
import { codeLines, functionLines, numberLines } from "../../scripts/house/numbers.ts";
import { RULES } from "../../scripts/house/rules.ts";
import { describeFinding, type TextFile } from "../../scripts/house/tree.ts";
import { ENV_NAMES } from "../../src/config/settings.ts";

/** A document with empty places for its generated parts, as the code fills them. */
function generated(path: string, ...names: string[]): string {
  const places = names.map((name) => `<!-- generated:${name} -->\n<!-- end -->\n`);
  return renderDocument(path, places.join(""), "");
}

const SETTINGS_DOCUMENT = generated(
  "docs/settings.md",
  "settings",
  "http_settings",
  "command_settings",
);
const ACCESS_DOCUMENT = generated("docs/access.md", "access_fields");
const FIGURES_DOCUMENT = generated("docs/figures.md", "figures", "peers");
const TOOLS_DOCUMENT = generated("docs/tools.md", "tools");

type Tree = Readonly<Record<string, string>>;

function files(tree: Tree): TextFile[] {
  return Object.entries(tree).map(([path, text]) => ({ path, text }));
}

/** Per rule: a tree that breaks it with what it then says, and a tree that does not. */
const examples: readonly [rule: string, bad: Tree, complaint: RegExp, good: Tree][] = [
  [
    "imports point one way",
    { "src/core/a.ts": 'import { b } from "../api/b.ts";' },
    /a\.ts:1 may not import src\/api\/b\.ts/,
    { "src/api/b.ts": 'import { a } from "../core/a.ts";' },
  ],
  [
    "imports point one way",
    { "src/config/a.ts": 'export type { B } from "../http/b.ts";' },
    /may not import src\/http\/b\.ts/,
    { "src/main.ts": 'await import("./commands/serve.ts");' },
  ],
  [
    "imports point one way",
    { "src/simulator/a.ts": 'import { b } from "../core/b.ts";' },
    /may not import src\/core\/b\.ts/,
    { "src/commands/a.ts": 'import { b } from "../simulator/mod.ts";' },
  ],
  [
    "imports point one way",
    { "src/commands/a.ts": 'import { b } from "../simulator/habits.ts";' },
    /may not import src\/simulator\/habits\.ts/,
    { "src/simulator/a.ts": 'import { b } from "./routes/b.ts";' },
  ],
  [
    "imports point one way",
    { "src/http/a.ts": 'import { b } from "../simulator/mod.ts";' },
    /may not import src\/simulator/,
    { "src/mod.ts": 'export { b } from "./simulator/mod.ts";' },
  ],
  [
    "imports point one way",
    { "src/mod.ts": 'export { serve } from "./commands/serve.ts";' },
    /may not import src\/commands/,
    { "src/commands/version.ts": 'import manifest from "../../deno.json";' },
  ],
  [
    "imports point one way",
    { "src/core/a.ts": 'import { b } from "../../tests/b.ts";' },
    /may not import tests\/b\.ts/,
    { "src/core/a.ts": 'import * as z from "zod";' },
  ],
  [
    "the simulator is used by its entry",
    { "tests/fault/a_test.ts": 'import { b } from "../../src/simulator/habits.ts";' },
    /a_test\.ts:1 may not import src\/simulator\/habits\.ts: import src\/simulator\/mod\.ts/,
    {
      "tests/fault/a_test.ts": 'import { b } from "../../src/simulator/mod.ts";',
      "tests/unit/simulator/a_test.ts": 'import { b } from "../../../src/simulator/b.ts";',
    },
  ],
  [
    "no import cycles",
    {
      "src/core/a.ts": 'import "./b.ts";',
      "src/core/b.ts": 'export * from "./c.ts";',
      "src/core/c.ts": 'await import("./a.ts");',
    },
    /src\/core\/a\.ts → src\/core\/b\.ts → src\/core\/c\.ts → src\/core\/a\.ts/,
    {
      "src/core/a.ts": 'import "./b.ts"; import "./c.ts";',
      "src/core/b.ts": 'import "./c.ts"; import "../api/d.ts";',
      "src/core/c.ts": "",
      // Points the wrong way, which is the complaint of another rule.
      "src/api/d.ts": 'import "../core/a.ts";',
    },
  ],
  [
    "source files are used",
    { "src/tools/a.ts": "", "src/main.ts": "" },
    /src\/tools\/a\.ts is imported by no file of src: add the tool to a set in src\/tools\/registry/,
    { "src/core/a.ts": "", "src/main.ts": 'await import("./core/a.ts");' },
  ],
  [
    "runtimes stay in their room",
    { "src/commands/a.ts": "export const a = Deno.env;" },
    /a\.ts:1 names Deno outside/,
    { "src/runtime/deno.ts": "export const a = Deno.env;", "src/core/a.ts": "// Deno.env" },
  ],
  [
    "runtimes stay in their room",
    { "src/main.ts": "export type A = Deno.Addr;" },
    /names Deno/,
    { "src/runtime/deno_listener.ts": "export type A = Deno.Addr;" },
  ],
  [
    "runtimes stay in their room",
    { "src/commands/a.ts": 'await import("node:net");' },
    /names node:net outside/,
    { "src/runtime/a.ts": 'import "node:fs";', "src/core/a.ts": 'import "node:buffer";' },
  ],
  [
    "runtimes stay in their room",
    { "src/core/a.ts": "process.exit();" },
    /names process outside/,
    { "src/runtime/node.ts": "process.exit();", "src/core/a.ts": "// process.exit()" },
  ],
  [
    "runtimes stay in their room",
    { "src/core/a.ts": "process.getBuiltinModule(name);" },
    /names process outside/,
    { "src/core/a.ts": 'process.getBuiltinModule("node:crypto").createHash;' },
  ],
  [
    "runtimes stay in their room",
    { "src/runtime/deno.ts": 'import "undici";' },
    /names "undici" outside/,
    { "src/runtime/node_client.ts": 'import "undici";' },
  ],
  [
    "runtimes stay in their room",
    { "src/api/http.ts": 'import "undici/lib/core/connect.js";' },
    /names "undici\/lib\/core\/connect\.js" outside/,
    { "src/runtime/node_a.ts": 'import "undici/lib/core/connect.js";' },
  ],
  [
    "Node 20 has what is used",
    { "src/simulator/a.ts": "\nconst groups = Map.groupBy(ids, keyOf);" },
    /a\.ts:2 uses Map\.groupBy, which Node 20 lacks/,
    {
      "src/simulator/a.ts": "const groups = Map.groupBy(ids, keyOf);\nids.groupBy(keyOf);",
      "src/runtime/node_polyfills.ts": 'supply(Map, "groupBy", groupBy);',
    },
  ],
  [
    "Node 20 has what is used",
    { "src/core/a.ts": "const some = held.values().filter(isIdle);" },
    /uses filter, which Node 20 lacks/,
    {
      "src/core/a.ts": "const some = [...held.values()].filter(isIdle);",
      "src/runtime/deno_a.ts": "const some = held.values().filter(isIdle);",
    },
  ],
  [
    "stdout carries the protocol only",
    { "src/commands/a.ts": "Deno.stdout.writeSync(bytes);" },
    /writes to stdout/,
    { "src/runtime/deno.ts": "Deno.stdout.writeSync(bytes);" },
  ],
  [
    "stdout carries the protocol only",
    { "src/stdio.ts": "process.stdout.write(text);" },
    /writes to stdout/,
    { "src/stdio.ts": "output.write(text);" },
  ],
  [
    "stdout carries the protocol only",
    { "src/api/a.ts": 'console.error("oh");' },
    /uses console/,
    { "src/api/a.ts": 'log.error("oh"); // not console.error' },
  ],
  [
    "an exported name has one home",
    {
      "src/core/a.ts": "export interface Clock {}",
      "src/api/b.ts": "export class Clock {}",
    },
    /exports Clock, as src\/.* does/,
    {
      "src/core/a.ts": "export function f(x: 1): 1;\nexport function f(x: 2): 2;",
      "src/api/b.ts": 'function f() {}\nexport { f } from "../core/a.ts";',
    },
  ],
  [
    "no any",
    { "tests/a_test.ts": "\nconst a: any = 1;" },
    /a_test\.ts:2 uses any/,
    { "tests/a_test.ts": 'const any = "any";' },
  ],
  [
    "zod without its translations",
    { "src/a.ts": '\nimport { z } from "zod";' },
    /a\.ts:2 imports zod otherwise/,
    { "src/a.ts": 'import * as z from "zod";', "tests/a.ts": 'import { z } from "zod";' },
  ],
  [
    "zod without its translations",
    { "src/a.ts": 'import z from "zod";' },
    /otherwise than with \* as z/,
    { "src/a.ts": 'import type * as z from "zod";\nimport { b } from "./zod.ts";' },
  ],
  [
    "properties are seeded",
    { "tests/a_test.ts": '\nimport fc from "fast-check";' },
    /a_test\.ts:2 imports fast-check: import fc from tests\/helpers\/fuzz\.ts/,
    { "tests/helpers/fuzz.ts": 'import fc from "fast-check";' },
  ],
  [
    "tests mirror the source",
    {
      "src/core/a.ts": "export function a() {}",
      "tests/unit/core/b_test.ts": "",
      "src/core/b.ts": "",
    },
    /src\/core\/a\.ts has no test of its name: write tests\/unit\/core\/a_test\.ts/,
    { "src/core/a.ts": "export const A = 1;", "tests/unit/core/a_test.ts": "" },
  ],
  [
    "tests mirror the source",
    { "tests/unit/core/a_b_test.ts": "", "src/core/b.ts": "" },
    /core\/a_b_test\.ts is named after no file of src/,
    {
      "src/core/a.ts": 'export interface A {}\nexport { b } from "./b.ts";',
      "tests/unit/core/a_b_test.ts": "",
    },
  ],
  [
    "commands load little",
    {
      "src/commands/run.ts": 'import { a } from "../config/a.ts";',
      "src/config/a.ts": '\nimport { b } from "../session/b.ts";',
    },
    /src\/config\/a\.ts:2 makes every command load src\/session\/b\.ts: import it as types/,
    {
      "src/commands/run.ts":
        'import type { A } from "../config/a.ts";\nawait import("../commands/b.ts");',
      "src/config/a.ts": 'import { b } from "../session/b.ts";',
      "src/commands/b.ts": 'export { c } from "../tools/c.ts";',
    },
  ],
  [
    "commands load little",
    { "src/commands/run.ts": 'export * from "../api/a.ts";' },
    /run\.ts:1 makes every command load src\/api\/a\.ts/,
    { "src/commands/run.ts": 'export type { A } from "../api/a.ts";' },
  ],
  [
    "commands load little",
    {
      "src/commands/run.ts": 'import { a } from "../core/a.ts";',
      "src/core/a.ts": '\nimport { createHash } from "node:crypto";',
    },
    /src\/core\/a\.ts:2 makes every command load node:crypto/,
    {
      "src/commands/run.ts": 'import { a } from "../core/a.ts";',
      "src/core/a.ts": 'import type { Socket } from "node:net";\nawait import("node:crypto");',
    },
  ],
  [
    "commands load little",
    {
      "src/commands/serve/serve.ts": 'import { a } from "../../mcp/a.ts";',
      "src/mcp/a.ts": 'import { b } from "../tools/b.ts";',
    },
    /src\/mcp\/a\.ts:1 makes a host that waits for the response to initialize load src\/tools\/b\.ts/,
    {
      "src/commands/serve/serve.ts": 'import { a } from "../../mcp/a.ts";',
      "src/mcp/a.ts": 'import { b } from "../api/read.ts";\nawait import("./server.ts");',
    },
  ],
  [
    "commands load little",
    {
      "src/commands/serve/http.ts": 'import "../../http/a.ts";',
      "src/http/a.ts": 'import { b } from "../access/access_token_verifier.ts";',
    },
    /src\/http\/a\.ts:1 makes a server without OAuth load src\/access\/access_token_verifier\.ts/,
    {
      "src/commands/serve/http.ts": 'await import("../../access/access_token_verifier.ts");',
      "src/commands/serve/other.ts": 'import "../../access/issuer_keys.ts";',
    },
  ],
  [
    "unit tests start no program",
    { "tests/unit/a_test.ts": "new Deno.Command(name);" },
    /a_test\.ts starts a program: move/,
    { "tests/e2e/a_test.ts": "new Deno.Command(name);" },
  ],
  [
    "unit tests start no program",
    {
      "tests/unit/core/a_test.ts": 'import "../../helpers/b.ts";',
      "tests/helpers/b.ts": 'import "./c.ts";',
      "tests/helpers/c.ts": "new Deno.Command(name);",
    },
    /tests\/unit\/core\/a_test\.ts starts a program by tests\/helpers\/c\.ts/,
    {
      "tests/unit/core/a_test.ts": 'import "../../helpers/b.ts";',
      "tests/helpers/b.ts": "",
      "tests/e2e/c.ts": "new Deno.Command(name);",
    },
  ],
  [
    "exports are documented",
    { "src/mod.ts": 'export { a } from "./a.ts";', "src/a.ts": "export const a = 1;" },
    /src\/a\.ts:1 exports a without/,
    { "src/mod.ts": 'export { a } from "./a.ts";', "src/a.ts": "/** A. */ export const a = 1;" },
  ],
  [
    "exports are documented",
    { "src/mod.ts": 'export * from "./a.ts";', "src/a.ts": "/** A. */ export const a = 1;" },
    /wildcard/,
    {
      "src/mod.ts": 'export { type A as B } from "./a.ts";',
      "src/a.ts": "/** A. */ export interface A {}",
    },
  ],
  [
    "exports are documented",
    { "src/mod.ts": 'export { b } from "./a.ts";', "src/a.ts": "/** A. */ export const a = 1;" },
    /does not declare b/,
    { "src/mod.ts": "" },
  ],
  [
    "exports are documented",
    { "src/mod.ts": "", "src/simulator/mod.ts": 'export * from "./a.ts";' },
    /src\/simulator\/mod\.ts:1 exports a wildcard/,
    {
      "src/mod.ts": 'export { a } from "./simulator/mod.ts";',
      "src/simulator/mod.ts": 'export { a } from "./a.ts";',
      "src/simulator/a.ts": "/** A. */ export const a = 1;",
    },
  ],
  [
    "exports are documented",
    {
      "src/mod.ts": 'export { b } from "./simulator/mod.ts";',
      "src/simulator/mod.ts": 'export { a } from "./a.ts";',
      "src/simulator/a.ts": "/** A. */ export const a = 1;",
    },
    /src\/simulator\/mod\.ts does not export b/,
    { "src/mod.ts": "" },
  ],
  [
    "tests are on",
    { "tests/a_test.ts": `Deno.test.${"only"}(name, run);` },
    /switches tests off with only/,
    { "tests/a_test.ts": "Deno.test(name, run);" },
  ],
  [
    "tests are on",
    { "tests/a_test.ts": `Deno.test({ name, ignore: ${true}, fn });` },
    /switches tests off with ignore/,
    { "tests/a_test.ts": "Deno.test({ name, ignore: !available, fn });" },
  ],
  [
    "tests are found",
    { "tests/a.ts": "Deno.test(name, run);" },
    /does not end in _test\.ts/,
    { "tests/a_test.ts": "Deno.test(name, run);" },
  ],
  [
    "no facts of one machine",
    { "README.md": `see ${"/home"}/someone/notes` },
    /only one machine knows/,
    { "README.md": "see /path/to/notes or /home/you/notes", "deno.lock": `${"/home"}/someone` },
  ],
  [
    "no facts of one machine",
    { Dockerfile: `RUN curl https://${"registry"}.npmjs.org/zod` },
    /only one machine knows/,
    { Dockerfile: "RUN npm install zod" },
  ],
  [
    "no secrets",
    { "tests/a.ts": `"sk-ant-api03-${"x".repeat(80)}"` },
    /real credential/,
    { "tests/a.ts": '"sk-ant-api03-example"' },
  ],
  [
    "nothing unfinished",
    { "src/a.ts": `// ${"TO" + "DO"}: more` },
    /a\.ts:1 says 'TO.O': finish/,
    { "src/a.ts": "const todos = [];" },
  ],
  [
    "documents name files that are there",
    { "README.md": "[How](docs/how.md): `deno test tests/a_test.ts`", "tests/a_test.ts": "" },
    /README\.md:1 names docs\/how\.md, which is not there/,
    {
      "README.md": "`b.ts`, `src/*/b.ts`, `src/<room>/c.ts`, /path/to/d.ts, https://e.test/f.sh",
      "src/a/b.ts": "",
    },
  ],
  [
    "top level as agreed",
    { "notes.md": "", "src/a.ts": "" },
    /notes\.md does not belong/,
    { ".gitignore": "", "src/a.ts": "", "README.md": "" },
  ],
  [
    "permissions match settings",
    { "deno.json": '{"permissions": {"serve": {"env": ["PORT", "HOME", "SHELL"]}}}' },
    /deno\.json permissions\.serve\.env is not .*: add "CMA_MCP_HTTP", .*, "HOST", .*, take out "SHELL"$/,
    {},
  ],
  [
    "permissions match settings",
    {
      "deno.json": JSON.stringify({
        permissions: { serve: { env: [...ENV_NAMES].reverse() } },
      }),
    },
    /deno\.json permissions\.serve\.env is not .*: give it this order: "CMA_MCP_HTTP", "CMA_MCP_SIMULATE", "PORT", "HOST", /,
    { "deno.json": JSON.stringify({ permissions: { serve: { env: ENV_NAMES } } }) },
  ],
  [
    "settings are used",
    { "src/tools/a.ts": "maxWaits", "src/config/a.ts": "maxCalls, drainSeconds" },
    /src\/config\/settings\.ts has settings that nothing takes: .*port, (?!.*(maxWaits|drainSeconds)).*maxCalls, .*: name/,
    {},
  ],
  [
    "settings are used",
    { "src/http/a.ts": "// port\nlistenAddress" },
    /settings that nothing takes: .*simulate, port, allowedHosts, /,
    {},
  ],
  [
    "links lead somewhere",
    { "docs/a.md": "See [b](b.md#a-part), `[c](c.md)` and https://e.test/d.md.", "docs/b.md": "" },
    /docs\/a\.md:1 links to #a-part, which docs\/b\.md does not have: write/,
    {
      "docs/a.md": "[b](b.md#the-cma-mcp-part-1), [c](../src), [d](#e-)\n# E?-\n" +
        '<img src="b.svg#still">\n```md\n[f](f.md)\n```\n',
      "docs/b.md": "## The `cma-mcp` part\n## The cma-mcp part\n",
      "docs/b.svg": "",
      "src/c.ts": "",
    },
  ],
  [
    "links lead somewhere",
    { "README.md": "See [there][a].\n\n[a]: docs/a.md#nowhere\n", "docs/a.md": "# A\n" },
    /README\.md:3 links to #nowhere, which docs\/a\.md does not have/,
    { "README.md": "[a]: docs/a.md#a\n", "docs/a.md": "# A\n" },
  ],
  [
    "links lead somewhere",
    { "README.md": '<picture><source srcset="docs/a.svg#still"></picture>' },
    /README\.md:1 links to docs\/a\.svg, which is not there/,
    { "README.md": "[a](https://a.test#b) [c](mailto:c@d.test)" },
  ],
  [
    "generated tables are current",
    {
      "README.md":
        "<!-- generated:npm -->\n<!-- end -->\n<!-- generated:buttons -->\n<!-- end -->\n<!-- generated:tools -->\n<!-- end -->\n",
      "docs/settings.md": SETTINGS_DOCUMENT,
      "docs/access.md": ACCESS_DOCUMENT,
      "docs/figures.md": FIGURES_DOCUMENT,
      "docs/tools.md": TOOLS_DOCUMENT,
    },
    /README\.md is out of date: run 'deno task docs'/,
    {
      "README.md": generated("README.md", "npm", "buttons", "tools"),
      "docs/settings.md": SETTINGS_DOCUMENT,
      "docs/access.md": ACCESS_DOCUMENT,
      "docs/figures.md": FIGURES_DOCUMENT,
      "docs/tools.md": TOOLS_DOCUMENT,
    },
  ],
];

function complaints(rule: string, tree: Tree): string[] {
  const check = RULES[rule];
  if (!check) throw new Error(`There is no rule '${rule}'`);
  return check(files(tree)).map(describeFinding);
}

for (const [index, [rule, bad, complaint, good]] of examples.entries()) {
  Deno.test(`'${rule}' complains about example ${index} and says where`, () => {
    const found = complaints(rule, bad);
    assertEquals(found.length, 1, found.join("\n"));
    assertMatch(found[0] ?? "", complaint);
  });
  if (Object.keys(good).length === 0) continue;
  Deno.test(`'${rule}' accepts the counterpart of example ${index}`, () => {
    assertEquals(complaints(rule, good), []);
  });
}

Deno.test("RULES has an example for every rule", () => {
  assertEquals(
    [...new Set(examples.map(([rule]) => rule))].sort(),
    Object.keys(RULES).sort(),
  );
});

Deno.test("codeLines() counts neither blank lines nor comments", () => {
  const text = "/**\n * Doc.\n */\nfunction a() {\n\n  // why\n  return `1\n2`; // end\n}\n";
  assertEquals(codeLines({ path: "a.ts", text }), 4);
});

Deno.test("functionLines() measures functions, methods and closures from first to last line", () => {
  const text = "class A {\n  run() {\n    return () => {\n      go();\n    };\n  }\n}\n";
  assertEquals(functionLines({ path: "a.ts", text }), [5, 3]);
});

Deno.test("numberLines() compares lines of code, not of comment", () => {
  const tree = files({ "src/a.ts": "a();\n// why\n", "tests/a_test.ts": "a();\nb();\n" });
  const [sizes, , lines] = numberLines(tree);
  assertEquals(sizes, "src: 1 files, median 2 lines, largest 2");
  assertEquals(lines, "src: 1 lines of code, and 0 of the simulator; tests: 2.00 per line of them");
});
