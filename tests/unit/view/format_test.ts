import { assertEquals } from "@std/assert";
import { formatFor } from "../../../src/view/format.ts";

/** The narrow and the plain no-break space of some locales as spaces. */
const plain = (text: string | undefined) => text?.replace(/[\u00a0\u202f]/g, " ");

Deno.test("times are those of the person's zone, in the person's way", () => {
  const iso = "2026-11-26T13:03:22Z";
  assertEquals(formatFor("de-DE", "Europe/Berlin").time(iso), "14:03:22");
  assertEquals(plain(formatFor("en-US", "America/New_York").time(iso)), "8:03:22 AM");
  assertEquals(plain(formatFor("en-GB", "UTC").dateTime(iso)), "26 Nov 2026, 13:03:22");
  assertEquals(formatFor("en-US").time("soon"), undefined);
  assertEquals(formatFor("en-US").dateTime(""), undefined);
});

Deno.test("a locale or a zone that nobody knows does no harm", () => {
  const format = formatFor("not a locale", "Mars/Olympus");
  assertEquals(format.duration(61), "1:01");
  assertEquals(typeof format.time("2026-11-26T13:03:22Z"), "string");
});

for (
  const [seconds, text] of [
    [0, "0:00"],
    [9.9, "0:09"],
    [61, "1:01"],
    [3_599, "59:59"],
    [3_723, "1:02:03"],
    [-5, "0:00"],
    [NaN, "0:00"],
  ] as const
) {
  Deno.test(`${seconds} seconds are ${text}`, () => {
    assertEquals(formatFor("en-US").duration(seconds), text);
  });
}

for (
  const [amount, text] of [
    [0, "$0.00"],
    [0.0042, "$0.0042"],
    [0.123, "$0.12"],
    [0.01, "$0.01"],
    [1_234.5, "$1,234.50"],
  ] as const
) {
  Deno.test(`${amount} dollars are ${text}`, () => {
    assertEquals(formatFor("en-US").dollars(amount), text);
  });
}

for (
  const [count, text] of [
    [0, "0 bytes"],
    [1, "1 byte"],
    [999, "999 bytes"],
    [1_000, "1 kB"],
    [48_213, "48.2 kB"],
    [999_999, "1,000 kB"],
    [12_345_678, "12.3 MB"],
    [5e15, "5,000 TB"],
  ] as const
) {
  Deno.test(`${count} bytes are ${text}`, () => {
    assertEquals(formatFor("en-US").bytes(count), text);
  });
}

Deno.test("money and sizes follow the locale", () => {
  const format = formatFor("de-DE");
  assertEquals(plain(format.dollars(1_234.5)), "1.234,50 $");
  assertEquals(plain(format.bytes(48_213)), "48,2 kB");
  assertEquals(format.number(12_345), "12.345");
});
