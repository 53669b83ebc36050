import { assert, assertEquals } from "@std/assert";
import { readEvent } from "../../../src/session/event_types.ts";
import { describeActivity, WaitProgress } from "../../../src/session/progress.ts";
import { turnOf } from "../../../src/session/turn.ts";
import { eventMaker } from "../../helpers/events.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const e = eventMaker();
Deno.test("describeActivity() names the newest tools in flight", () => {
  const events = ["a", "b", "c", "d"].map((name) => e.tool(name));
  const turn = turnOf([e.running(), ...events].map(readEvent));
  assertEquals(describeActivity(turn, "turn"), "using b, c, d");
  turn.add(readEvent(e.toolResult(events[3]?.id ?? "")));
  assertEquals(describeActivity(turn, "turn"), "using a, b, c");
});

Deno.test("WaitProgress tells news at once, and every nine seconds that the wait is alive", async () => {
  const clock = new ManualClock();
  const told: string[] = [];
  const reporter = new WaitProgress(clock, (message) => told.push(message), () => "thinking");
  reporter.say("begun");
  await clock.advance(8_999);
  assertEquals(told, ["begun"]);
  await clock.advance(1);
  assertEquals(told, ["begun", "still waiting: thinking"]);
  await clock.advance(5_000);
  reporter.report([e.tool("bash"), e.user("x"), e.tool("edit"), e.user("y")].map(readEvent));
  assertEquals(told.at(-1), "using edit");
  await clock.advance(8_999);
  assertEquals(told.length, 3);
  reporter.dispose();
  await clock.advance(60_000);
  assertEquals(told.length, 3);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("WaitProgress without a listener sets no timer", () => {
  const clock = new ManualClock();
  const reporter = new WaitProgress(clock, undefined, () => "");
  reporter.say("anything");
  assert(clock.pendingTimers === 0);
});
