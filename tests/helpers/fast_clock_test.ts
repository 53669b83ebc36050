import { assert, assertEquals } from "@std/assert";
import { fastClock, MAX_STEP_MS, steadyClock } from "./fast_clock.ts";

const SPEED = 10;

/** Holds the process up. */
function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

Deno.test("a fast clock runs its timers in their order, and leaves none that was cancelled", async () => {
  const clock = fastClock(SPEED);
  const ran: string[] = [];
  const startedAt = clock.now();
  const cancel = clock.after(300, () => ran.push("cancelled"));
  clock.after(200, () => ran.push("second"));
  clock.after(100, () => ran.push("first"));
  assertEquals(clock.pendingTimers, 3);
  cancel();
  await clock.sleep(400);
  assertEquals([ran, clock.pendingTimers], [["first", "second"], 0]);
  assert(clock.now() - startedAt >= 400);
});

Deno.test("a fast clock counts no time in which the process is held up", () => {
  const clock = fastClock(SPEED);
  const startedAt = clock.now();
  block(5 * MAX_STEP_MS);
  assertEquals(clock.now() - startedAt, MAX_STEP_MS * SPEED);
});

Deno.test("what a process that was held up can read comes before a fast clock's bound", async () => {
  const clock = fastClock(SPEED);
  const { port1, port2 } = new MessageChannel();
  const ran: string[] = [];
  const bound = clock.sleep(2 * MAX_STEP_MS * SPEED).then(() => ran.push("bound"));
  port1.onmessage = () => ran.push("message");
  port2.postMessage(0);
  block(5 * MAX_STEP_MS);
  await bound;
  port1.close();
  port2.close();
  assertEquals(ran, ["message", "bound"]);
});

Deno.test("a steady clock has the machine's dates, however long the process was held up", () => {
  const clock = steadyClock();
  const [time, date] = [clock.now(), clock.wallTime()];
  block(5 * MAX_STEP_MS);
  assert(clock.now() - time < 2 * MAX_STEP_MS);
  assert(clock.wallTime() - date > 4 * MAX_STEP_MS);
});
