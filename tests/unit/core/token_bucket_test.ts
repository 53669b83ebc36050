import { assert, assertEquals, assertRejects } from "@std/assert";
import { createTokenBucket } from "../../../src/core/token_bucket.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";

const forever = new AbortController().signal;

Deno.test("createTokenBucket() grants a burst at once and the rest at the rate, in order", async () => {
  const clock = new ManualClock();
  const start = clock.now();
  const bucket = createTokenBucket({ clock, perMinute: 60, burst: 3 });
  const granted: [number, number][] = [];
  for (let i = 0; i < 6; i++) {
    bucket.take(1, forever).then(() => granted.push([i, (clock.now() - start) / 1_000]));
  }
  await settle();
  assertEquals(granted, [[0, 0], [1, 0], [2, 0]]);
  await clock.advance(10_000);
  assertEquals(granted.slice(3), [[3, 1], [4, 2], [5, 3]]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("createTokenBucket() fills up to its burst only", async () => {
  const clock = new ManualClock();
  const bucket = createTokenBucket({ clock, perMinute: 600, burst: 2 });
  await clock.advance(600_000);
  let granted = 0;
  for (let i = 0; i < 10; i++) bucket.take(1, forever).then(() => granted++);
  await settle();
  assertEquals(granted, 2);
  await clock.advance(10_000);
  assertEquals(granted, 10);
});

Deno.test("createTokenBucket() grants more than the bucket holds from a full one", async () => {
  const clock = new ManualClock();
  const bucket = createTokenBucket({ clock, perMinute: 60, burst: 2 });
  let granted = false;
  await bucket.take(5, forever);
  bucket.take(1, forever).then(() => granted = true);
  await clock.advance(3_000);
  assert(!granted);
  await clock.advance(1_000);
  assert(granted);
});

Deno.test("createTokenBucket() drops a caller that gives up, and serves the next", async () => {
  const clock = new ManualClock();
  const bucket = createTokenBucket({ clock, perMinute: 60, burst: 1 });
  await bucket.take(1, forever);
  const controller = new AbortController();
  const first = bucket.take(1, controller.signal);
  let second = false;
  bucket.take(1, forever).then(() => second = true);
  controller.abort(new Error("gone"));
  await assertRejects(() => first, Error, "gone");
  await clock.advance(1_000);
  assert(second);
  assertEquals(clock.pendingTimers, 0);
  await assertRejects(() => bucket.take(1, controller.signal), Error, "gone");
});

Deno.test("spend() is never refused, and delays those who wait", async () => {
  const clock = new ManualClock();
  const bucket = createTokenBucket({ clock, perMinute: 60, burst: 2, maxDebt: 10 });
  bucket.spend(5);
  let granted = false;
  bucket.take(1, forever).then(() => granted = true);
  await clock.advance(3_000);
  assert(!granted);
  await clock.advance(1_000);
  assert(granted);
});

Deno.test("spend() goes no deeper into debt than the limit", async () => {
  const clock = new ManualClock();
  const bucket = createTokenBucket({ clock, perMinute: 60, burst: 2, maxDebt: 10 });
  bucket.spend(1_000);
  let granted = false;
  bucket.take(1, forever).then(() => granted = true);
  await clock.advance(10_000);
  assert(!granted);
  await clock.advance(1_000);
  assert(granted);
});

Deno.test("take() serves a patient caller when no other waits", async () => {
  const clock = new ManualClock();
  const bucket = createTokenBucket({ clock, perMinute: 60, burst: 1 });
  await bucket.take(1, forever);
  const granted: string[] = [];
  bucket.take(1, forever, { patient: true }).then(() => granted.push("patient"));
  bucket.take(1, forever).then(() => granted.push("first"));
  await clock.advance(500);
  bucket.take(1, forever).then(() => granted.push("second"));
  await clock.advance(10_000);
  assertEquals(granted, ["first", "second", "patient"]);
});

Deno.test("hold() grants nothing for its time, and then no burst", async () => {
  const clock = new ManualClock();
  const start = clock.now();
  const bucket = createTokenBucket({ clock, perMinute: 60, burst: 100 });
  bucket.hold(20_000);
  bucket.hold(5_000);
  const granted: number[] = [];
  for (let i = 0; i < 3; i++) {
    bucket.take(1, forever).then(() => granted.push((clock.now() - start) / 1_000));
  }
  await clock.advance(60_000);
  assertEquals(granted, [21, 22, 23]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("hold() also delays those who wait already", async () => {
  const clock = new ManualClock();
  const bucket = createTokenBucket({ clock, perMinute: 60, burst: 1 });
  await bucket.take(1, forever);
  let granted = false;
  bucket.take(1, forever).then(() => granted = true);
  bucket.hold(10_000);
  await clock.advance(10_000);
  assert(!granted);
  await clock.advance(1_000);
  assert(granted);
});

Deno.test("take() leaves half a burst when it is patient", async () => {
  const clock = new ManualClock();
  const bucket = createTokenBucket({ clock, perMinute: 60, burst: 10 });
  let patient = 0;
  let urgent = 0;
  for (let i = 0; i < 10; i++) bucket.take(1, forever, { patient: true }).then(() => patient++);
  await settle();
  assertEquals(patient, 5);
  for (let i = 0; i < 6; i++) bucket.take(1, forever).then(() => urgent++);
  await settle();
  assertEquals([patient, urgent], [5, 5]);
  await clock.advance(1_000);
  assertEquals([patient, urgent], [5, 6]);
  await clock.advance(60_000);
  assertEquals(patient, 10);
});

Deno.test("claims that sprint go first and come twice as fast, and no minute has more for it", async () => {
  const clock = new ManualClock();
  const bucket = createTokenBucket({ clock, perMinute: 60, burst: 10, canSprint: true });
  const { signal } = new AbortController();
  const granted: string[] = [];
  const claim = (name: string, sprint: boolean) =>
    bucket.take(1, signal, { sprint }).then(() => void granted.push(name));
  for (let i = 0; i < 10; i++) claim("burst", false);
  claim("urgent", false);
  for (let i = 0; i < 65; i++) claim("sprint", true);
  await clock.advance(27_000);
  // The burst, and two a second.
  assertEquals(granted.length, 10 + 54);
  assertEquals(granted.includes("urgent"), false);
  await clock.advance(32_500);
  assertEquals(granted.length, 65);
  await clock.advance(1_500);
  assertEquals(granted.slice(65, 76).includes("urgent"), true);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a sprint rests where what it is for fails", async () => {
  const clock = new ManualClock();
  const bucket = createTokenBucket({ clock, perMinute: 60, burst: 1, canSprint: true });
  const { signal } = new AbortController();
  let granted = 0;
  for (let i = 0; i < 30; i++) bucket.take(1, signal, { sprint: true }).then(() => granted++);
  await clock.advance(2_000);
  assertEquals(granted, 1 + 4);
  bucket.restFromSprint();
  await clock.advance(5_000);
  assertEquals(granted, 5 + 5);
  await clock.advance(2_000);
  assertEquals(granted, 10 + 4);
  await clock.advance(60_000);
});
