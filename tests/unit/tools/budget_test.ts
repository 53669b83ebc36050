import { assert, assertEquals } from "@std/assert";
import { MAX_RESULT_CHARS } from "../../../src/core/text.ts";
import { fitBudget, takeWithinBudget } from "../../../src/tools/budget.ts";

Deno.test("takeWithinBudget() takes what fits", () => {
  assertEquals(takeWithinBudget(["ab", "cd", "ef"], 10), { taken: ["ab", "cd"], cut: true });
  assertEquals(takeWithinBudget(["ab", "cd"], 10), { taken: ["ab", "cd"], cut: false });
  assertEquals(takeWithinBudget([], 0), { taken: [], cut: false });
});

Deno.test("takeWithinBudget() takes one item even when it is too long", () => {
  assertEquals(takeWithinBudget(["x".repeat(50), "y"], 10).taken.length, 1);
});

Deno.test("fitBudget() leaves alone what fits", () => {
  const value = { a: "x".repeat(100) };
  assert(fitBudget(value).value === value);
});

const TOO_LONG: readonly [string, Record<string, unknown>][] = [
  ["one long text", { id: "agent_1", text: "x".repeat(100_000) }],
  ["many texts", { id: "agent_1", list: Array.from({ length: 100 }, () => "y".repeat(5_000)) }],
  ["a deep text", { id: "agent_1", a: { b: [{ c: "z".repeat(200_000) }] } }],
  ["many items", { id: "agent_1", list: Array.from({ length: 50_000 }, (_, i) => ({ i })) }],
  [
    "many fields",
    {
      id: "agent_1",
      map: Object.fromEntries(Array.from({ length: 9_000 }, (_, i) => [`k${i}`, "value"])),
    },
  ],
];

for (const [name, value] of TOO_LONG) {
  Deno.test(`fitBudget() shortens ${name} and keeps ids and types`, () => {
    const fitted = fitBudget(value);
    assertEquals(fitted.cut, true);
    assertEquals(fitted.value.id, "agent_1");
    assertEquals(Object.keys(fitted.value), Object.keys(value));
    for (const [key, field] of Object.entries(value)) {
      assertEquals(Array.isArray(fitted.value[key]), Array.isArray(field));
    }
    const size = JSON.stringify(fitted.value).length;
    assert(size <= MAX_RESULT_CHARS && size > 100, `${size} characters`);
  });
}
