import { assert, assertEquals } from "@std/assert";
import { createRedact, redactValue } from "../../../src/core/redact.ts";
import { MAX_RESULT_CHARS } from "../../../src/core/text.ts";
import { fitBudget, takeWithinBudget } from "../../../src/tools/budget.ts";
import { LruMap } from "../../../src/core/lru.ts";

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

Deno.test("redactValue() hides secrets in keys, texts, lists and nested objects", () => {
  const redact = createRedact(["hunter2-secret"]);
  const result = redactValue({
    plain: "fine",
    text: "it is hunter2-secret!",
    list: ["hunter2-secret", 7, null, true],
    nested: { "hunter2-secret": { deep: "Bearer abcdefgh12345678" } },
    headers: { "x-api-key": "0123456789", authorization: "Bearer abcdefgh12345678" },
  }, redact);
  assertEquals(result, {
    plain: "fine",
    text: "it is [redacted]!",
    list: ["[redacted]", 7, null, true],
    nested: { "[redacted]": { deep: "Bearer abcdefgh12345678" } },
    headers: { "x-api-key": "[redacted]", authorization: "[redacted]" },
  });
});

Deno.test("redactValue() does not break a text that quotes a header", () => {
  const text = 'curl -H "authorization: abcdefgh\\"x" {"a":"b"}';
  const result = redactValue({ text }, createRedact([]).loose);
  assertEquals(JSON.parse(JSON.stringify(result)), result);
  assertEquals(result.text, 'curl -H "authorization: [redacted]\\"x" {"a":"b"}');
});

Deno.test("LruMap forgets what was not used for longest", () => {
  const map = new LruMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  assertEquals(map.get("a"), 1);
  map.set("c", 3);
  assertEquals([map.get("a"), map.get("b"), map.get("c"), map.size], [1, undefined, 3, 2]);
  map.set("a", 4);
  map.delete("c");
  assertEquals([map.get("a"), map.get("c"), map.size], [4, undefined, 1]);
});
