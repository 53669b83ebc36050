import { assertEquals, assertMatch } from "@std/assert";
import { createIds, createMicros, formatMicros, parseMicros } from "../../../src/simulator/ids.ts";

const NINE = Date.parse("2026-11-23T09:00:00.000Z");

Deno.test("createIds() gives a prefix and 26 characters of Crockford's alphabet", () => {
  const makeId = createIds(() => NINE, 1);
  assertMatch(makeId("sevt"), /^sevt_[0-9A-HJKMNP-TV-Z]{26}$/);
  assertMatch(makeId("wrun"), /^wrun_/);
});

Deno.test("createIds() gives ids that sort as they were made, also when time stands or goes back", () => {
  let now = NINE;
  const makeId = createIds(() => now, 1);
  const ids: string[] = [];
  for (const step of [0, 0, 1, 5, -3, 0, 40_000]) {
    now += step;
    ids.push(makeId("sevt"));
  }
  assertEquals(ids.toSorted(), ids);
  assertEquals(new Set(ids).size, ids.length);
});

Deno.test("createIds() repeats itself with the same seed, not with another", () => {
  const first = createIds(() => NINE, 3);
  const again = createIds(() => NINE, 3);
  const other = createIds(() => NINE, 4);
  const id = first("req");
  assertEquals(again("req"), id);
  assertEquals(other("req") === id, false);
});

Deno.test("createIds() without a seed differs from one simulator to the next", () => {
  assertEquals(createIds(() => NINE)("req") === createIds(() => NINE)("req"), false);
});

Deno.test("createMicros() increases strictly within one millisecond and never falls back", () => {
  let now = NINE;
  const micros = createMicros(() => now);
  const first = micros();
  assertEquals(first, NINE * 1000);
  assertEquals(micros(), first + 1);
  now -= 10;
  assertEquals(micros(), first + 2);
  now += 20;
  assertEquals(micros(), (NINE + 10) * 1000);
});

Deno.test("formatMicros() writes RFC 3339 with six decimals", () => {
  assertEquals(formatMicros(NINE * 1000 + 123_456), "2026-11-23T09:00:00.123456Z");
  assertEquals(formatMicros(NINE * 1000), "2026-11-23T09:00:00.000000Z");
  assertEquals(formatMicros(NINE * 1000 + 7), "2026-11-23T09:00:00.000007Z");
});

for (
  const [text, expected] of [
    ["2026-11-23T09:00:00Z", NINE * 1000],
    ["2026-11-23T09:00:00.5Z", NINE * 1000 + 500_000],
    ["2026-11-23T09:00:00.123456Z", NINE * 1000 + 123_456],
    ["2026-11-23T09:00:00.123456789Z", NINE * 1000 + 123_456],
    ["2026-11-23T10:00:00+01:00", NINE * 1000],
    ["2026-11-23T09:00:00", undefined],
    ["2026-11-23", undefined],
    ["2026-13-40T09:00:00Z", undefined],
    ["yesterday", undefined],
    ["", undefined],
  ] as const
) {
  Deno.test(`parseMicros() reads "${text}" as ${expected}`, () => {
    assertEquals(parseMicros(text), expected);
  });
}

Deno.test("parseMicros() undoes formatMicros()", () => {
  for (const micros of [NINE * 1000, NINE * 1000 + 1, NINE * 1000 + 999_999]) {
    assertEquals(parseMicros(formatMicros(micros)), micros);
  }
});
