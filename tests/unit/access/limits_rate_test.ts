import { assert, assertEquals } from "@std/assert";
import { createRateLimiter } from "../../../src/access/limits.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

function limiter() {
  const clock = new ManualClock();
  const { take } = createRateLimiter(clock);
  const spend = (name: string, perMinute: number, times: number) =>
    Array.from({ length: times }, () => take(name, perMinute)).filter((ms) => ms === 0).length;
  return { clock, take, spend };
}

Deno.test("take() allows a minute's requests at once, then one at a time", async () => {
  const { clock, take, spend } = limiter();
  assertEquals(spend("ci", 60, 100), 60);
  assertEquals(take("ci", 60), 1_000);
  await clock.advance(999);
  assertEquals(take("ci", 60), 1);
  await clock.advance(1);
  assertEquals([take("ci", 60), take("ci", 60)], [0, 1_000]);
});

Deno.test("take() saves up a minute's requests and no more", async () => {
  const { clock, spend } = limiter();
  assertEquals(spend("ci", 10, 20), 10);
  await clock.advance(3_600_000);
  assertEquals(spend("ci", 10, 20), 10);
});

Deno.test("take() is not late for who waits as long as told, at any rate", async () => {
  for (const perMinute of [1, 7, 59, 333, 1_000_000]) {
    const { clock, take, spend } = limiter();
    assertEquals(spend("ci", perMinute, perMinute), perMinute);
    for (let i = 0; i < 5; i++) {
      const waitMs = take("ci", perMinute);
      assert(waitMs > 0 || perMinute === 1_000_000);
      await clock.advance(waitMs);
      assertEquals(take("ci", perMinute), 0, `${perMinute} a minute`);
    }
  }
});

Deno.test("take() counts each name by itself", () => {
  const { spend } = limiter();
  assertEquals([spend("ci", 5, 9), spend("ops", 5, 9)], [5, 5]);
});

Deno.test("take() spends several at once or none", async () => {
  const { clock, take } = limiter();
  assertEquals(take("ci", 10, 8), 0);
  assertEquals(take("ci", 10, 3), 6_000);
  assertEquals(take("ci", 10, 2), 0);
  await clock.advance(6_000);
  assertEquals(take("ci", 10, 1), 0);
});

Deno.test("take() follows a rate that the operator changes", () => {
  const { spend, take } = limiter();
  assertEquals(spend("ci", 100, 10), 10);
  assertEquals(spend("ci", 5, 10), 5);
  assertEquals(take("ci", 6), 10_000);
});

Deno.test("take() survives a clock that goes backwards", () => {
  let now = 1_000_000;
  const { take } = createRateLimiter({ now: () => now });
  assertEquals(take("ci", 1), 0);
  now = 0;
  assertEquals(take("ci", 1), 60_000);
  now = 60_000;
  assertEquals(take("ci", 1), 0);
});
