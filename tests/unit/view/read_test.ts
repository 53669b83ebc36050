import { assertEquals } from "@std/assert";
import { isJsonObject, readCount, readList, readWord, textWithin } from "../../../src/view/read.ts";

Deno.test("a text is bounded, and anything else is none", () => {
  assertEquals(textWithin("abc"), "abc");
  assertEquals(textWithin("abc", 2), "ab");
  // A surrogate pair is not split.
  assertEquals(textWithin("a😀", 2), "a");
  for (const value of ["", undefined, null, 1, {}, ["a"]]) {
    assertEquals(textWithin(value), undefined);
  }
});

Deno.test("a number that counts nothing is none", () => {
  assertEquals(readCount(0), 0);
  assertEquals(readCount(1.5), 1.5);
  for (const value of [-1, NaN, Infinity, "1", null]) assertEquals(readCount(value), undefined);
});

Deno.test("only the words that are known are read", () => {
  assertEquals(readWord("b", ["a", "b"]), "b");
  assertEquals(readWord("c", ["a", "b"]), undefined);
  assertEquals(readWord("toString", []), undefined);
});

Deno.test("of a list the last entries are read, and those that cannot be are left out", () => {
  const read = (value: unknown) => textWithin(value);
  assertEquals(readList(["a", 1, "b", "c"], 3, read), ["b", "c"]);
  assertEquals(readList({ 0: "a" }, 3, read), []);
  assertEquals(readList(undefined, 3, read), []);
});

Deno.test("a list has no fields", () => {
  assertEquals([{}, [], null, "a", undefined].map(isJsonObject), [
    true,
    false,
    false,
    false,
    false,
  ]);
});
