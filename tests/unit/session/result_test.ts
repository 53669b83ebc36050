import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { readEvent } from "../../../src/session/event_types.ts";
import type { WaitStatus } from "../../../src/session/verdict.ts";
import { buildResult, type ResultParts } from "../../../src/session/result.ts";
import { turnOf } from "../../../src/session/turn.ts";
import { type EventMaker, eventMaker } from "../../helpers/events.ts";

const TERMINATED = "session.status_terminated";

function build(
  events: (e: EventMaker) => SessionEvent[],
  parts: Partial<ResultParts> = {},
) {
  const log = events(eventMaker());
  const turn = turnOf(log.map(readEvent), parts.afterId);
  return buildResult({
    sessionId: "sesn_1",
    status: "idle",
    turn,
    elapsedMs: 1_234,
    complete: true,
    wasRead: true,
    doing: "thinking",
    exposeToolInputs: false,
    ...parts,
  });
}

Deno.test("buildResult() of a plain turn has what counts and nothing else", () => {
  const result = build((e) => [e.user("q"), e.running(), e.text("a"), e.endTurn()]);
  assertEquals(result, {
    session_id: "sesn_1",
    status: "idle",
    reply: "a",
    stop_reason: { type: "end_turn" },
    tool_activity: [],
    pending_actions: [],
    errors: [],
    last_event_id: "sevt_000004",
    elapsed_sec: 1.2,
  });
});

/** A `session.usage` event with what the session has cost so far, in cents. */
function usage(e: EventMaker, amount: unknown, fields: Record<string, unknown> = {}) {
  return e.make("session.usage", { usage: { list_cost: { amount, currency: "USD" } }, ...fields });
}

/** A turn at whose end the session has cost so much. */
function turn(e: EventMaker, amount: unknown) {
  return [e.user("q"), e.running(), e.text("a"), usage(e, amount), e.endTurn()];
}

const COSTS: readonly [
  what: string,
  events: (e: EventMaker) => SessionEvent[],
  status: WaitStatus,
  costs: [session?: number, turn?: number],
][] = [
  ["a first turn", (e) => turn(e, "12"), "idle", [0.12, undefined]],
  ["a second turn", (e) => [...turn(e, "12"), ...turn(e, "187")], "idle", [1.87, 1.75]],
  ["a turn for nothing", (e) => [...turn(e, "7"), ...turn(e, "7")], "idle", [0.07, 0]],
  [
    "a turn that waited for somebody",
    (e) => {
      const call = e.tool("bash", { evaluated_permission: "ask" });
      const id = call.id ?? "";
      const asked = [e.user("q"), e.running(), call, usage(e, "20"), e.asks(id)];
      const allowed = e.make("user.tool_confirmation", { tool_use_id: id, result: "allow" });
      const rest = [e.running(), e.toolResult(id), e.text("a"), usage(e, "50"), e.endTurn()];
      return [...turn(e, "10"), ...asked, allowed, ...rest];
    },
    "idle",
    [0.5, 0.4],
  ],
  [
    "a turn that waits for somebody",
    (e) => {
      const call = e.tool("bash", { evaluated_permission: "ask" });
      const asked = [e.user("q"), e.running(), call, usage(e, "20"), e.asks(call.id ?? "")];
      return [...turn(e, "10"), ...asked];
    },
    "requires_action",
    [0.2, 0.1],
  ],
  [
    "a turn whose end tells no cost",
    (e) => [...turn(e, "12"), e.user("q"), e.running(), e.text("a"), e.endTurn()],
    "idle",
    [],
  ],
  [
    "a turn that ends without having said a word",
    (e) => [...turn(e, "12"), e.user("q"), e.running(), e.endTurn()],
    "idle",
    [],
  ],
  [
    "work after the cost was told",
    (e) => [e.user("q"), e.running(), usage(e, "12"), e.text("a"), e.make(TERMINATED)],
    "terminated",
    [],
  ],
  [
    "an evaluation after the cost was told",
    (e) => [
      ...[e.user("q"), e.running(), e.text("a"), usage(e, "12")],
      e.make("span.outcome_evaluation_end", { outcome_id: "outc_1", result: "satisfied" }),
      e.endTurn(),
    ],
    "idle",
    [],
  ],
  ["a wait that timed out", (e) => turn(e, "12"), "timeout", []],
  ["a cost that has shrunk", (e) => [...turn(e, "12"), ...turn(e, "3")], "idle", [0.03, undefined]],
  ["an earlier cost that is unknown", (e) => [...turn(e, {}), ...turn(e, "3")], "idle", [0.03]],
  ...["1.5", null, {}, "-3", true].map((odd): typeof COSTS[number] => [
    `a cost of ${JSON.stringify(odd)}`,
    (e) => turn(e, odd),
    "idle",
    [],
  ]),
  [
    "the cost of a subagent",
    (e) => [...turn(e, "12"), usage(e, "3", { session_thread_id: "sthr_2" })],
    "idle",
    [0.12],
  ],
];

for (const [what, events, status, [session, ofTurn]] of COSTS) {
  Deno.test(`buildResult() tells what is known of the cost, and guesses nothing: ${what}`, () => {
    const { cost_usd, turn_cost_usd } = build(events, { status });
    assertEquals([cost_usd, turn_cost_usd], [session, ofTurn]);
  });
}

Deno.test("buildResult() tells the cost of the newest turn also after a cursor", () => {
  const all = (e: EventMaker) => [...turn(e, "12"), ...turn(e, "15")];
  const afterId = all(eventMaker())[4]?.id ?? "";
  const { cost_usd, turn_cost_usd } = build(all, { afterId });
  assertEquals([cost_usd, turn_cost_usd], [0.15, 0.03]);
});

Deno.test("buildResult() gives the state of each tool call", () => {
  const events = (e: EventMaker) => {
    const [done, failed, open] = [e.tool("a"), e.tool("b"), e.tool("c")];
    const results = [
      e.toolResult(done.id ?? ""),
      e.toolResult(failed.id ?? "", { is_error: true }),
    ];
    return [e.running(), done, failed, open, ...results];
  };
  const statuses = (status: WaitStatus) =>
    build(events, { status }).tool_activity.map((tool) => `${tool.name} ${tool.status}`);
  assertEquals(statuses("timeout"), ["a done", "b failed", "c running"]);
  assertEquals(statuses("idle"), ["a done", "b failed", "c done"]);
});

Deno.test("buildResult() names MCP servers, threads and custom tools that wait", () => {
  const result = build((e) => {
    const ask = e.make("agent.mcp_tool_use", {
      name: "merge",
      mcp_server_name: "github",
      evaluated_permission: "ask",
      session_thread_id: "sthr_1",
      input: { pull_request: 7 },
    });
    const custom = e.make("agent.custom_tool_use", { name: "crm_lookup", input: "who?" });
    return [e.running(), ask, custom, e.asks(ask.id ?? "", custom.id ?? "", "sevt_unseen")];
  }, { status: "requires_action" });
  assertEquals(result.tool_activity[0], { name: "merge", server: "github", status: "waiting" });
  assertEquals(result.pending_actions.map(({ kind, name }) => [kind, name]), [
    ["tool_confirmation", "merge"],
    ["custom_tool_result", "crm_lookup"],
    ["tool_confirmation", undefined],
  ]);
  assertEquals(result.pending_actions[0]?.session_thread_id, "sthr_1");
  assert(!JSON.stringify(result).includes("who?"));
  assertStringIncludes(result.next ?? "", "3 tool call(s)");
});

Deno.test("buildResult() names the subagent that makes a call, and never the session's own agent", () => {
  const events = (e: EventMaker) => {
    const call = (threadId: string) =>
      e.tool("bash", { evaluated_permission: "ask", session_thread_id: threadId });
    const named = (type: string, threadId: string, name: string) =>
      e.make(type, { session_thread_id: threadId, agent_name: name });
    const history = [
      e.user("q", { session_thread_id: "sthr_own" }),
      e.running(),
      named("session.thread_status_running", "sthr_own", "Lead"),
      named("session.thread_created", "sthr_1", "Researcher"),
      named("session.thread_status_running", "sthr_2", "Writer"),
      ...["sthr_1", "sthr_2", "sthr_3", "sthr_own"].map(call),
    ];
    const ids = history.slice(-4).map(({ id }) => String(id));
    return [...history, e.asks(...ids)];
  };
  const { pending_actions } = build(events, { status: "requires_action" });
  assertEquals(pending_actions.map(({ agent }) => agent), [
    ...["Researcher", "Writer"],
    ...[undefined, undefined],
  ]);
});

Deno.test("buildResult() tells all of a call that blocks without saying that it asks", () => {
  const answerTo = (permission?: string) => {
    const events = (e: EventMaker) => {
      const call = e.make("agent.mcp_tool_use", {
        name: "merge",
        mcp_server_name: "github",
        evaluated_permission: permission,
      });
      return [e.user("q"), e.running(), call, e.asks(call.id ?? "")];
    };
    const [action] = build(events, { status: "requires_action", has: () => true }).pending_actions;
    assertEquals([action?.name, action?.server], ["merge", "github"]);
    return action?.answer;
  };
  assertEquals(
    answerTo("allow"),
    "the environment that runs the tool, or a person in the Claude Console",
  );
  assertEquals(answerTo(), "a person decides, in the Claude Console");
  assertStringIncludes(answerTo("ask") ?? "", "confirm_tool_use");
});

const CONSOLE = "https://console.example/sessions";

Deno.test("buildResult() names the session's page for every stop that somebody may look into", () => {
  const statuses: WaitStatus[] = [
    ...(["idle", "requires_action", "retries_exhausted", "budget_reached", "refusal"] as const),
    ...(["terminated", "deleted", "not_started", "timeout"] as const),
  ];
  const page = `${CONSOLE}/sesn_1`;
  const withPage = statuses.filter((status) => {
    const { console_url } = build((e) => [e.user("q"), e.running()], {
      status,
      consoleUrl: CONSOLE,
    });
    if (console_url !== undefined) assertEquals(console_url, page);
    return console_url !== undefined;
  });
  assertEquals(withPage, [
    ...["requires_action", "retries_exhausted", "budget_reached", "refusal", "terminated"],
  ]);
  assertEquals(build(() => [], { status: "refusal" }).console_url, undefined);
});

Deno.test("buildResult() of a timeout says little also where calls wait", () => {
  const events = (e: EventMaker) => {
    const id = (n: number) => `sevt_011CZkZBJq5dWxk9fVLNcPh${n}`;
    const asked = [1, 2, 3].map((n) => e.tool("bash", { id: id(n), evaluated_permission: "ask" }));
    return [e.user("q"), e.running(), ...asked];
  };
  const options = {
    status: "timeout" as const,
    consoleUrl: CONSOLE,
    sessionId: "sesn_011CZkZBJq5dWxk9fVLNcPht",
    afterId: "sevt_011CZkZBJq5dWxk9fVLNcPh3",
  };
  for (const has of [undefined, () => true]) {
    const result = build(events, { ...options, has });
    const beside = { ...result, tool_activity: [], pending_actions: [] };
    const size = JSON.stringify(beside).length;
    assert(size <= 400, `${size}: ${JSON.stringify(beside)}`);
    assert(JSON.stringify(result.pending_actions).length <= 200);
    assertEquals(result.pending_actions.length, 2);
    assertStringIncludes(result.next ?? "", "3 tool call(s) wait for an answer");
  }
});

Deno.test("buildResult() names no tool that the caller lacks", () => {
  const text = "x".repeat(40_000);
  const has = () => false;
  const cut = build((e) => [e.user("q"), e.running(), e.text(text), e.endTurn()], { has });
  assertEquals(cut.next, "The oldest part was left out.");
  const tools = (e: EventMaker) => Array.from({ length: 60 }, (_, i) => e.tool(`tool_${i}`));
  const many = build((e) => [e.running(), ...tools(e), e.text("end"), e.endTurn()], { has });
  assertEquals(many.next, "Earlier tool calls of this turn were left out.");
});

Deno.test("buildResult() names the MCP server of an error, but not in a timeout", () => {
  const events = (e: EventMaker) => [
    e.running(),
    e.make("session.error", {
      error: { type: "mcp_connection_failed_error", mcp_server_name: "crm" },
    }),
  ];
  assertEquals(build(events).errors[0]?.server, "crm");
  assertEquals(build(events, { status: "timeout" }).errors[0]?.server, undefined);
});

Deno.test("buildResult() carries refusals and errors as the API gave them", () => {
  const result = build((e) => [
    e.running(),
    e.make("session.error", {
      error: {
        type: "comet_error",
        message: "x".repeat(2_000),
        retry_status: { type: "exhausted" },
      },
    }),
    e.make("session.status_idle", {
      stop_reason: { type: "refusal" },
      stop_details: { type: "refusal", category: "cyber", explanation: "no" },
    }),
  ], { status: "refusal" });
  assertEquals(result.stop_reason, { type: "refusal", category: "cyber", explanation: "no" });
  assertEquals(result.errors[0]?.type, "comet_error");
  assertEquals(result.errors[0]?.retry_status, "exhausted");
  assertEquals(result.errors[0]?.message?.length, 500);
});

Deno.test("buildResult() of a wait that lost the API says whose error it is", () => {
  const connectionError = new ApiError("Cannot connect to https://api.example", {
    kind: "not_sent",
  });
  const result = build((e) => [e.running(), e.text("part")], {
    status: "timeout",
    connectionError,
  });
  assertEquals(result.errors[0]?.type, "api_unreachable");
  assertStringIncludes(result.errors[0]?.message ?? "", "https://api.example");
  assertEquals(build((e) => [e.running()], { connectionError }).errors, []);
  const odd = build((e) => [e.running()], {
    status: "timeout",
    connectionError: new Error("/etc/secret"),
  });
  assert(!JSON.stringify(odd).includes("secret"));
});

for (
  const [status, words] of [
    [429, "The Managed Agents API answers 429: Slow down"],
    [503, "The Managed Agents API answers 503: Slow down"],
  ] as const
) {
  Deno.test(`buildResult() of a wait that got ${status} does not report the connection`, () => {
    const connectionError = new ApiError("Slow down", { kind: "http", status, author: "api" });
    const result = build((e) => [e.running()], { status: "timeout", connectionError });
    assertEquals(result.errors[0]?.message, words);
  });
}

Deno.test("buildResult() of a wait that could read nothing does not claim that the agent works", () => {
  const result = build(() => [], { status: "timeout", wasRead: false, afterId: "sevt_9" });
  assertEquals(result.errors[0]?.type, "api_unreachable");
  assert(!result.next?.includes("Still running"), result.next);
  assertStringIncludes(result.next ?? "", 'after_id "sevt_9w1"');
});

const ADVICE: [WaitStatus, string][] = [
  ["timeout", 'wait_for_idle again with after_id "sevt_000002"'],
  ["requires_action", "Console"],
  ["retries_exhausted", "Send the message again"],
  ["budget_reached", "budget"],
  ["refusal", "Rephrase"],
  ["terminated", "create_session"],
  ["deleted", "create_session"],
  ["not_started", "send_message"],
];

for (const [status, words] of ADVICE) {
  Deno.test(`buildResult() with status ${status} says what to do next`, () => {
    const result = build((e) => [e.user("q"), e.running()], { status });
    assertStringIncludes(result.next ?? "", words);
  });
}

Deno.test("buildResult() keeps the newest messages when the reply is too long", () => {
  const text = (length: number) => "x".repeat(length);
  const result = build((e) => [
    e.user("q"),
    e.running(),
    e.text(`first ${text(10_000)}`),
    e.text(`second ${text(20_000)}`),
    e.text(`third ${text(5_000)}`),
    e.endTurn(),
  ]);
  assert(result.reply.startsWith("second"));
  assert(result.reply.includes("third"));
  assertEquals(result.omitted, { characters: 10_006, after_id: "sevt_000002" });
  assertStringIncludes(result.next ?? "", 'list_events with after_id = "sevt_000002"');
});

Deno.test("buildResult() does not claim to know how much it has not read", () => {
  const result = build((e) => [e.text("end"), e.endTurn()], { complete: false });
  assertEquals(result.reply, "end");
  assertEquals(result.omitted, {});
  assertStringIncludes(result.next ?? "", "list_events");
});

Deno.test("buildResult() keeps the newest of many tools and errors", () => {
  const result = build((e) => [
    e.running(),
    ...Array.from({ length: 60 }, (_, i) => e.tool(`tool_${i}`)),
    ...Array.from(
      { length: 15 },
      (_, i) => e.make("session.error", { error: { type: `error_${i}` } }),
    ),
    e.endTurn(),
  ]);
  assertEquals(result.tool_activity.length, 50);
  assertEquals(result.tool_activity.at(-1)?.name, "tool_59");
  assertEquals(result.errors.length, 10);
  assertEquals(result.errors.at(-1)?.type, "error_14");
  assertEquals(result.omitted, { tools: 10, errors: 5 });
  const words = "Earlier tool calls and errors of this turn were left out: list_events shows them.";
  assertStringIncludes(result.next ?? "", words);
});

Deno.test("buildResult() says what was left out, and nothing else", () => {
  const tools = Array.from({ length: 60 }, (_, i) => `tool_${i}`);
  const result = build((e) => [
    e.running(),
    ...tools.map((name) => e.tool(name)),
    e.text("end"),
    e.endTurn(),
  ]);
  const words = "Earlier tool calls of this turn were left out: list_events shows them.";
  assertEquals(result.next, words);
});

Deno.test("buildResult() says how many tool calls wait, and that not all are shown", () => {
  const result = build((e) => {
    const calls = Array.from(
      { length: 300 },
      () => e.make("agent.custom_tool_use", { name: "ask", input: {} }),
    );
    return [e.running(), ...calls, e.asks(...calls.map(({ id }) => id ?? ""))];
  }, { status: "requires_action" });
  assertEquals(result.pending_actions.length, 10);
  assertStringIncludes(result.next ?? "", "300 tool call(s), the first 10 of which are shown");
});

Deno.test("buildResult() of a timeout says little, and never asks for the same call again", () => {
  const id = (name: string) => `sevt_011CZkZBJq5dWxk9fVLN${name}`.slice(0, 30);
  const at = (e: EventMaker) => [
    e.user("q", { id: id("user") }),
    e.make("session.status_running", { id: id("running") }),
    ...Array.from({ length: 40 }, (_, i) => e.tool("web_search", { id: id(`tool${i}`) })),
    e.error("model_overloaded_error"),
  ];
  const connectionError = new ApiError(
    "Cannot connect to https://api.anthropic.com: its name cannot be",
    {
      kind: "not_sent",
    },
  );
  const newest = build(at).last_event_id ?? "";
  const sessionId = "sesn_011CZkZBJq5dWxk9fVLNcPht";
  let cursor: string | undefined;
  const seen = new Set<string | undefined>();
  for (let i = 0; i < 12; i++) {
    const result = build(at, {
      status: "timeout",
      sessionId,
      doing: "using web_search, web_search, web_search",
      ...(cursor !== undefined && { afterId: cursor }),
      ...(i > 5 && { connectionError }),
    });
    const limit = i > 5 ? 500 : i > 0 ? 400 : 520;
    const size = JSON.stringify(result).length;
    assert(size <= limit, `${size}: ${JSON.stringify(result)}`);
    assertEquals(seen.size, seen.add(result.last_event_id).size - 1, "the same call again");
    cursor = result.last_event_id;
    assert(cursor?.startsWith(newest) || i === 0);
    assertStringIncludes(result.next ?? "", `after_id "${cursor}"`);
  }
});

Deno.test("buildResult() of a session without a single event still asks for another call", () => {
  const first = build(() => [], { status: "timeout" });
  assertEquals(first.last_event_id, "startw1");
  const second = build(() => [], { status: "timeout", afterId: first.last_event_id });
  assertEquals(second.last_event_id, "startw2");
});

Deno.test("buildResult() keeps a queued cursor until its own turn has begun", () => {
  const events = (e: EventMaker) => [
    ...[e.user("q"), e.running(), e.text("a"), e.queuedUser("mine")],
  ];
  const result = build(events, { status: "timeout", afterId: "sevt_000004" });
  assertEquals(result.last_event_id, "sevt_000004w1");
});

Deno.test("buildResult() never asks for the same call while somebody has to decide", () => {
  const events = (e: EventMaker) => {
    const ask = e.tool("rm", { evaluated_permission: "ask" });
    return [e.user("q"), e.running(), ask, e.asks(ask.id ?? "")];
  };
  const again = build(events, { status: "requires_action", afterId: "sevt_000004w1" });
  assertEquals(again.last_event_id, "sevt_000004w2");
  assertEquals(
    build(events, { status: "idle", afterId: "sevt_000004" }).last_event_id,
    "sevt_000004",
  );
});

for (const retry of ["exhausted", "retrying"]) {
  Deno.test(`buildResult() says that an error (${retry}) ended the turn without a reply`, () => {
    const turn = (e: EventMaker) => [e.user("q"), e.running(), e.error("billing_error", retry)];
    const silent = build((e) => [...turn(e), e.endTurn()]);
    assertStringIncludes(silent.next ?? "", "ended with an error (billing_error) and no reply");
    const spoke = build((e) => [...turn(e), e.text("well"), e.endTurn()]);
    assertEquals(spoke.next?.includes("incomplete") ?? false, retry === "exhausted");
  });
}

Deno.test("buildResult() marks what the wait saw pass with the cursor that shows it", () => {
  const e = eventMaker();
  const [first, begin, second] = [e.user("q1"), e.running(), e.queuedUser("q2")];
  const rest = [e.text("one"), e.endTurn(), e.stamped(second), e.running(), e.text("two")];
  const events = [first, begin, second, ...rest, e.endTurn()].map(readEvent);
  const turn = turnOf(events.slice(0, 2));
  turn.watchFrom(begin.id ?? "", true);
  for (const event of events.slice(2)) turn.add(event);
  const result = build(() => [], { turn });
  assertEquals(result.reply, "two");
  assertEquals(result.omitted, { characters: 3, after_id: begin.id ?? "" });
  assertStringIncludes(result.next ?? "", `list_events with after_id = "${begin.id}"`);
});

/** A turn in which a subagent worked on an outcome that was then judged. */
function delegated(e: EventMaker, name = "Researcher", explanation = "The title is missing.") {
  const thread = { session_thread_id: "sthr_1", agent_name: name };
  const outcome = { outcome_id: "outc_1", iteration: 1 };
  return [
    e.user("q"),
    e.running(),
    e.make("session.thread_created", thread),
    e.make("session.thread_status_running", thread),
    e.tool("bash", { session_thread_id: "sthr_1", evaluated_permission: "ask" }),
    usage(e, "7", { session_thread_id: "sthr_1" }),
    e.make("session.thread_status_idle", { ...thread, stop_reason: { type: "end_turn" } }),
    e.text("a"),
    e.make("span.outcome_evaluation_start", outcome),
    e.make("span.outcome_evaluation_end", { ...outcome, result: "failed", explanation }),
    e.endTurn(),
  ];
}

Deno.test("buildResult() names the subagents that worked, and how the outcome was judged", () => {
  const result = build((e) => delegated(e));
  assertEquals(result.subagents, [
    { name: "Researcher", thread_id: "sthr_1", status: "idle", cost_usd: 0.07 },
  ]);
  assertEquals(result.outcome_evaluations, [{
    outcome_id: "outc_1",
    iteration: 1,
    result: "failed",
    explanation: "The title is missing.",
  }]);
  assertEquals(result.tool_activity, [{ name: "bash", status: "done", agent: "Researcher" }]);
  assertEquals(result.omitted, undefined);
});

Deno.test("buildResult() of a timeout leaves subagents and evaluations to the turn's end", () => {
  const result = build((e) => delegated(e), { status: "timeout" });
  assertEquals([result.subagents, result.outcome_evaluations], [undefined, undefined]);
  assertEquals("agent" in (result.tool_activity[0] ?? {}), false);
});

Deno.test("buildResult() escapes what does not show in a subagent's name", () => {
  const { subagents, tool_activity } = build((e) => delegated(e, "A\u202eB\n"));
  assertEquals([subagents?.[0]?.name, tool_activity[0]?.agent], Array(2).fill("A\\u202eB\\u000a"));
});

Deno.test("buildResult() bounds subagents and evaluations, and counts what it leaves out", () => {
  const result = build((e) => [
    e.running(),
    ...Array.from({ length: 60 }, (_, index) =>
      e.make("agent.thread_message_sent", {
        to_session_thread_id: `sthr_${index}`,
        to_agent_name: `Worker ${index}`,
      })),
    ...Array.from({ length: 30 }, (_, iteration) =>
      e.make("span.outcome_evaluation_end", {
        iteration,
        result: "needs_revision",
        explanation: "\u0007".repeat(900),
      })),
    e.text("a"),
  ]);
  const { subagents = [], outcome_evaluations: evaluations = [] } = result;
  assertEquals([subagents.length, subagents.at(-1)?.name], [20, "Worker 59"]);
  assertEquals([evaluations.length, evaluations.at(-1)?.iteration], [1, 29]);
  assertEquals(evaluations[0]?.explanation?.length, 250);
  assertEquals(result.omitted, { subagents: 40, outcome_evaluations: 29 });
  assertStringIncludes(result.next ?? "", "Earlier subagents and outcome evaluations of this turn");
});

/** A turn in which MCP tools and the agent returned images and documents. */
function illustrated(e: EventMaker) {
  const call = e.make("agent.mcp_tool_use", { name: "draw\u202e", mcp_server_name: "charts" });
  const content = [
    { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
    { type: "image", source: { type: "url", url: "https://charts.example/1" } },
  ];
  const document = { type: "document", title: "Re\u200bport", source: { file_id: "file_1" } };
  return [
    ...[e.user("q"), e.running(), call],
    e.make("agent.mcp_tool_result", { mcp_tool_use_id: call.id, content }),
    e.make("agent.message", { content: [{ type: "text", text: "a" }, document] }),
    e.endTurn(),
  ];
}

Deno.test("buildResult() names the images and documents that the agent returned", () => {
  const { attachments, omitted } = build(illustrated);
  assertEquals(attachments, [
    {
      type: "image",
      media_type: "image/png",
      tool: "draw\\u202e",
      event_id: "sevt_000004",
      shown: false,
      after_id: "sevt_000001",
    },
    {
      type: "image",
      tool: "draw\\u202e",
      event_id: "sevt_000004",
      url: "https://charts.example/1",
    },
    { type: "document", title: "Re\\u200bport", event_id: "sevt_000005", file_id: "file_1" },
  ]);
  assertEquals(omitted, undefined);
  assertEquals(build(illustrated, { status: "timeout" }).attachments, undefined);
});

Deno.test("buildResult() names the newest ten attachments, and counts the others", () => {
  const result = build((e) => [
    e.running(),
    ...Array.from(
      { length: 15 },
      (_, at) => e.make("agent.message", { content: [{ type: "document", title: `Page ${at}` }] }),
    ),
    e.text("a"),
  ]);
  assertEquals(result.attachments?.map(({ title }) => title).at(0), "Page 5");
  assertEquals([result.attachments?.length, result.omitted], [10, { attachments: 5 }]);
  assertStringIncludes(
    result.next ?? "",
    "attachments of this turn were left out: list_events shows them, attachments with limit = 1.",
  );
});
