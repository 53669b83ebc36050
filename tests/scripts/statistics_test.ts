import { assertEquals } from "@std/assert";
import { median, quantile } from "../../scripts/statistics.ts";

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

Deno.test("median() is the middle, or the mean of the two in the middle", () => {
  assertEquals([median([]), median([3]), median([4, 1]), median([9, 1, 2])], [0, 3, 2.5, 2]);
});
