import { assert, assertEquals, assertRejects } from "@std/assert";
import { createTokenBucket } from "../../../src/core/token_bucket.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";
import { seededRandom } from "../../helpers/random.ts";

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
    bucket.take(1, signal, { sprint, first: sprint }).then(() => void granted.push(name));
  for (let i = 0; i < 10; i++) claim("burst", false);
  claim("urgent", false);
  for (let i = 0; i < 65; i++) claim("sprint", true);
  await clock.advance(29_500);
  // The burst, and two a second.
  assertEquals(granted.length, 10 + 59);
  assertEquals(granted.includes("urgent"), false);
  await clock.advance(30_000);
  assertEquals(granted.length, 70);
  // A second is counted until its last token is a minute old.
  await clock.advance(2_500);
  assertEquals(granted.slice(70, 76), ["sprint", "sprint", "sprint", "sprint", "sprint", "urgent"]);
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

Deno.test("take() lets a claim that goes first not go before one a minute older", async () => {
  const clock = new ManualClock();
  const bucket = createTokenBucket({ clock, perMinute: 60, burst: 1 });
  const { signal } = new AbortController();
  let granted = 0;
  bucket.spend(1);
  bucket.take(1, signal).then(() => granted = clock.now());
  const startedAt = clock.now();
  for (let i = 0; i < 130; i++) {
    bucket.take(1, signal, { first: true });
    bucket.take(1, signal, { first: true });
    await clock.advance(1_000);
    if (granted > 0) break;
  }
  assert(granted - startedAt >= 60_000 && granted - startedAt <= 122_000);
  await clock.advance(300_000);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("tokens come no faster once no claim that sprints waits", async () => {
  const clock = new ManualClock();
  const bucket = createTokenBucket({
    clock,
    perMinute: 60,
    burst: 10,
    maxDebt: 10,
    canSprint: true,
  });
  const { signal } = new AbortController();
  await bucket.take(1, signal, { sprint: true });
  bucket.spend(9);
  let granted = 0;
  for (let i = 0; i < 20; i++) bucket.take(1, signal).then(() => granted++);
  await clock.advance(5_000);
  assertEquals(granted, 5);
  const abandoned = new AbortController();
  const sprint = assertRejects(() => bucket.take(1, abandoned.signal, { sprint: true }));
  await clock.advance(1_400);
  assertEquals(granted, 5 + 2);
  abandoned.abort();
  await sprint;
  // What came twice as fast until then is kept.
  await clock.advance(200);
  assertEquals(granted, 5 + 3);
  await clock.advance(3_000);
  assertEquals(granted, 5 + 3 + 3);
  await clock.advance(60_000);
});

Deno.test("no minute has more than a minute's tokens and a burst, whatever sprints and is held", async () => {
  const [perMinute, burst] = [60, 20];
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed);
    const clock = new ManualClock();
    const bucket = createTokenBucket({ clock, perMinute, burst, canSprint: true });
    const { signal } = new AbortController();
    const grants: number[] = [];
    let wanted = 0;
    for (let step = 0; step < 150; step++) {
      const count = random() < 0.1 ? 30 * random() : random();
      for (let i = 0; i < count; i++) {
        wanted++;
        bucket.take(1, signal, { sprint: random() < 0.7, first: random() < 0.5 })
          .then(() => grants.push(clock.now()));
      }
      if (random() < 0.03) bucket.hold(10_000 * random());
      if (random() < 0.03) bucket.restFromSprint();
      await clock.advance(random() < 0.02 ? 90_000 : Math.ceil(2_000 * random()));
    }
    for (let i = 0; i < grants.length; i++) {
      const inMinute = grants.filter((at) => at >= grants[i]! && at < grants[i]! + 60_000).length;
      assert(inMinute <= perMinute + burst, `seed ${seed}: ${inMinute} in a minute`);
    }
    await clock.advance(60_000 * (wanted / perMinute + 3));
    assertEquals([grants.length, clock.pendingTimers], [wanted, 0]);
  }
});
