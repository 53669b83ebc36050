import { assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { EventHistory } from "../../../src/session/event_history.ts";
import { readEvent } from "../../../src/session/event_types.ts";
import { pollDelayMs, StatusPoll } from "../../../src/session/status_poll.ts";
import { Turn, turnOf } from "../../../src/session/turn.ts";
import { type PolledStatus, verdictOf } from "../../../src/session/verdict.ts";
import { eventMaker } from "../../helpers/events.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

Deno.test("StatusPoll aborts a running poll when another time is set, or none", async () => {
  for (const end of ["plan", "clear"] as const) {
    const clock = new ManualClock();
    const signals: AbortSignal[] = [];
    const poll = new StatusPoll({
      clock,
      history: new EventHistory(),
      poll: (signal) => signals.push(signal),
    });
    const empty = new Turn();
    poll.plan(empty, verdictOf(empty, undefined), false);
    await clock.advance(10);
    assertEquals(signals.map(({ aborted }) => aborted), [false]);
    if (end === "plan") poll.plan(empty, verdictOf(empty, undefined), false);
    else poll.clear();
    assertEquals(signals.map(({ aborted }) => aborted), [true]);
    poll.clear();
    assertEquals(clock.pendingTimers, 0);
  }
});

const e = eventMaker();
const turn = (...events: SessionEvent[]): Turn => turnOf(events.map(readEvent));
const idleFor = (steadyMs: number): PolledStatus => ({ status: "idle", steadyMs });

const working = turn(e.user("q"), e.running(), e.text("a"));
const begunQueue = e.queuedUser("q");
const unstamped = turn(begunQueue, e.running(), e.text("a"), e.endTurn());
const untouched = turn(e.user("q"), e.running(), e.endTurn(), e.queuedUser("next"));
const early = turn(e.user("q"), e.running(), e.tool("bash"), e.endTurn());
const runOpen = turn(
  e.running(),
  e.make("workflow_run.created", { workflow_run_id: "wrun_1" }),
  e.endTurn(),
);

const PLANS: [name: string, turn: Turn, polls: number, expectedMs: number][] = [
  ["a turn at work", turn(e.running(), e.tool("bash")), 0, 15_000],
  ["a turn at work, polled before", turn(e.running(), e.tool("bash")), 1, 120_000],
  ["a turn at work, polled often", turn(e.running(), e.tool("bash")), 99, 240_000],
  ["an agent that has just answered", working, 0, 3_000],
  ["a message not taken up", untouched, 0, 3_000],
  ["an idle event while a message was queued", unstamped, 0, 300],
  ["an idle event while a tool was at work", early, 0, 300],
  ["open workflow runs", runOpen, 0, 15_000],
];

for (const [name, turn, polls, expectedMs] of PLANS) {
  Deno.test(`pollDelayMs() for ${name} is ${expectedMs} ms`, () => {
    assertEquals(pollDelayMs(turn, verdictOf(turn, undefined), polls), expectedMs);
  });
}

Deno.test("pollDelayMs() is no longer than the time that proves an end", () => {
  const idle = idleFor(0);
  assertEquals(pollDelayMs(working, verdictOf(working, idle), 1, idle), 2_300);
  const later = idleFor(1_500);
  assertEquals(pollDelayMs(working, verdictOf(working, later), 5, later), 575);
});
