import { assertEquals } from "@std/assert";
import { isTimeThatThereIs } from "../../../src/core/dates.ts";

const TIMES: readonly (readonly [text: string, is: boolean])[] = [
  ["2026-11-26T09:00:00Z", true],
  ["2028-02-29T23:59:59.123456+14:00", true],
  ["2026-02-29T00:00:00Z", false],
  ["2026-02-30T00:00:00Z", false],
  ["2026-04-31T00:00:00-02:00", false],
  ["2026-13-01T00:00:00Z", false],
  ["2026-00-10T00:00:00Z", false],
  ["2026-11-26T25:00:00Z", false],
  ["2026-11-26T09:61:00Z", false],
];

for (const [text, is] of TIMES) {
  Deno.test(`${text} is ${is ? "a" : "no"} time that there is`, () => {
    assertEquals(isTimeThatThereIs(text), is);
  });
}
