import { assertEquals } from "@std/assert";
import { SharedTimer } from "../../../src/core/shared_timer.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const DELAY_MS = 1_000;

function timers() {
  const clock = new ManualClock();
  const timer = new SharedTimer(clock, DELAY_MS);
  const ran: string[] = [];
  const start = (name: string) => timer.start(() => void ran.push(`${name} ${clock.now()}`));
  const startedAt = clock.now();
  return { clock, ran, start, at: (name: string, ms: number) => `${name} ${startedAt + ms}` };
}

Deno.test("each function is called when its own time is up, with one timer at a time", async () => {
  const { clock, ran, start, at } = timers();
  start("a");
  await clock.advance(300);
  start("b");
  start("c");
  assertEquals(clock.pendingTimers, 1);
  await clock.advance(699);
  assertEquals(ran, []);
  await clock.advance(1);
  assertEquals(ran, [at("a", 1_000)]);
  await clock.advance(299);
  assertEquals(ran.length, 1);
  await clock.advance(1);
  assertEquals(ran, [at("a", 1_000), at("b", 1_300), at("c", 1_300)]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a cancelled function is not called, and leaves the others their time", async () => {
  const { clock, ran, start, at } = timers();
  const cancel = start("a");
  await clock.advance(500);
  start("b");
  cancel();
  cancel();
  await clock.advance(1_000);
  assertEquals(ran, [at("b", 1_500)]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("without functions to call there is no timer", () => {
  const { clock, start } = timers();
  const cancels = [start("a"), start("b")];
  for (const cancel of cancels) cancel();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a function that is called may start another, and cancel others", async () => {
  const clock = new ManualClock();
  const timer = new SharedTimer(clock, DELAY_MS);
  const ran: string[] = [];
  const cancels: (() => void)[] = [];
  timer.start(() => {
    ran.push("first");
    timer.start(() => void ran.push("again"));
    for (const cancel of cancels) cancel();
  });
  cancels.push(timer.start(() => void ran.push("due as well")));
  await clock.advance(1);
  timer.start(() => void ran.push("later"));
  await clock.advance(DELAY_MS - 1);
  assertEquals(ran, ["first"]);
  await clock.advance(1);
  assertEquals(ran, ["first", "later"]);
  assertEquals(clock.pendingTimers, 1);
  await clock.advance(DELAY_MS);
  assertEquals(ran, ["first", "later", "again"]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a function that cancels all others may start one", async () => {
  const clock = new ManualClock();
  const timer = new SharedTimer(clock, DELAY_MS);
  const ran: string[] = [];
  let cancel = () => {};
  timer.start(() => {
    cancel();
    timer.start(() => void ran.push("again"));
  });
  await clock.advance(1);
  cancel = timer.start(() => void ran.push("later"));
  await clock.advance(2 * DELAY_MS);
  assertEquals(ran, ["again"]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("what takes longer gets a timer of its own when the shared time is up", async () => {
  const clock = new ManualClock();
  const timer = new SharedTimer(clock, DELAY_MS);
  const ran: string[] = [];
  timer.startLonger(5 * DELAY_MS, () => void ran.push("long"));
  const cancels = [
    timer.startLonger(5 * DELAY_MS, () => void ran.push("cancelled early")),
    timer.startLonger(5 * DELAY_MS, () => void ran.push("cancelled late")),
  ];
  assertEquals(clock.pendingTimers, 1);
  cancels[0]?.();
  await clock.advance(DELAY_MS);
  assertEquals(clock.pendingTimers, 2);
  cancels[1]?.();
  assertEquals(clock.pendingTimers, 1);
  await clock.advance(4 * DELAY_MS - 1);
  assertEquals(ran, []);
  await clock.advance(1);
  assertEquals(ran, ["long"]);
  assertEquals(clock.pendingTimers, 0);
});
