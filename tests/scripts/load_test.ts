import { assertEquals } from "@std/assert";
import { summarize } from "../../scripts/load.ts";

Deno.test("summarize() counts and rounds to tenths, and leaves the values as they were", () => {
  const times = [3.14159, 1, 2.25];
  assertEquals(summarize(times), { calls: 3, p50: 2.3, p90: 3.1, p99: 3.1, most: 3.1 });
  assertEquals(times, [3.14159, 1, 2.25]);
});
