import { assert, assertEquals, assertThrows } from "@std/assert";
import { fc } from "../../helpers/fuzz.ts";
import { applyEdits, findNodeAtLocation, getNodeValue, type Node } from "jsonc-parser";
import {
  appendChild,
  JsonEditError,
  memberOf,
  parseObject,
  removeChild,
  setMember,
} from "../../../src/hosts/json_edit.ts";

function add(text: string, path: readonly string[], value: unknown, key?: string): string {
  const container = findNodeAtLocation(parseObject(text), [...path]) ?? parseObject(text);
  return applyEdits(text, appendChild(text, container, value, key));
}

function remove(text: string, path: readonly (string | number)[]): string {
  const node = findNodeAtLocation(parseObject(text), [...path]);
  assert(node?.parent);
  const child: Node = node.parent.type === "property" ? node.parent : node;
  assert(child.parent);
  return applyEdits(text, removeChild(text, child.parent, child));
}

const broken: readonly [string, string, RegExp][] = [
  ["no text", "", /^is empty$/],
  ["white space", " \r\n", /^is empty$/],
  ["only a byte order mark", "\uFEFF", /^is empty$/],
  [
    "an open brace",
    '{\n  "a": 1',
    /^is not valid JSON \(line 2, column 9: close brace expected\)$/,
  ],
  ["a missing comma", '{"a": 1 "b": 2}', /line 1, column 9: comma expected/],
  ["a missing colon", '{"a" 1}', /colon expected/],
  ["two values", '{"a": 1} {}', /^is not valid JSON/],
  ["a single quote", "{'a': 1}", /^is not valid JSON/],
  ["a merge conflict", '{\n<<<<<<< HEAD\n"a": 1\n}', /line 2, column 1/],
  ["an array", "[1]", /^does not hold a JSON object$/],
  ["a number", "1", /^does not hold a JSON object$/],
  ["only a comment", "// nothing", /^is not valid JSON/],
];
for (const [name, text, message] of broken) {
  Deno.test(`parseObject() refuses ${name}, and says what is wrong`, () => {
    const error = assertThrows(() => parseObject(text), JsonEditError);
    assert(message.test(error.message), error.message);
  });
}

const taken: readonly [string, string, RegExp | undefined][] = [
  ["comments and a trailing comma", '// a\n{ "m": {}, /* b */ }', undefined],
  ["a byte order mark", '\uFEFF{ "m": {} }', undefined],
  ["no such member", "{}", undefined],
  ["a member that is there twice", '{ "m": {}, "m": {} }', /^has "m" twice$/],
  ["a member of another type", '{ "m": [] }', /^has a "m" that is not an object$/],
  ["a member that is null", '{ "m": null }', /^has a "m" that is not an object$/],
];
for (const [name, text, message] of taken) {
  Deno.test(`memberOf() ${message ? "refuses" : "takes"} ${name}`, () => {
    const look = () => memberOf(parseObject(text), "m", "object");
    if (!message) return assertEquals(look()?.type, text.includes('"m"') ? "object" : undefined);
    const error = assertThrows(look, JsonEditError);
    assert(message.test(error.message), error.message);
  });
}

const additions: readonly [string, string, string][] = [
  ["into an empty object", "{}", '{\n  "k": 1\n}'],
  ["into an empty object with a blank", "{ }\n", '{\n  "k": 1\n}\n'],
  ["into an object that holds only a comment", "{\n  // none\n}", '{\n  // none\n  "k": 1\n}'],
  ["after a member", '{\n  "a": 1\n}', '{\n  "a": 1,\n  "k": 1\n}'],
  ["after a member on one line", '{ "a": 1 }', '{ "a": 1,\n  "k": 1\n}'],
  [
    "after a member with a comment, which stays with it",
    '{\n  "a": 1 // one\n}',
    '{\n  "a": 1, // one\n  "k": 1\n}',
  ],
  [
    "after comments at the end",
    '{\n  "a": 1\n  // the end  \n\n}',
    '{\n  "a": 1,\n  // the end  \n  "k": 1\n\n}',
  ],
  ["with a trailing comma where there was one", '{\n  "a": 1,\n}', '{\n  "a": 1,\n  "k": 1,\n}'],
  [
    "after a trailing comma behind a comment",
    '{\n  "a": 1 /* , */ ,\n}',
    '{\n  "a": 1 /* , */ ,\n  "k": 1,\n}',
  ],
  ["with tabs where there are tabs", '{\n\t"a": 1\n}', '{\n\t"a": 1,\n\t"k": 1\n}'],
  ["with four blanks where there are four", '{\n    "a": 1\n}', '{\n    "a": 1,\n    "k": 1\n}'],
  [
    "with CRLF where there is CRLF",
    '{\r\n  "a": 1\r\n}\r\n',
    '{\r\n  "a": 1,\r\n  "k": 1\r\n}\r\n',
  ],
  ["behind a byte order mark", '\uFEFF{\n  "a": 1\n}', '\uFEFF{\n  "a": 1,\n  "k": 1\n}'],
];
for (const [name, before, after] of additions) {
  Deno.test(`appendChild() adds a member ${name}`, () => {
    assertEquals(add(before, [], 1, "k"), after);
  });
}

Deno.test("appendChild() indents a value of several lines like what is around it", () => {
  const before = '{\r\n\t"m": {\r\n\t\t"a": {"x":1}\r\n\t}\r\n}';
  const after = add(before, ["m"], { command: "c", args: ["d"] }, "k");
  assertEquals(
    after,
    '{\r\n\t"m": {\r\n\t\t"a": {"x":1},\r\n\t\t"k": {\r\n\t\t\t"command": "c",\r\n' +
      '\t\t\t"args": [\r\n\t\t\t\t"d"\r\n\t\t\t]\r\n\t\t}\r\n\t}\r\n}',
  );
});

Deno.test("appendChild() adds an element to an array", () => {
  assertEquals(add('{"list": []}', ["list"], 1), '{"list": [\n  1\n]}');
  assertEquals(add('{\n  "l": [\n    1\n  ]\n}', ["l"], 2), '{\n  "l": [\n    1,\n    2\n  ]\n}');
});

Deno.test("setMember() replaces a value where it stands, and adds what is missing", () => {
  const text = '{\n  "a": /* old */ "x", // stays\n  "b": 2\n}';
  const replaced = applyEdits(text, setMember(text, parseObject(text), "a", ["y"]));
  assertEquals(replaced, '{\n  "a": /* old */ [\n    "y"\n  ], // stays\n  "b": 2\n}');
  const added = applyEdits(text, setMember(text, parseObject(text), "c", 3));
  assertEquals(added, '{\n  "a": /* old */ "x", // stays\n  "b": 2,\n  "c": 3\n}');
});

const removals: readonly [string, string, string][] = [
  ["the only one", '{\n  "k": 1\n}', "{}"],
  ["the only one, with a trailing comma", '{\n  "k": 1,\n}', "{}"],
  ["the only one beside a comment", '{\n  // why\n  "k": 1\n}', "{\n  // why\n}"],
  ["the last one", '{\n  "a": 1,\n  "k": 2\n}', '{\n  "a": 1\n}'],
  ["the last one with a trailing comma", '{\n  "a": 1,\n  "k": 2,\n}', '{\n  "a": 1,\n}'],
  ["the first one", '{\n  "k": 1,\n  "b": 2\n}', '{\n  "b": 2\n}'],
  ["one in the middle", '{\n  "a": 1,\n  "k": 2,\n  "b": 3\n}', '{\n  "a": 1,\n  "b": 3\n}'],
  ["one among others on a line", '{"a": 1, "k": 2, "b": 3}', '{"a": 1,  "b": 3}'],
  ["the last one of a line", '{"a": 1, "k": 2}', '{"a": 1 }'],
  [
    "the last one, and no comment of the one before",
    '{\n  "a": 1, // one\n  "k": 2\n}',
    '{\n  "a": 1 // one\n}',
  ],
  [
    "one whose line goes on with a comment",
    '{\n  "a": 1,\n  "k": 2, // two\n  "b": 3\n}',
    '{\n  "a": 1,\n   // two\n  "b": 3\n}',
  ],
  [
    "one whose line goes on with another member, behind a comment of the line before",
    '{\n  "a": 1, // one\n  "k": 2, "b": 3\n}',
    '{\n  "a": 1, // one\n   "b": 3\n}',
  ],
  [
    "one whose comma stands on another line",
    '{\n  "a": 1\n  , "k": 2\n  , "b": 3\n}',
    '{\n  "a": 1\n  , \n   "b": 3\n}',
  ],
  ["one between CRLF", '{\r\n  "a": 1,\r\n  "k": 2\r\n}\r\n', '{\r\n  "a": 1\r\n}\r\n'],
  ["one of several lines", '{\n  "k": {\n    "x": []\n  },\n  "b": 1\n}', '{\n  "b": 1\n}'],
];
for (const [name, before, after] of removals) {
  Deno.test(`removeChild() takes out ${name}`, () => {
    assertEquals(remove(before, ["k"]), after);
    parseObject(after);
  });
}

Deno.test("removeChild() takes an element out of an array", () => {
  assertEquals(remove('{"l": [\n  1,\n  2\n]}', ["l", 1]), '{"l": [\n  1\n]}');
  assertEquals(remove('{"l": [1]}', ["l", 0]), '{"l": []}');
});

/** White space and comments as people put them between the parts of a file. */
const trivia = (eol: string) =>
  fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(" ", eol, `${eol}  `, `${eol}\t`, "") },
      fc.constantFrom(`// "note, {${eol}`, "/* ,} */", `/*${eol}*/`, `  //${eol}`),
    ),
    { maxLength: 3 },
  ).map((parts) => parts.join(""));

/** A file with an object of members; written by hand, so to speak. */
const handWritten = fc.constantFrom("\n", "\r\n").chain((eol) => {
  const gap = trivia(eol);
  const member = fc.tuple(gap, fc.jsonValue({ maxDepth: 2 }), gap, gap);
  return fc.tuple(
    fc.constantFrom("", "\uFEFF"),
    gap,
    fc.array(member, { maxLength: 4 }),
    fc.boolean(),
    gap,
    gap,
  ).map(([mark, before, members, trailing, inside, after]) => {
    const body = members.map(([space, value, mid, tail], index) =>
      `${space}"m${index}"${mid}: ${JSON.stringify(value)}${tail}`
    ).join(",");
    const comma = trailing && members.length > 0 ? "," : "";
    return { text: `${mark}${before}{${body}${comma}${inside}}${after}`, size: members.length };
  });
});

function valueOf(text: string): Record<string, unknown> {
  // As plain objects, which the parser's are not.
  return JSON.parse(JSON.stringify(getNodeValue(parseObject(text))));
}

/** The words of all comments, in order, however they are spaced. */
function commentsOf(text: string): string[] {
  return [...text.matchAll(/"(?:[^"\\\n]|\\.)*"|\/\/[^\r\n]*|\/\*[\s\S]*?\*\//g)]
    .map(([found]) => found.trim()).filter((found) => found.startsWith("/"));
}

const RUNS = { numRuns: 400 };

Deno.test("appendChild() changes nothing else in any hand-written JSON", () => {
  fc.assert(
    fc.property(handWritten, fc.jsonValue({ maxDepth: 2 }), ({ text }, value) => {
      const after = add(text, [], value, "k");
      assertEquals(valueOf(after), { ...valueOf(text), k: JSON.parse(JSON.stringify(value)) });
      assertEquals(commentsOf(after), commentsOf(text));
      assertEquals(after.startsWith("\uFEFF"), text.startsWith("\uFEFF"));
      // Whatever is gone was white space before the closing brace.
      const root = parseObject(text);
      for (const child of root.children ?? []) {
        assert(after.includes(text.slice(child.offset, child.offset + child.length)));
      }
    }),
    RUNS,
  );
});

Deno.test("removeChild() removes one member, and no comment, from any hand-written JSON", () => {
  fc.assert(
    fc.property(handWritten.filter(({ size }) => size > 0), fc.nat(), ({ text, size }, seed) => {
      const key = `m${seed % size}`;
      const after = remove(text, [key]);
      const { [key]: gone, ...rest } = valueOf(text);
      assert(gone !== undefined);
      assertEquals(valueOf(after), rest);
      const child = findNodeAtLocation(parseObject(text), [key])?.parent;
      assert(child);
      // A comment between the name and the value goes with them.
      const inside = commentsOf(text.slice(child.offset, child.offset + child.length));
      const outside = commentsOf(text);
      assertEquals(commentsOf(after).length, outside.length - inside.length);
    }),
    RUNS,
  );
});

Deno.test("removeChild() undoes appendChild() except for the place of a comma", () => {
  fc.assert(
    fc.property(handWritten, ({ text }) => {
      const after = remove(add(text, [], { a: [1] }, "k"), ["k"]);
      assertEquals(valueOf(after), valueOf(text));
      assertEquals(after.replace(/[\s,]/g, ""), text.replace(/[\s,]/g, ""));
    }),
    RUNS,
  );
});
