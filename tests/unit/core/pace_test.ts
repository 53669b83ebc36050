import { assert, assertEquals, assertRejects } from "@std/assert";
import { createPace } from "../../../src/core/pace.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";

const forever = new AbortController().signal;

Deno.test("createPace() grants a burst at once and the rest at the rate, in order", async () => {
  const clock = new ManualClock();
  const start = clock.now();
  const pace = createPace({ clock, perMinute: 60, burst: 3 });
  const granted: [number, number][] = [];
  for (let i = 0; i < 6; i++) {
    pace.take(1, forever).then(() => granted.push([i, (clock.now() - start) / 1_000]));
  }
  await settle();
  assertEquals(granted, [[0, 0], [1, 0], [2, 0]]);
  await clock.advance(10_000);
  assertEquals(granted.slice(3), [[3, 1], [4, 2], [5, 3]]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("createPace() fills up to its burst only", async () => {
  const clock = new ManualClock();
  const pace = createPace({ clock, perMinute: 600, burst: 2 });
  await clock.advance(600_000);
  let granted = 0;
  for (let i = 0; i < 10; i++) pace.take(1, forever).then(() => granted++);
  await settle();
  assertEquals(granted, 2);
  await clock.advance(10_000);
  assertEquals(granted, 10);
});

Deno.test("createPace() grants more than the bucket holds from a full one", async () => {
  const clock = new ManualClock();
  const pace = createPace({ clock, perMinute: 60, burst: 2 });
  let granted = false;
  await pace.take(5, forever);
  pace.take(1, forever).then(() => granted = true);
  await clock.advance(3_000);
  assert(!granted);
  await clock.advance(1_000);
  assert(granted);
});

Deno.test("createPace() lets go of whoever gives up, and serves those behind", async () => {
  const clock = new ManualClock();
  const pace = createPace({ clock, perMinute: 60, burst: 1 });
  await pace.take(1, forever);
  const controller = new AbortController();
  const first = pace.take(1, controller.signal);
  let second = false;
  pace.take(1, forever).then(() => second = true);
  controller.abort(new Error("gone"));
  await assertRejects(() => first, Error, "gone");
  await clock.advance(1_000);
  assert(second);
  assertEquals(clock.pendingTimers, 0);
  await assertRejects(() => pace.take(1, controller.signal), Error, "gone");
});
