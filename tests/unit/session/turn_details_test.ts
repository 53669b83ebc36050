import { assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { readEvent } from "../../../src/session/event_types.ts";
import { TurnDetails } from "../../../src/session/turn_details.ts";
import { type Turn, turnOf } from "../../../src/session/turn.ts";
import { type EventMaker, eventMaker } from "../../helpers/events.ts";

const OWN = "sthr_own";

function turn(events: (e: EventMaker) => SessionEvent[], afterId?: string): Turn {
  return turnOf(events(eventMaker()).map(readEvent), afterId);
}

/** Makes an event of a thread. */
function thread(e: EventMaker, type: string, name: string, fields = {}): SessionEvent {
  const session_thread_id = `sthr_${name}`;
  return e.make(`session.thread_${type}`, { session_thread_id, agent_name: name, ...fields });
}

function idle(e: EventMaker, name: string, reason = "end_turn"): SessionEvent {
  return thread(e, "status_idle", name, { stop_reason: { type: reason } });
}

/** Makes the evaluation of an outcome, from its begin to its end. */
function evaluation(e: EventMaker, result: string, iteration = 0): SessionEvent[] {
  const fields = { outcome_id: "outc_1", iteration };
  return ["start", "ongoing", "end"].map((stage) =>
    e.make(`span.outcome_evaluation_${stage}`, {
      ...fields,
      ...(stage === "end" && { result, explanation: `Why ${result}.` }),
    })
  );
}

/** The subagents of a turn, each with its status. */
function subagents({ details }: Turn): unknown[] {
  return [...details.subagents].map(([id, { status }]) => [id, status]);
}

Deno.test("a turn knows its subagents, and not the session's own thread for one", () => {
  const own = { session_thread_id: OWN };
  const seen = turn((e) => [
    e.user("q", own),
    e.running(),
    e.make("session.thread_status_running", { ...own, agent_name: "Lead" }),
    thread(e, "created", "A"),
    thread(e, "status_running", "A"),
    thread(e, "created", "B"),
    thread(e, "status_running", "B"),
    idle(e, "A"),
    e.make("session.thread_status_idle", { ...own, stop_reason: { type: "end_turn" } }),
  ]);
  assertEquals(subagents(seen), [["sthr_B", "running"], ["sthr_A", "idle"]]);
  assertEquals(seen.details.workingThreads(), ["sthr_B"]);
});

Deno.test("a turn names why an idle subagent waits, and how others stand", () => {
  const seen = turn((e) => [
    e.user("q"),
    e.running(),
    ...["A", "B", "C"].map((name) => thread(e, "created", name)),
    idle(e, "A", "requires_action"),
    thread(e, "status_rescheduled", "B"),
    thread(e, "status_terminated", "C"),
  ]);
  assertEquals(subagents(seen), [
    ["sthr_A", "requires_action"],
    ["sthr_B", "rescheduling"],
    ["sthr_C", "terminated"],
  ]);
});

Deno.test("a subagent that was made before what is known is known by its messages", () => {
  const seen = turn((e) => [
    e.user("q"),
    e.running(),
    thread(e, "status_running", "own"),
    e.make("agent.thread_message_sent", { to_session_thread_id: "sthr_A", to_agent_name: "A" }),
    thread(e, "status_running", "A"),
    e.make("agent.thread_message_received", {
      from_session_thread_id: "sthr_B",
      from_agent_name: "B",
    }),
    e.make("agent.thread_message_received", { from_agent_name: "nobody" }),
  ]);
  assertEquals(subagents(seen), [["sthr_A", "running"], ["sthr_B", undefined]]);
  assertEquals(["A", "B"].map((name) => seen.subagentOf(`sthr_${name}`)), ["A", "B"]);
});

Deno.test("a message to the session's own thread makes no subagent of it", () => {
  const seen = turn((e) => [
    e.user("q", { session_thread_id: OWN }),
    e.running(),
    e.make("agent.thread_message_sent", { to_session_thread_id: OWN, to_agent_name: "Lead" }),
  ]);
  assertEquals(subagents(seen), []);
});

Deno.test("a subagent's call and cost count as its own", () => {
  const seen = turn((e) => [
    e.user("q"),
    e.running(),
    thread(e, "created", "A"),
    e.tool("bash", { session_thread_id: "sthr_A", evaluated_permission: "ask" }),
    e.make("session.usage", {
      session_thread_id: "sthr_A",
      usage: { list_cost: { amount: "7", currency: "USD" } },
    }),
  ]);
  assertEquals([...seen.details.subagents.values()], [{ costCents: 7 }]);
  assertEquals(seen.costCents, undefined);
});

Deno.test("a new turn has none of the details of the one before", () => {
  const seen = turn((e) => [
    ...[e.user("q"), e.running(), thread(e, "created", "A"), ...evaluation(e, "failed")],
    ...[e.endTurn(), e.user("r"), e.running()],
  ]);
  assertEquals([subagents(seen), seen.details.evaluations], [[], []]);
});

const CURSORS: readonly [string, number, string[]][] = [
  ["in the middle of a turn, whose wait had no room for details", 3, ["sthr_A", "sthr_B"]],
  ["at the end of a turn, whose wait had them", 6, ["sthr_B"]],
  ["at a message, of which the turn is to come", 7, ["sthr_B"]],
];
for (const [where, index, threads] of CURSORS) {
  Deno.test(`after a cursor ${where}, the details of later turns count`, () => {
    const events = (e: EventMaker) => [
      ...[e.user("q"), e.running(), thread(e, "created", "A"), e.text("a"), e.text("b")],
      ...[idle(e, "A"), e.endTurn()],
      ...[e.user("r"), e.running(), thread(e, "created", "B"), e.endTurn()],
    ];
    const afterId = events(eventMaker())[index]?.id ?? "";
    assertEquals([...turn(events, afterId).details.subagents.keys()], threads);
  });
}

Deno.test("a turn keeps the evaluations of its outcome, and their number", () => {
  const seen = turn((e) => [
    e.user("q"),
    e.running(),
    ...evaluation(e, "needs_revision"),
    e.text("better"),
    ...evaluation(e, "satisfied", 1),
  ]);
  assertEquals(seen.details.evaluations, [
    {
      outcomeId: "outc_1",
      iteration: 0,
      result: "needs_revision",
      explanation: "Why needs_revision.",
    },
    { outcomeId: "outc_1", iteration: 1, result: "satisfied", explanation: "Why satisfied." },
  ]);
  assertEquals(seen.details.evaluationCount, 2);
});

Deno.test("an outcome is in evaluation until a verdict that asks for no revision", () => {
  const after = (...events: SessionEvent[]) => {
    const all = turn((e) => [e.user("q"), e.running()]);
    for (const event of events) all.add(readEvent(event));
    return all.isEvaluating;
  };
  const e = eventMaker();
  const [start, ongoing, revise] = evaluation(e, "needs_revision");
  if (!start || !ongoing || !revise) throw new Error("No events");
  assertEquals([after(), after(start), after(start, ongoing)], [false, true, true]);
  assertEquals(after(start, ongoing, revise), true);
  assertEquals(after(start, revise, e.make("user.interrupt")), false);
  for (const result of ["satisfied", "max_iterations_reached", "failed", "interrupted", "odd"]) {
    assertEquals([result, after(...evaluation(e, result))], [result, false]);
  }
});

Deno.test("an idle event in the middle of an evaluation does not part the turn", () => {
  const seen = turn((e) => [
    ...[e.user("q"), e.running(), e.text("draft"), ...evaluation(e, "needs_revision")],
    ...[e.endTurn(), e.running(), e.text("final"), ...evaluation(e, "satisfied", 1), e.endTurn()],
  ]);
  assertEquals(seen.collected.texts.map(({ text }) => text), ["draft", "final"]);
  assertEquals(seen.isEndDoubtful, false);
});

Deno.test("TurnDetails keep a bounded number of subagents and evaluations", () => {
  const details = new TurnDetails();
  for (let count = 0; count < 2_000; count++) details.noteSubagent(`sthr_${count}`);
  details.noteSubagent("sthr_0", { status: "idle" });
  assertEquals(details.subagents.size, 1_100);
  assertEquals([...details.subagents].at(-1), ["sthr_0", { status: "idle" }]);
  for (let iteration = 0; iteration < 50; iteration++) {
    const [, , end] = evaluation(eventMaker(), "needs_revision", iteration);
    const read = end && readEvent(end);
    if (read?.kind === "evaluation") details.noteEvaluation(read);
  }
  assertEquals([details.evaluations.length, details.evaluationCount], [20, 50]);
  assertEquals(details.evaluations.at(-1)?.iteration, 49);
});

Deno.test("an evaluation that begins behind an idle event makes that doubtful, also after a cursor", () => {
  const events = (e: EventMaker) => [
    ...[e.user("q"), e.running(), e.text("draft"), e.endTurn()],
    ...evaluation(e, "needs_revision"),
  ];
  const ids = events(eventMaker()).map(({ id }) => id ?? "");
  for (const afterId of [undefined, ids[3], ids.at(-1)]) {
    assertEquals(turn(events, afterId).isEndDoubtful, true);
  }
});

Deno.test("the details of the turn that is on do not count for a message that is queued behind it", () => {
  const queued = eventMaker().queuedUser("mine");
  const seen = turn((e) => [
    ...[e.user("q"), e.running(), thread(e, "created", "A"), { ...queued, id: "sevt_mine" }],
    ...[thread(e, "status_running", "A"), idle(e, "A"), e.endTurn()],
    ...[e.user("mine", { id: "sevt_mine" }), e.running(), thread(e, "created", "B"), e.endTurn()],
  ], "sevt_mine");
  assertEquals([...seen.details.subagents.keys()], ["sthr_B"]);
});
