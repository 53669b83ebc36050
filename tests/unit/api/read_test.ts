import { assert, assertEquals } from "@std/assert";
import {
  boundedCopy,
  entriesOf,
  fieldsOf,
  instantMs,
  integerOf,
  MAX_ENTRIES,
  textOf,
} from "../../../src/api/read.ts";

Deno.test("fieldsOf() takes objects, and PHP's empty list for one", () => {
  assertEquals(fieldsOf({ a: 1 }), { a: 1 });
  assertEquals(fieldsOf([]), {});
  for (const other of [[1], null, undefined, "a", 7]) assertEquals(fieldsOf(other), undefined);
});

Deno.test("entriesOf() takes lists, nothing in every spelling, and a list as PHP writes some", () => {
  assertEquals(entriesOf([1, null]), [1, null]);
  for (const nothing of [undefined, null, [], {}]) assertEquals(entriesOf(nothing), []);
  assertEquals(entriesOf({ 0: "a", 2: "b" }), ["a", "b"]);
  for (const other of ["", "a", 7, true, { a: 1 }, { 0: 1, a: 1 }]) {
    assertEquals(entriesOf(other), undefined);
  }
  assertEquals(entriesOf(new Array(MAX_ENTRIES + 5).fill(0))?.length, MAX_ENTRIES);
});

Deno.test("integerOf() takes integers, also in quotes", () => {
  assertEquals([3, "3", -1, "-1", 0].map(integerOf), [3, 3, -1, -1, 0]);
  for (const other of [1.5, "1.5", "", "x", null, [], {}, true, 1e300, "9".repeat(40)]) {
    assertEquals(integerOf(other), undefined);
  }
});

Deno.test("textOf() takes texts that are not empty", () => {
  assertEquals(textOf("a"), "a");
  for (const other of ["", null, undefined, 7, [], {}]) assertEquals(textOf(other), undefined);
});

Deno.test("instantMs() keeps microseconds and gives up on what is no time", () => {
  const one = instantMs("2026-11-23T09:00:00.000001Z") ?? 0;
  const two = instantMs("2026-11-23T09:00:00.000002Z") ?? 0;
  assert(two > one);
  assertEquals(instantMs("2026-11-23T09:00:00Z"), Date.parse("2026-11-23T09:00:00Z"));
  assertEquals(instantMs("yesterday"), undefined);
});

Deno.test("instantMs() reads a time without a zone as UTC, wherever it runs", () => {
  for (const time of ["2026-11-23T09:00:00", "2026-11-23 09:00:00", "2026-11-23 09:00"]) {
    assertEquals(instantMs(time), Date.UTC(2026, 10, 23, 9));
  }
  assertEquals(instantMs("2026-11-23 09:00:00.5"), Date.UTC(2026, 10, 23, 9, 0, 0, 500));
});

Deno.test("boundedCopy() of anything can be written as JSON, within its bound", () => {
  let deep: unknown = "end";
  for (let level = 0; level < 200_000; level++) deep = level % 2 ? [deep] : { a: deep };
  assert(JSON.stringify(boundedCopy(deep)).length < 500);
  assert(JSON.stringify(boundedCopy(new Array(1_000_000).fill(0))).length < 50_000);
  const honest = { a: [1, "b", null, { c: true }], __proto__: undefined, d: {} };
  assertEquals(boundedCopy(honest), JSON.parse(JSON.stringify(honest)));
  const own = JSON.parse('{"__proto__": {"polluted": true}}');
  assertEquals(JSON.stringify(boundedCopy(own)), '{"__proto__":{"polluted":true}}');
});
