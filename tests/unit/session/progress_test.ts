import { assert, assertEquals } from "@std/assert";
import { readEvent } from "../../../src/session/event_types.ts";
import { describeActivity, progressOf, WaitProgress } from "../../../src/session/progress.ts";
import { turnOf } from "../../../src/session/turn.ts";
import { eventMaker } from "../../helpers/events.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const e = eventMaker();
const error = (type: string, retry: string) =>
  e.make("session.error", { error: { type, retry_status: { type: retry } } });

const MESSAGES: [ReturnType<typeof e.make>, string | undefined][] = [
  [e.running(), "the agent is working"],
  [e.text("hello"), "wrote: hello"],
  [e.text("\u200b# Plan\n\n1. look\x1b[2J at\tit "), "wrote: # Plan 1. look at it"],
  [e.text(" \n\u200b"), undefined],
  [e.text(""), undefined],
  [e.make("agent.thinking"), "thinking"],
  [e.tool("bash"), "using bash"],
  [
    e.make("agent.mcp_tool_use", { name: "search", mcp_server_name: "github" }),
    "using github search",
  ],
  [e.make("agent.tool_use"), "using a tool"],
  [error("model_overloaded_error", "retrying"), "retrying: model overloaded"],
  [error("billing_error", "terminal"), "error: billing"],
  [e.make("session.thread_created", { agent_name: "Researcher" }), "subagent Researcher started"],
  [e.make("session.thread_status_idle", { agent_name: "Researcher" }), undefined],
  [e.make("session.thread_status_running", { agent_name: "Lead" }), undefined],
  [
    e.make("agent.thread_message_sent", {
      to_session_thread_id: "sthr_1",
      to_agent_name: "Critic",
    }),
    "subagent Critic was given a task",
  ],
  [
    e.make("agent.thread_message_received", { from_session_thread_id: "sthr_1" }),
    "subagent without a name has reported",
  ],
  [e.make("span.outcome_evaluation_start", { iteration: 0 }), "evaluating the outcome"],
  [e.make("span.outcome_evaluation_ongoing", { iteration: 1 }), undefined],
  [
    e.make("span.outcome_evaluation_end", { iteration: 1, result: "needs_revision" }),
    "evaluated the outcome (2): needs revision",
  ],
  [
    e.make("workflow_run.created", { workflow_run_id: "wrun_1", name: "nightly" }),
    "workflow run nightly started",
  ],
  [e.make("workflow_run.status_ended", { workflow_run_id: "wrun_1" }), "a workflow run ended"],
  [e.make("session.status_rescheduled"), "rescheduled after a passing fault, going on"],
  [e.asks("sevt_1"), "waiting for an approval or answer"],
  [e.endTurn(), undefined],
  [e.user("hi"), undefined],
  [e.make("agent.daydream"), undefined],
];

for (const [event, message] of MESSAGES) {
  Deno.test(`progressOf() says ${message ?? "nothing"} of ${event.type}`, () => {
    assertEquals(progressOf(readEvent(event)), message);
  });
}

const child = { session_thread_id: "sthr_1", agent_name: "Re\u202esearcher" };
const OF_SUBAGENTS: [ReturnType<typeof e.make>, string | undefined][] = [
  [e.make("session.thread_status_running", child), "subagent Researcher is working"],
  [
    e.make("session.thread_status_idle", { ...child, stop_reason: { type: "requires_action" } }),
    "subagent Researcher waits for an approval or answer",
  ],
  [e.make("session.thread_status_idle", child), undefined],
  [
    e.tool("bash", { session_thread_id: "sthr_1", evaluated_permission: "ask" }),
    "subagent Researcher: using bash",
  ],
  [e.tool("bash", { session_thread_id: "sthr_own" }), "using bash"],
];
for (const [event, message] of OF_SUBAGENTS) {
  Deno.test(`progressOf() says ${message ?? "nothing"} where the turn tells subagents apart`, () => {
    const own = { session_thread_id: "sthr_own" };
    const events = [e.user("q", own), e.running(), e.make("session.thread_created", child)];
    assertEquals(progressOf(readEvent(event), turnOf(events.map(readEvent))), message);
  });
}

Deno.test("describeActivity() names the subagents at work, and says that an outcome is evaluated", () => {
  const turn = turnOf([
    e.user("q"),
    e.running(),
    e.make("session.thread_created", child),
    e.make("session.thread_status_running", child),
  ].map(readEvent));
  assertEquals(describeActivity(turn, "turn"), "1 subagent(s) working: Researcher");
  turn.add(readEvent(e.make("span.outcome_evaluation_start", { iteration: 0 })));
  assertEquals(describeActivity(turn, "turn"), "the outcome is being evaluated");
});

Deno.test("describeActivity() names the newest tools in flight", () => {
  const events = ["a", "b", "c", "d"].map((name) => e.tool(name));
  const turn = turnOf([e.running(), ...events].map(readEvent));
  assertEquals(describeActivity(turn, "turn"), "using b, c, d");
  turn.add(readEvent(e.toolResult(events[3]?.id ?? "")));
  assertEquals(describeActivity(turn, "turn"), "using a, b, c");
});

Deno.test("WaitProgress reports news at once, and every nine seconds that the wait goes on", async () => {
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
