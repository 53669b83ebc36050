import type { TurnCase } from "./turn_input_cases.ts";

/** How turns end, workflow runs, and what counts after a cursor. */
export const END_CASES: readonly TurnCase[] = [
  {
    name: "an idle event without a stop reason ends the turn",
    build: (e) => [e.user("q"), e.running(), e.text("a"), e.make("session.status_idle")],
    verdict: "idle",
    reply: "a",
  },
  ...[undefined, null, [], {}, "", [null]].map((event_ids): TurnCase => ({
    name: `a turn waits for answers though it names the calls by ${JSON.stringify(event_ids)}`,
    build: (e) => [
      ...[e.user("q"), e.running(), e.text("a")],
      e.tool("bash", { evaluated_permission: "ask", input: undefined }),
      e.idle("requires_action", { event_ids }),
    ],
    verdict: "requires_action",
    reply: "a",
  })),
  {
    name: "an unknown stop reason ends the turn",
    build: (e) => [e.user("q"), e.running(), e.text("a"), e.idle("moon_phase")],
    verdict: "idle",
    reply: "a",
  },
  ...["REQUIRES_ACTION", " Requires_Action"].map((type): TurnCase => ({
    name: `a turn waits for answers as ${JSON.stringify(type)}`,
    build: (e) => [e.user("q"), e.running(), e.text("a"), e.idle(type, { event_ids: ["T"] })],
    verdict: "requires_action",
    reply: "a",
  })),
  {
    name: "a turn waits for answers where the reason is an object written as a text",
    build: (e) => [
      ...[e.user("q"), e.running(), e.text("a")],
      e.make("session.status_idle", {
        stop_reason: JSON.stringify({ type: "requires_action", event_ids: ["T"] }),
      }),
    ],
    verdict: "requires_action",
    reply: "a",
  },
  ...["session.status_idle", "session.status_terminated"].map((type): TurnCase => ({
    name: `a subagent's ${type} ends nothing`,
    build: (e) => [
      ...[e.user("q"), e.running()],
      e.make("session.thread_created", { session_thread_id: "sthr_2", agent_name: "sub" }),
      e.make(type, { session_thread_id: "sthr_2", stop_reason: { type: "end_turn" } }),
    ],
    verdict: "waits:turn",
    reply: "",
  })),
  {
    name: "a subagent at work after the end begins nothing",
    build: (e) => {
      const child = { session_thread_id: "sthr_2" };
      return [
        ...[e.user("q"), e.running(), e.make("session.thread_created", child), e.text("a")],
        ...[e.endTurn(), e.make("session.status_running", child)],
      ];
    },
    verdict: "idle",
    reply: "a",
  },
  {
    name: "a call that an interrupt left without a result puts no later end in doubt",
    build: (e) => [
      ...[e.user("q"), e.running(), e.tool("bash"), e.make("user.interrupt"), e.endTurn()],
      ...[e.user("q2"), e.running(), e.text("b"), e.endTurn()],
    ],
    verdict: "idle",
    reply: "b",
  },
  {
    name: "a turn after one that was interrupted while blocked waits for its own answers",
    build: (e) => {
      const [call, later] = [e.tool("bash"), e.tool("edit")];
      return [
        ...[e.user("q"), e.running(), call, e.asks(call.id ?? "")],
        ...[e.make("user.interrupt"), e.endTurn()],
        ...[e.user("q2"), e.running(), later, e.asks(later.id ?? "")],
      ];
    },
    verdict: "requires_action",
    reply: "",
  },
  {
    name: "the end of a thread that nobody knows does not prove the session's",
    build: (e) => [
      ...[e.user("q"), e.running(), e.text("a")],
      e.make("session.status_idle", { session_thread_id: "sthr_9" }),
    ],
    verdict: "waits:turn",
    reply: "a",
  },
  {
    name: "the end of the session's own thread is the session's",
    build: (e) => [
      ...[e.user("q", { session_thread_id: "sthr_1" }), e.running(), e.text("a")],
      e.make("session.status_idle", { session_thread_id: "sthr_1" }),
    ],
    verdict: "idle",
    reply: "a",
  },
  {
    name: "a session that takes input after its end is not at its end",
    build: (e) => [
      ...[e.user("q"), e.running(), e.text("a"), e.make("session.status_terminated")],
      ...[e.user("q2"), e.running(), e.text("b")],
    ],
    verdict: "waits:turn",
    reply: "b",
  },
  {
    name: "a message that is queued after the end of the session may still be taken up",
    build: (e) => [
      ...[e.user("q"), e.running(), e.text("a"), e.make("session.status_terminated")],
      e.queuedUser("q2"),
    ],
    verdict: "waits:queued",
    reply: "",
  },
  {
    name: "a refusal is named",
    build: (e) => [e.user("q"), e.running(), e.idle("refusal")],
    verdict: "refusal",
    reply: "",
  },
  {
    name: "exhausted retries drop queued input",
    build: (e) => [e.user("q"), e.running(), e.queuedUser("q2"), e.idle("retries_exhausted")],
    verdict: "retries_exhausted",
    reply: "",
  },
  {
    name: "a reached budget ends the wait whatever is queued",
    build: (e) => [e.user("q"), e.running(), e.queuedUser("q2"), e.idle("budget_reached")],
    verdict: "budget_reached",
    reply: "",
  },
  {
    name: "a session error alone ends nothing",
    build: (e) => [
      e.user("q"),
      e.running(),
      e.make("session.error", {
        error: { type: "model_overloaded_error", retry_status: { type: "retrying" } },
      }),
    ],
    verdict: "waits:turn",
    reply: "",
  },
  {
    name: "an open workflow run keeps the wait going",
    build: (e) => [
      e.user("q"),
      e.running(),
      e.make("workflow_run.created", { workflow_run_id: "wrun_1", name: "nightly" }),
      e.endTurn(),
    ],
    verdict: "waits:workflow_runs",
    reply: "",
  },
  {
    name: "after the last workflow run the agent reports once more",
    build: (e) => [
      e.user("q"),
      e.running(),
      e.make("workflow_run.created", { workflow_run_id: "wrun_1" }),
      e.endTurn(),
      e.make("workflow_run.status_ended", { workflow_run_id: "wrun_1" }),
    ],
    verdict: "waits:start",
    reply: "",
  },
  {
    name: "the first of two workflow runs to end leaves the other open",
    build: (e) => [
      e.running(),
      e.make("workflow_run.created", { workflow_run_id: "wrun_1" }),
      e.make("workflow_run.created", { workflow_run_id: "wrun_2" }),
      e.endTurn(),
      e.make("workflow_run.status_ended", { workflow_run_id: "wrun_1" }),
    ],
    verdict: "waits:workflow_runs",
    reply: "",
  },
  {
    name: "the end of a run that nobody saw begin triggers nothing",
    build: (e) => [
      ...[e.user("q"), e.running(), e.text("a"), e.endTurn()],
      e.make("workflow_run.status_ended", { workflow_run_id: "wrun_x" }),
    ],
    verdict: "idle",
    reply: "a",
  },
  {
    name: "what was said of a workflow run goes on from its start to its report",
    build: (e) => [
      ...[e.user("q"), e.running(), e.text("started")],
      e.make("workflow_run.created", { workflow_run_id: "wrun_1" }),
      ...[e.endTurn(), e.running(), e.text("halfway"), e.endTurn()],
      e.make("workflow_run.status_ended", { workflow_run_id: "wrun_1" }),
      ...[e.running(), e.text("done"), e.endTurn()],
    ],
    verdict: "idle",
    reply: "started|halfway|done",
  },
  {
    name: "a question asked while a workflow run is open has its own reply",
    build: (e) => [
      ...[e.user("q"), e.running(), e.text("started")],
      e.make("workflow_run.created", { workflow_run_id: "wrun_1" }),
      ...[e.endTurn(), e.user("how far?"), e.running(), e.text("halfway"), e.endTurn()],
    ],
    verdict: "waits:workflow_runs",
    reply: "halfway",
  },
  {
    name: "an answer given before the idle event that asks for it counts",
    build: (e) => {
      const ask = e.tool("rm", { evaluated_permission: "ask" });
      const answer = e.make("user.tool_confirmation", { tool_use_id: ask.id, result: "allow" });
      return [e.user("q"), e.running(), ask, answer, e.asks(ask.id ?? "")];
    },
    verdict: "waits:resume",
    reply: "",
  },
  {
    name: "an idle event after the end of the session changes nothing",
    build: (e) => [e.user("q"), e.running(), e.make("session.status_terminated"), e.endTurn()],
    verdict: "terminated",
    reply: "",
  },
  {
    name: "an agent that speaks after the end of the session changes nothing",
    build: (e) => [e.user("q"), e.running(), e.make("session.status_terminated"), e.running()],
    verdict: "terminated",
    reply: "",
  },
  {
    name: "an interrupt that is queued while blocked may still end the turn",
    build: (e) => [
      ...[e.user("q"), e.running(), e.asks("sevt_x")],
      e.make("user.interrupt", { processed_at: null }),
    ],
    verdict: "waits:resume",
    reply: "",
  },
  {
    name: "input that was queued on a session that was terminated holds nothing up",
    build: (e) => [
      ...[e.user("q"), e.running(), e.queuedUser("q2")],
      e.make("session.status_terminated"),
    ],
    verdict: "terminated",
    reply: "",
  },
  {
    name: "a queued first message waits to be taken up",
    build: (e) => [e.queuedUser("q")],
    verdict: "waits:queued",
    reply: "",
  },
  {
    name: "a terminated session is over",
    build: (e) => [e.user("q"), e.running(), e.text("a"), e.make("session.status_terminated")],
    verdict: "terminated",
    reply: "a",
  },
  {
    name: "a deleted session is over",
    build: (e) => [e.user("q"), e.running(), e.make("session.deleted", { id: undefined })],
    verdict: "deleted",
    reply: "",
  },
  {
    name: "unknown event types change nothing",
    build: (e) => [e.user("q"), e.make("agent.daydream"), e.running(), e.make("x.y"), e.text("a")],
    verdict: "waits:turn",
    reply: "a",
  },
  {
    name: "a server without status events still shows that the agent works",
    build: (e) => [e.user("q"), e.make("span.model_request_start"), e.text("a")],
    verdict: "waits:turn",
    reply: "a",
  },
  {
    name: "after a cursor only what follows counts",
    build: (e) => [e.user("q"), e.running(), e.text("a"), e.text("b"), e.endTurn()],
    after: 2,
    verdict: "idle",
    reply: "b",
  },
  {
    name: "after a cursor every later turn counts",
    build: (e) => [
      ...[e.user("q1"), e.running(), e.text("a"), e.text("b"), e.endTurn()],
      ...[e.user("q2"), e.running(), e.text("c"), e.endTurn()],
    ],
    after: 2,
    verdict: "idle",
    reply: "b|c",
  },
  {
    name: "after a queued message only its own turn counts",
    build: (e) => {
      const [first, begin, second] = [e.user("q1"), e.running(), e.queuedUser("q2")];
      const rest = [e.text("one"), e.endTurn(), e.stamped(second)];
      return [first, begin, second, ...rest, e.running(), e.text("two"), e.endTurn()];
    },
    after: 2,
    verdict: "idle",
    reply: "two",
  },
  {
    name: "after a message queued behind two turns only its own turn counts",
    build: (e) => {
      const [first, begin] = [e.user("q0"), e.running()];
      const [one, two] = [e.queuedUser("q1"), e.queuedUser("q2")];
      const turnOne = [e.text("zero"), e.endTurn(), e.stamped(one), e.running(), e.text("one")];
      const turnTwo = [e.endTurn(), e.stamped(two), e.running(), e.text("two"), e.endTurn()];
      return [first, begin, one, two, ...turnOne, ...turnTwo];
    },
    after: 3,
    verdict: "idle",
    reply: "two",
  },
  {
    name: "after a message stamped only when its turn settled the turn's text counts",
    build: (e) => {
      const sent = e.queuedUser("q");
      return [sent, e.running(), e.text("a"), e.endTurn(), e.stamped(sent)];
    },
    after: 0,
    verdict: "idle",
    reply: "a",
  },
  {
    name: "nothing after the newest event is an empty reply",
    build: (e) => [e.user("q"), e.running(), e.text("a"), e.endTurn()],
    after: 3,
    verdict: "idle",
    reply: "",
  },
];
