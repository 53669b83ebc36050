import { assert, assertEquals, assertThrows } from "@std/assert";
import { choice, integer, list, optionalInteger, toggle } from "../../../src/config/setting.ts";
import { UsageError } from "../../../src/core/errors.ts";

const row = { help: "Sets it", commands: ["serve"] } as const;

Deno.test("toggle() understands the usual spellings and nothing else", () => {
  const { parse, fallback } = toggle(row);
  assertEquals(["1", "true", "YES", "on"].map((text) => parse(text, "X")), Array(4).fill(true));
  assertEquals(["0", "false", "No", "off"].map((text) => parse(text, "X")), Array(4).fill(false));
  assertThrows(() => parse("maybe", "X"), UsageError, "'maybe' as X");
  assertEquals(fallback, false);
});

Deno.test("integer() takes whole numbers of its range only", () => {
  const { parse } = integer({ ...row, fallback: 5, min: 2, max: 10 });
  assertEquals([parse("2", "X"), parse("10", "X"), parse("007", "X")], [2, 10, 7]);
  for (const text of ["1", "11", "2.5", "1e1", "0x5", "-3", "five", "99999999999999999999"]) {
    assertThrows(() => parse(text, "X"), UsageError, "from 2 to 10");
  }
});

Deno.test("optionalInteger() is absent unless given, and keeps its range", () => {
  const { parse, fallback } = optionalInteger({ ...row, min: 0, max: 10 });
  assertEquals([fallback, parse("0", "X"), parse("10", "X")], [undefined, 0, 10]);
  assertThrows(() => parse("11", "X"), UsageError, "from 0 to 10");
});

Deno.test("choice() ignores case and lists what there is", () => {
  const { parse } = choice({ ...row, fallback: "text", choices: ["text", "json"] });
  assertEquals(parse("JSON", "X"), "json");
  assertThrows(() => parse("xml", "X"), UsageError, "one of text, json");
});

Deno.test("list() splits at commas and white space, checks each entry, keeps each once", () => {
  const check = (value: string) => {
    if (value === "bad") throw new UsageError("No bad ones");
    return value.toUpperCase();
  };
  const { parse } = list({ ...row, check });
  assertEquals(parse(" a,b\n c,,A ", "X"), ["A", "B", "C"]);
  assertThrows(() => parse("a bad", "X"), UsageError, "No bad ones");
  assertThrows(() => parse(" , ", "X"), UsageError, "X names nothing");
});

Deno.test("settings read no variable unless they name one", () => {
  assert(toggle(row).env.length === 0);
  assertEquals(toggle({ ...row, env: ["A", "B"] }).env, ["A", "B"]);
});
