import { assert, assertEquals } from "@std/assert";
import { findExcess, parseJson } from "../../../src/mcp/messages.ts";

const encoder = new TextEncoder();

function excessOf(value: unknown, maxDepth: number, maxValues = Infinity) {
  return findExcess(encoder.encode(JSON.stringify(value, null, 2)), maxDepth, maxValues);
}

const VALUES: readonly unknown[] = [
  ...[0, "[[[", ",,,", [], {}, [[]], { a: [{ b: "}" }] }, [{ "[": "\\" }, [[['"']]]], [[], []]],
  ...[[1, 2, 3], { a: 1, b: ",", c: { d: [4] } }, ["a,b", '\\",[', [[]]]],
];

Deno.test("findExcess() finds the depth that a parser finds, and accepts broken texts", () => {
  const depthOf = (value: unknown): number =>
    typeof value === "object" && value !== null
      ? 1 + Math.max(0, ...Object.values(value).map(depthOf))
      : 0;
  for (const value of VALUES) {
    const depth = depthOf(value);
    if (depth > 0) assertEquals(excessOf(value, depth - 1), "depth", JSON.stringify(value));
    assertEquals(excessOf(value, depth), undefined, JSON.stringify(value));
  }
  for (const text of ["", "]]]]", '"[[', "\\", '"\\']) {
    assertEquals(findExcess(encoder.encode(text), 1, 1), undefined, text);
  }
});

Deno.test("findExcess() never counts fewer values than there are, nor many more", () => {
  const countOf = (value: unknown): number =>
    typeof value === "object" && value !== null
      ? 1 + Object.values(value).map(countOf).reduce((sum, count) => sum + count, 0)
      : 1;
  for (const value of VALUES) {
    const count = countOf(value);
    if (count > 1) assertEquals(excessOf(value, 64, count - 1), "values", JSON.stringify(value));
    assertEquals(excessOf(value, 64, 2 * count), undefined, JSON.stringify(value));
  }
});

const manyKeys = `{${Array.from({ length: 300_000 }, (_, i) => `"k${i}":1`).join()}}`;
const floods: readonly [string, string][] = [
  ["300,000 keys", manyKeys],
  ["a million commas", `[${"1,".repeat(1_000_000)}1]`],
  ["100,000 objects", `[${"{},".repeat(100_000)}0]`],
  ["300,000 keys within arguments", `{"params":{"arguments":${manyKeys}}}`],
];
for (const [name, text] of floods) {
  Deno.test(`parseJson() does not parse ${name}`, () => {
    const parsed = parseJson(encoder.encode(text));
    assert("error" in parsed);
    assertEquals(parsed.error.code, -32_600);
  });
}

Deno.test("parseJson() reads the largest honest call, and a mark before it", () => {
  const escaped = JSON.stringify({ said: "x".repeat(100_000) }).replaceAll("x", "\\u2028");
  assertEquals(parseJson(encoder.encode(escaped)), { value: { said: "\u2028".repeat(100_000) } });
  assertEquals(parseJson(encoder.encode('\ufeff{"a":1}')), { value: { a: 1 } });
});
