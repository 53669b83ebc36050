import { assert, assertEquals } from "@std/assert";
import { fc, fuzzRuns } from "../../helpers/fuzz.ts";
import { head, jsonLength, jsonTail } from "../../../src/session/json_text.ts";

const TAILS: readonly [string, string, number, string][] = [
  ["plain text", "abcdef", 3, "def"],
  ["a text that fits", "abc", 10, "abc"],
  ["no room", "abc", 0, ""],
  ["line breaks and quotes", 'a\n"b', 3, '"b'],
  ["control characters", "\u0000\u0001", 11, "\u0001"],
  ["a character of two units that fits", "a😀", 2, "😀"],
  ["a character of two units that does not", "a😀", 1, ""],
  ["half a character", "a\ud800", 6, "\ud800"],
];

for (const [name, text, room, expected] of TAILS) {
  Deno.test(`jsonTail() measures ${name}`, () => assertEquals(jsonTail(text, room), expected));
}

Deno.test("jsonTail() is the longest end that fits", () => {
  const units = fc.string({ unit: "binary", maxLength: 30 });
  const halves = fc.constantFrom("\ud83d", "\ude00", "\n", "\u0007");
  const text = fc.array(fc.oneof(units, halves), { maxLength: 8 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, fc.nat(60), (whole, room) => {
      const tail = jsonTail(whole, room);
      assert(whole.endsWith(tail));
      assert(jsonLength(tail) - 2 <= room);
      if (tail === whole) return;
      const longer = [1, 2].map((more) => whole.slice(-(tail.length + more)));
      assert(longer.some((text) => jsonLength(text) - 2 > room));
    }),
    fuzzRuns(500),
  );
});

const HEADS: readonly [string, number, string][] = [
  ["abc", 3, "abc"],
  ["abc", 2, "ab"],
  ["a😀b", 2, "a"],
  ["a😀b", 3, "a😀"],
];

for (const [text, maxChars, expected] of HEADS) {
  Deno.test(`head() of ${text} at ${maxChars} is ${expected}`, () => {
    assertEquals(head(text, maxChars), expected);
  });
}

Deno.test("jsonLength() counts what JSON leaves out as nothing", () => {
  assertEquals([jsonLength({ a: "b" }), jsonLength(undefined)], [9, 0]);
});
