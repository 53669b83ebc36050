import { assertEquals } from "@std/assert";
import { MovableTimer } from "../../../src/core/movable_timer.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

function setUp() {
  const clock = new ManualClock();
  const start = clock.now();
  const runs: number[] = [];
  const timer = new MovableTimer(clock, () => runs.push(clock.now() - start));
  return { clock, runs, timer };
}

Deno.test("MovableTimer runs once, at the time that was set last", async () => {
  const { clock, runs, timer } = setUp();
  timer.set(1_000);
  await clock.advance(900);
  timer.set(1_000);
  await clock.advance(500);
  timer.set(2_000);
  await clock.advance(10_000);
  assertEquals(runs, [3_400]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("MovableTimer runs sooner when a sooner time is set", async () => {
  const { clock, runs, timer } = setUp();
  timer.set(60_000);
  timer.set(300);
  await clock.advance(100_000);
  assertEquals(runs, [300]);
});

Deno.test("MovableTimer keeps one timer, however often its time is moved", async () => {
  const { clock, runs, timer } = setUp();
  let timersSet = 0;
  const after = clock.after.bind(clock);
  clock.after = (ms, run) => {
    timersSet++;
    return after(ms, run);
  };
  for (let moved = 0; moved < 1_000; moved++) timer.set(60_000);
  assertEquals([timersSet, clock.pendingTimers], [1, 1]);
  await clock.advance(60_000);
  assertEquals(runs, [60_000]);
});

Deno.test("MovableTimer does not run after it was cleared, and can be set again", async () => {
  const { clock, runs, timer } = setUp();
  timer.set(10);
  timer.clear();
  assertEquals(clock.pendingTimers, 0);
  await clock.advance(1_000);
  assertEquals(runs, []);
  timer.set(10);
  await clock.advance(10);
  assertEquals(runs, [1_010]);
});
