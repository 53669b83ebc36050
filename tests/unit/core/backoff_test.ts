import { assertEquals } from "@std/assert";
import { backoffMs } from "../../../src/core/backoff.ts";

const BOUNDS = { baseMs: 500, capMs: 8_000 };

Deno.test("backoffMs() doubles with every failure, up to the cap", () => {
  const longest = (attempt: number) => backoffMs(attempt, { ...BOUNDS, random: () => 1 });
  assertEquals([0, 1, 2, 3, 4, 5].map(longest), [500, 1_000, 2_000, 4_000, 8_000, 8_000]);
  assertEquals(longest(5_000), 8_000);
});

Deno.test("backoffMs() leaves the upper half of a pause to chance", () => {
  const pauses = [0, 0.5, 1].map((chance) => backoffMs(1, { ...BOUNDS, random: () => chance }));
  assertEquals(pauses, [500, 750, 1_000]);
});
