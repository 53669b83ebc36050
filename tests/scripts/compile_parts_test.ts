import { assertEquals, assertThrows } from "@std/assert";
import { type Parts, renameParts, requireApart } from "../../scripts/compile/parts.ts";

const PROGRAM = new Map([["main.js", "program.mjs"]]);
const MAIN = new Map([["main.js", "main.mjs"]]);

/** A bundle of which the bundler's names carry a hash, and whose files were found in some order. */
function bundled(hash: (name: string) => string, reversed: boolean): Parts {
  const [shared, demo, help] = ["chunk", "demo", "help"].map((name) => `${name}-${hash(name)}.js`);
  const parts: [string, string][] = [
    [`${shared}`, "export{a};"],
    [`${demo}`, `import{a as b}from"./${shared}";b();`],
    ["main.js", `import{a}from"./${shared}";run(()=>import("./${help}"),()=>import("./${demo}"))`],
    [`${help}`, `import"./${shared}";print("see \\"./${demo}\\" or ./chunk.js")`],
  ];
  return new Map(reversed ? parts.reverse() : parts);
}

Deno.test("renameParts() numbers parts as they are first named, from the entry on", () => {
  const renamed = renameParts(bundled(() => "AAAAAAAA", false), PROGRAM);
  assertEquals([...renamed], [
    ["program.mjs", 'import{a}from"./1.mjs";run(()=>import("./2.mjs"),()=>import("./3.mjs"))'],
    ["1.mjs", "export{a};"],
    ["2.mjs", 'import"./1.mjs";print("see \\"./demo-AAAAAAAA.js\\" or ./chunk.js")'],
    ["3.mjs", 'import{a as b}from"./1.mjs";b();'],
  ]);
});

Deno.test("renameParts() gives the same for the same code, whatever the bundler called it", () => {
  const one = renameParts(bundled(() => "AAAAAAAA", false), PROGRAM);
  const other = renameParts(bundled((name) => `Z${name.length}`, true), PROGRAM);
  const code = (parts: Parts) => [...parts].filter(([name]) => name !== "2.mjs");
  assertEquals(code(one), code(other));
});

Deno.test("renameParts() leaves out what nothing imports, and what only looks like an import alone", () => {
  const parts = new Map([
    ["main.js", 'import"./a.js";open("./config.json")'],
    ["a.js", 'import("./main.js")'],
    ["unused.js", 'import"./a.js"'],
  ]);
  assertEquals([...renameParts(parts, MAIN)], [
    ["main.mjs", 'import"./1.mjs";open("./config.json")'],
    ["1.mjs", 'import("./main.mjs")'],
  ]);
});

Deno.test("renameParts() gives several entries their names, and numbers what they share", () => {
  const parts = new Map([
    ["b.js", 'import"./shared.js"'],
    ["a.js", 'import"./shared.js";import("./b.js")'],
    ["shared.js", "x"],
  ]);
  assertEquals([...renameParts(parts, new Map([["a.js", "a.mjs"], ["b.js", "b.mjs"]]))], [
    ["a.mjs", 'import"./1.mjs";import("./b.mjs")'],
    ["b.mjs", 'import"./1.mjs"'],
    ["1.mjs", "x"],
  ]);
});

Deno.test("renameParts() refuses a bundle without its entry", () => {
  assertThrows(
    () => renameParts(new Map([["a.js", ""]]), MAIN),
    Error,
    "no file main.js",
  );
});

const HELPERS = "var e=Object.defineProperty;" +
  'import{createRequire as __r} from "node:module";var m=__r(import.meta.url);' +
  "var n=1,o=2;export{m as a,n as b,o as c};";

Deno.test("requireApart() loads node:module only with the parts that call require", () => {
  const parts = requireApart(
    new Map([
      ["main.js", 'import{b as x}from"./chunk-H.js";x();'],
      ["chunk-H.js", HELPERS],
      ["chunk-1.js", 'import{x}from"./main.js";import{a as T,b as g}from"./chunk-H.js";T("y");'],
      ["chunk-2.js", 'import{a as T}from"./chunk-H.js";T("y");'],
    ]),
  );
  assertEquals(
    [...parts],
    [
      ["main.js", 'import{b as x}from"./chunk-H.js";x();'],
      ["chunk-H.js", "var e=Object.defineProperty;var n=1,o=2;export{n as b,o as c};"],
      [
        "chunk-1.js",
        'import{x}from"./main.js";import{a as T}from"./require-chunk-H.js";' +
        'import{b as g}from"./chunk-H.js";T("y");',
      ],
      ["chunk-2.js", 'import{a as T}from"./require-chunk-H.js";T("y");'],
      [
        "require-chunk-H.js",
        'import{createRequire as __r} from "node:module";var m=__r(import.meta.url);' +
        "export{m as a};\n",
      ],
    ],
  );
});

Deno.test("requireApart() leaves a bundle alone whose parts share no require", () => {
  for (const text of ["var n=1;export{n as a};", HELPERS.replace("m as a,", "")]) {
    const parts = new Map([["main.js", 'import{b as x}from"./h.js";'], ["h.js", text]]);
    assertEquals(requireApart(parts), parts);
  }
});
