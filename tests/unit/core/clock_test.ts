import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../../src/core/clock.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

Deno.test("systemClock has the system's time and a time that only advances", () => {
  const { now: realNow } = Date;
  const monotonic = systemClock.now();
  try {
    Date.now = () => realNow() + 3_600_000;
    assert(systemClock.wallTime() - realNow() > 3_599_000);
    Date.now = () => 7;
    assertEquals(systemClock.wallTime(), 7);
    assert(systemClock.now() >= monotonic && systemClock.now() - monotonic < 60_000);
  } finally {
    Date.now = realNow;
  }
});

Deno.test("A corrected ManualClock has the same monotonic time and runs no timer", async () => {
  const clock = new ManualClock(1_000);
  let ran = false;
  clock.after(5_000, () => ran = true);
  clock.correct(60_000);
  await clock.advance(10);
  assertEquals([clock.now(), clock.wallTime(), ran], [1_010, 61_010, false]);
  clock.correct(-60_000);
  await clock.advance(5_000);
  assertEquals([clock.now(), clock.wallTime(), ran], [6_010, 6_010, true]);
});
