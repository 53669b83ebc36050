import { assertEquals } from "@std/assert";
import { LookTimer } from "../../../src/session/look_timer.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

function setUp() {
  const clock = new ManualClock();
  const start = clock.now();
  const looks: number[] = [];
  const signals: AbortSignal[] = [];
  const timer = new LookTimer(clock, (signal) => {
    looks.push(clock.now() - start);
    signals.push(signal);
  });
  return { clock, looks, signals, timer };
}

Deno.test("LookTimer looks once, at the time that was set last", async () => {
  const { clock, looks, timer } = setUp();
  timer.set(1_000);
  await clock.advance(900);
  timer.set(1_000);
  await clock.advance(500);
  timer.set(2_000);
  await clock.advance(10_000);
  assertEquals(looks, [3_400]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("LookTimer looks sooner when a sooner time is set", async () => {
  const { clock, looks, timer } = setUp();
  timer.set(60_000);
  timer.set(300);
  await clock.advance(100_000);
  assertEquals(looks, [300]);
});

Deno.test("LookTimer keeps one timer, however often its time is moved", async () => {
  const { clock, looks, timer } = setUp();
  let timersSet = 0;
  const after = clock.after.bind(clock);
  clock.after = (ms, run) => {
    timersSet++;
    return after(ms, run);
  };
  for (let moved = 0; moved < 1_000; moved++) timer.set(60_000);
  assertEquals([timersSet, clock.pendingTimers], [1, 1]);
  await clock.advance(60_000);
  assertEquals(looks, [60_000]);
});

Deno.test("LookTimer gives a look up that has begun when another time is set, or none", async () => {
  for (const end of ["set", "clear"] as const) {
    const { clock, signals, timer } = setUp();
    timer.set(10);
    await clock.advance(10);
    assertEquals(signals.map(({ aborted }) => aborted), [false]);
    if (end === "set") timer.set(10);
    else timer.clear();
    assertEquals(signals.map(({ aborted }) => aborted), [true]);
    timer.clear();
    assertEquals(clock.pendingTimers, 0);
  }
});

Deno.test("LookTimer does not look after it was cleared", async () => {
  const { clock, looks, timer } = setUp();
  timer.set(10);
  timer.clear();
  assertEquals(clock.pendingTimers, 0);
  await clock.advance(1_000);
  assertEquals(looks, []);
});
