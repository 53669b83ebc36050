import { assertEquals } from "@std/assert";
import { quantile, summarize } from "../../../scripts/load/summary.ts";

const cases: readonly [readonly number[], number, number][] = [
  [[], 0.5, 0],
  [[7], 0, 7],
  [[7], 1, 7],
  [[3, 1, 2], 0.5, 2],
  [[3, 1, 2], 0.34, 2],
  [[3, 1, 2], 0.33, 1],
  [[2, 1], 0.5, 1],
  [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 0.9, 9],
  [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 0.91, 10],
  [[10, 2], 1, 10],
];
for (const [values, share, expected] of cases) {
  Deno.test(`quantile() ${share} of [${values}] is ${expected}`, () => {
    assertEquals(quantile(values, share), expected);
  });
}

Deno.test("summarize() counts and rounds to tenths, and leaves the values as they were", () => {
  const times = [3.14159, 1, 2.25];
  assertEquals(summarize(times), { calls: 3, p50: 2.3, p90: 3.1, p99: 3.1, most: 3.1 });
  assertEquals(times, [3.14159, 1, 2.25]);
});
