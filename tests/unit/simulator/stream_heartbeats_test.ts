import { assertEquals } from "@std/assert";
import { Heartbeats } from "../../../src/simulator/stream.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

Deno.test("Heartbeats call what was added once per period, until it is removed", async () => {
  const clock = new ManualClock();
  const heartbeats = new Heartbeats(clock, 15_000);
  let beats = 0;
  const remove = heartbeats.add(() => beats++);
  await clock.advance(14_999);
  assertEquals(beats, 0);
  await clock.advance(1);
  assertEquals(beats, 1);
  await clock.advance(30_000);
  assertEquals(beats, 3);
  remove();
  remove();
  await clock.advance(60_000);
  assertEquals(beats, 3);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("Heartbeats of streams that opened together share a timer, others keep their own time", async () => {
  const clock = new ManualClock();
  const heartbeats = new Heartbeats(clock, 1_000);
  const beats: string[] = [];
  const removals = ["a", "b"].map((name) => heartbeats.add(() => beats.push(name)));
  assertEquals(clock.pendingTimers, 1);
  await clock.advance(400);
  removals.push(heartbeats.add(() => beats.push("c")));
  assertEquals(clock.pendingTimers, 2);
  await clock.advance(1_000);
  assertEquals(beats, ["a", "b", "c"]);
  removals[0]?.();
  await clock.advance(1_000);
  assertEquals(beats, ["a", "b", "c", "b", "c"]);
  for (const remove of removals) remove();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("Heartbeats may be removed from within a beat", async () => {
  const clock = new ManualClock();
  const heartbeats = new Heartbeats(clock, 1_000);
  let beats = 0;
  const remove: () => void = heartbeats.add(() => {
    beats++;
    remove();
  });
  await clock.advance(5_000);
  assertEquals(beats, 1);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("Heartbeats with a period of 0 set no timer", () => {
  const clock = new ManualClock();
  new Heartbeats(clock, 0).add(() => {});
  assertEquals(clock.pendingTimers, 0);
});
