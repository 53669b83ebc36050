import { assertEquals } from "@std/assert";
import { ManualClock, settle } from "./manual_clock.ts";

Deno.test("a manual clock never runs backwards, whoever else moves it", async () => {
  const clock = new ManualClock(0);
  const short = clock.advance(50);
  const long = clock.advance(200);
  clock.after(30, () => {});
  await long;
  assertEquals(clock.now(), 200);
  await short;
  assertEquals(clock.now(), 200);
});

Deno.test("a manual clock that is moved twice at once runs a timer once", async () => {
  const clock = new ManualClock(0);
  const ran: number[] = [];
  clock.after(10, () => ran.push(clock.now()));
  clock.after(60, () => ran.push(clock.now()));
  await Promise.all([clock.advance(50), clock.advance(100)]);
  assertEquals([ran, clock.now()], [[10, 60], 100]);
});

Deno.test("settle() waits for what the runtime's threads do, and for what follows on it", async () => {
  const text = new Uint8Array(1_000_000);
  let digests = 0;
  const digesting = (async () => {
    for (let i = 0; i < 20; i++) {
      await crypto.subtle.digest("SHA-512", text);
      digests++;
    }
  })();
  await settle();
  assertEquals(digests, 20);
  await digesting;
});
