import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Principal } from "../../../src/access/principal.ts";
import type { SessionEvent } from "../../../src/api/events.ts";
import type { Page } from "../../../src/api/pages.ts";
import type { Session } from "../../../src/api/resources.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import type { Person } from "../../../src/session/person.ts";
import type { ToolCall } from "../../../src/tools/define.ts";
import { getSession } from "../../../src/tools/get_session.ts";
import { eventMaker } from "../../helpers/events.ts";
import { settle } from "../../helpers/manual_clock.ts";
import { FakeEvents, harness, httpError, session } from "./support.ts";

async function get(
  history: readonly SessionEvent[],
  fields = {},
  options: { readonly exposeToolInputs?: boolean; readonly consoleUrl?: string } = {},
) {
  const fake = new FakeEvents(history);
  let retrieves = 0;
  const { run } = harness({
    sessions: {
      retrieve: () => {
        retrieves++;
        return Promise.resolve(session(fields));
      },
    },
    events: fake.api,
  }, options);
  const result = await run(getSession, { session_id: "sesn_1" });
  assertEquals([retrieves, fake.requests.length], [1, 1]);
  return result;
}

Deno.test("get_session names the session's page where the console is known", async () => {
  const { console_url } = await get([], {}, { consoleUrl: "https://console.example/sessions" });
  assertEquals(console_url, "https://console.example/sessions/sesn_1");
});

Deno.test("get_session is compact: no snapshot of the agent, no system prompt", async () => {
  const result = await get([], {
    title: "Work",
    status: "idle",
    agent: {
      id: "agent_1",
      name: "Analyst",
      version: 4,
      system: "SECRET",
      mcp_servers: [{ name: "m", url: "https://internal.example/mcp" }],
    },
    environment_id: "env_1",
    usage: { input_tokens: 5 },
    budget: null,
    created_at: "2026-11-23T09:00:00Z",
    updated_at: "2026-11-23T09:01:00Z",
    archived_at: null,
    metadata: { ticket: "OPS" },
  });
  assertEquals(result, {
    session_id: "sesn_1",
    status: "idle",
    title: "Work",
    agent: { id: "agent_1", name: "Analyst", version: 4 },
    environment_id: "env_1",
    pending_actions: [],
    usage: { input_tokens: 5 },
    created_at: "2026-11-23T09:00:00Z",
    updated_at: "2026-11-23T09:01:00Z",
  });
});

for (const odd of [[], {}, "", "much", 7, null, [1]]) {
  Deno.test(`get_session leaves out a usage and budget of ${JSON.stringify(odd)}`, async () => {
    const result = await get([], { usage: odd, budget: odd });
    assertEquals(["usage" in result, "budget" in result], [false, false]);
  });
}

Deno.test("get_session gives money in dollars: the API's are cents", async () => {
  const list_cost = { amount: "3", currency: "USD" };
  const result = await get([], {
    usage: {
      input_tokens: 5,
      list_cost,
      parts: [{ list_cost, tax: { amount: 187, currency: "USD" } }],
    },
    budget: { type: "limit", max_list_cost: { amount: "500", currency: "USD" } },
  });
  assertEquals(result.usage, {
    input_tokens: 5,
    cost_usd: 0.03,
    parts: [{ cost_usd: 0.03, tax_usd: 1.87 }],
  });
  assertEquals(result.budget, { type: "limit", max_cost_usd: 5 });
  assertEquals(result.cost_usd, 0.03);
  for (const odd of [{ amount: "x", currency: "USD" }, { amount: "3", currency: "JPY" }, null, 3]) {
    const { usage, ...rest } = await get([], { usage: { list_cost: odd } });
    assertEquals([usage, "cost_usd" in rest], [{ list_cost: odd }, false]);
  }
});

Deno.test("get_session takes the status from the events where the session has none", async () => {
  const idle = { type: "session.status_idle", stop_reason: { type: "end_turn" } };
  assertEquals((await get([idle], { status: undefined })).status, "idle");
  assertEquals((await get([], { status: undefined })).status, "unknown");
});

Deno.test("get_session reads a session whose agent is a bare id, or missing", async () => {
  assertEquals((await get([], { agent: "agent_9" })).agent, { id: "agent_9" });
  assertEquals((await get([], { agent: null })).agent, {});
});

Deno.test("get_session says why the last turn ended", async () => {
  const { user, running, idle } = eventMaker();
  const refusal = {
    ...idle("refusal"),
    stop_details: { type: "refusal", category: "cyber", explanation: "No." },
  };
  assertEquals((await get([user("a"), running(), refusal])).last_stop_reason, {
    type: "refusal",
    category: "cyber",
    explanation: "No.",
  });
});

Deno.test("get_session lists the tool calls that wait for an answer, with names and no inputs", async () => {
  const { tool, make, asks } = eventMaker();
  const bash = tool("bash", { evaluated_permission: "ask", input: { command: "rm x" } });
  const custom = make("agent.custom_tool_use", { name: "book", input: { room: "7" } });
  const history = [bash, custom, asks(String(bash.id), String(custom.id), "sevt_unseen")];
  assertEquals((await get(history, { status: "idle" })).pending_actions, [
    {
      event_id: String(bash.id),
      kind: "tool_confirmation",
      name: "bash",
      answer: "a person decides, in the Claude Console",
      input: { command: "[redacted, 4 characters]" },
    },
    {
      event_id: String(custom.id),
      kind: "custom_tool_result",
      name: "book",
      answer: "the program that provides the tool",
      input: { room: "[redacted, 1 characters]" },
    },
    {
      event_id: "sevt_unseen",
      kind: "tool_confirmation",
      answer: "a person decides, in the Claude Console",
    },
  ]);
  const [exposed] = [(await get(history, {}, { exposeToolInputs: true })).pending_actions].flat();
  assertEquals(exposed, {
    event_id: String(bash.id),
    kind: "tool_confirmation",
    name: "bash",
    answer: "a person decides, in the Claude Console",
    input: { command: "rm x" },
  });
});

Deno.test("get_session says where a call can be answered by this caller, and who makes it", async () => {
  const { tool, make, asks, user } = eventMaker();
  const thread = { session_thread_id: "sthr_1", agent_name: "Researcher" };
  const bash = tool("bash", { evaluated_permission: "ask", session_thread_id: "sthr_1" });
  const history = [user("q"), make("session.thread_created", thread), bash, asks(String(bash.id))];
  const fake = new FakeEvents(history);
  const { run } = harness({
    sessions: { retrieve: () => Promise.resolve(session()) },
    events: fake.api,
  }, { consoleUrl: "https://console.example/sessions" });
  const args = { session_id: "sesn_1" };
  const { pending_actions } = await run(getSession, args, { has: () => true });
  const [action] = [pending_actions].flat();
  assertEquals(action, {
    event_id: String(bash.id),
    kind: "tool_confirmation",
    name: "bash",
    session_thread_id: "sthr_1",
    agent: "Researcher",
    answer: "a person decides: in the Claude Console, or confirm_tool_use sends it",
    input: {},
    console_url: `https://console.example/sessions/sesn_1?event=${bash.id}`,
  });
});

Deno.test("get_session says that wait_for_idle asks, to a caller who may act", async () => {
  const { tool, asks } = eventMaker();
  const bash = tool("bash", { evaluated_permission: "ask" });
  const fake = new FakeEvents([bash, asks(String(bash.id))]);
  const { run } = harness({
    sessions: { retrieve: () => Promise.resolve(session()) },
    events: fake.api,
  });
  const person: Person = { channel: "form", ask: () => Promise.reject(new Error("Asked")) };
  const answerFor = async (overrides: Partial<ToolCall>) => {
    const { pending_actions } = await run(getSession, { session_id: "sesn_1" }, overrides);
    const [action] = [pending_actions].flat();
    return typeof action === "object" && action ? Reflect.get(action, "answer") : undefined;
  };
  const asked = "a person decides, when wait_for_idle asks or in the Claude Console";
  const notAsked = "a person decides, in the Claude Console";
  const reader: Principal = { id: "reader", readOnly: true };
  assertEquals(await answerFor({ person }), asked);
  assertEquals(await answerFor({}), notAsked);
  assertEquals(await answerFor({ person, principal: reader }), notAsked);
});

Deno.test("get_session leaves out calls that were answered since", async () => {
  const { tool, make, asks } = eventMaker();
  const first = tool("bash", { evaluated_permission: "ask" });
  const second = tool("edit", { evaluated_permission: "ask" });
  const answer = make("user.tool_confirmation", { tool_use_id: first.id, result: "allow" });
  const history = [first, second, asks(String(first.id), String(second.id)), answer];
  assertEquals(
    (await get(history)).pending_actions,
    [
      {
        event_id: String(second.id),
        kind: "tool_confirmation",
        name: "edit",
        answer: "a person decides, in the Claude Console",
        input: {},
      },
    ],
  );
});

Deno.test("get_session has no pending actions once the session runs on", async () => {
  const { tool, asks, running } = eventMaker();
  const bash = tool("bash", { evaluated_permission: "ask" });
  const result = await get([bash, asks(String(bash.id)), running()], { status: "running" });
  assertEquals(result.pending_actions, []);
  assertEquals(result.last_stop_reason, { type: "requires_action" });
});

Deno.test("get_session lists a custom tool that waits while the session goes on reading running", async () => {
  const { user, running, make } = eventMaker();
  const custom = make("agent.custom_tool_use", { name: "book", input: { room: "7" } });
  const history = [user("q"), running(), custom];
  const [action] = [(await get(history, { status: "running" })).pending_actions].flat();
  assertEquals(action, {
    event_id: String(custom.id),
    kind: "custom_tool_result",
    name: "book",
    answer: "the program that provides the tool",
    input: { room: "[redacted, 1 characters]" },
  });
  const answer = make("user.custom_tool_result", { custom_tool_use_id: custom.id });
  assertEquals((await get([...history, answer], { status: "running" })).pending_actions, []);
});

Deno.test("get_session prefers the events where the session's status trails them", async () => {
  const { user, running, endTurn } = eventMaker();
  const history = [user("q"), running(), endTurn()];
  assertEquals((await get(history, { status: "running" })).status, "idle");
  assertEquals((await get(history.slice(0, 2), { status: "running" })).status, "running");
  assertEquals((await get(history, { status: "terminated" })).status, "terminated");
});

Deno.test("get_session tolerates an idle event without a stop reason", async () => {
  const { make } = eventMaker();
  const result = await get([make("session.status_idle")]);
  assertEquals(result.last_stop_reason, undefined);
  assertEquals(result.pending_actions, []);
});

/** A session and the end of its events, each of which comes when the test says so. */
function held(principal?: Principal) {
  const requests: string[] = [];
  const aborted: string[] = [];
  const answers = {
    session: Promise.withResolvers<Session>(),
    events: Promise.withResolvers<Page<SessionEvent>>(),
  };
  const start = <T>(name: string, answer: Promise<T>, signal?: AbortSignal): Promise<T> => {
    requests.push(name);
    signal?.addEventListener("abort", () => aborted.push(name));
    return answer;
  };
  const { run } = harness({
    sessions: {
      retrieve: (_, options) => start("session", answers.session.promise, options?.signal),
    },
    events: {
      list: (_id, _params, options) => start("events", answers.events.promise, options?.signal),
    },
  });
  const result = run(getSession, { session_id: "sesn_1" }, { principal });
  result.catch(() => {});
  return { requests, aborted, ...answers, result };
}

const NO_EVENTS = { data: [], next_page: null };
const CALLERS: readonly [string, Principal | undefined][] = [
  ["anybody", undefined],
  ["a bound caller", { id: "ci", agents: ["agent_1"] }],
];

for (const [who, principal] of CALLERS) {
  Deno.test(`get_session has both of its requests in flight at once, for ${who}`, async () => {
    const { requests, session: sessionRead, events, result } = held(principal);
    await settle();
    assertEquals(requests.toSorted(), ["events", "session"]);
    events.resolve(NO_EVENTS);
    sessionRead.resolve(session());
    assertEquals((await result).session_id, "sesn_1");
    assertEquals(requests.length, 2);
  });
}

const BOUND: Principal = { id: "ci", agents: ["agent_1"] };

for (const first of ["session", "events"] as const) {
  Deno.test(`get_session shows nothing of a foreign session, whose ${first} came first`, async () => {
    const { requests, session: sessionRead, events, result } = held(BOUND);
    if (first === "events") events.resolve({ data: [eventMaker().idle("refusal")] });
    await settle();
    sessionRead.resolve(session({ agent: "agent_2" }));
    await settle();
    if (first === "session") events.resolve({ data: [eventMaker().idle("refusal")] });
    const { code } = await assertRejects(() => result, ToolError);
    assertEquals([code, requests.length], ["not_available", 2]);
  });
}

Deno.test("get_session refuses an unknown session in the words for a foreign one", async () => {
  const { session: sessionRead, events, result } = held(BOUND);
  events.reject(httpError(404, "No session sesn_1."));
  await settle();
  sessionRead.reject(httpError(404, "No session sesn_1."));
  const { code } = await assertRejects(() => result, ToolError);
  assertEquals(code, "not_available");
});

Deno.test("get_session gives up its second request as soon as its caller is refused", async () => {
  const { aborted, session: sessionRead, result } = held(BOUND);
  sessionRead.resolve(session({ agent: "agent_2" }));
  await assertRejects(() => result, ToolError);
  assert(aborted.includes("events"), aborted.join());
});

Deno.test("get_session throws the error of its events only after the access check", async () => {
  const { session: sessionRead, events, result } = held(BOUND);
  events.reject(httpError(503, "Overloaded."));
  await settle();
  sessionRead.resolve(session());
  await assertRejects(() => result, ApiError, "Overloaded.");
});

Deno.test("get_session shows how the agent's work on each outcome was judged", async () => {
  const judged = {
    type: "outcome_evaluation",
    outcome_id: "outc_1",
    description: "d".repeat(400),
    result: "needs_revision",
    iteration: 1,
    explanation: "The title is missing.",
    completed_at: null,
  };
  const { outcome_evaluations } = await get([], { outcome_evaluations: [judged] });
  assertEquals(outcome_evaluations, [{
    outcome_id: "outc_1",
    description: `${"d".repeat(300)}… [100 more characters]`,
    result: "needs_revision",
    iteration: 1,
    explanation: "The title is missing.",
  }]);
});

Deno.test("get_session shows the newest ten outcomes, and leaves out what it cannot read", async () => {
  const many = Array.from({ length: 12 }, (_, iteration) => ({ iteration, result: 5 }));
  const { outcome_evaluations } = await get([], { outcome_evaluations: [...many, null, "odd"] });
  assertEquals(outcome_evaluations, many.slice(2).map(({ iteration }) => ({ iteration })));
  for (const odd of [[], null, {}, "odd"]) {
    assertEquals("outcome_evaluations" in await get([], { outcome_evaluations: odd }), false);
  }
});
