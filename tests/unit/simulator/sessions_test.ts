import { assertEquals, assertMatch } from "@std/assert";
import { settle } from "../../helpers/manual_clock.ts";
import { type Bench, bench, dataOf, dig, Listener, message, type Wire } from "./helpers.ts";

async function create({ call, simulator }: Bench, fields: Wire = {}) {
  const base = { agent: simulator.agentId("quick"), environment_id: simulator.environmentId };
  return await call("POST", "/v1/sessions", { ...base, ...fields });
}

Deno.test("a session is created idle, with every field of the API", async () => {
  const tools = bench();
  const { status, body } = await create(tools, {
    title: "Report",
    metadata: { ticket: "OPS-7" },
    vault_ids: [],
  });
  assertEquals(status, 200);
  const { id, agent, created_at, updated_at, ...rest } = body as Wire;
  assertMatch(String(id), /^sesn_/);
  assertEquals(created_at, updated_at);
  assertEquals(Object.keys(agent as Wire).toSorted(), [
    ...["description", "execution_identity", "id", "mcp_servers", "model", "multiagent", "name"],
    ...["skills", "system", "tools", "type", "version"],
  ]);
  assertEquals(rest, {
    type: "session",
    status: "idle",
    title: "Report",
    environment_id: tools.simulator.environmentId,
    metadata: { ticket: "OPS-7" },
    vault_ids: [],
    resources: [],
    budget: null,
    outcome_evaluations: [],
    deployment_id: null,
    usage: {
      input_tokens: 0,
      output_tokens: 0,
      cache_read_input_tokens: 0,
      list_cost: { amount: "0", currency: "USD" },
    },
    stats: { active_seconds: 0, duration_seconds: 0 },
    archived_at: null,
  });
});

Deno.test("a session with initial events comes back running, and its turn runs", async () => {
  const tools = bench();
  const { clock, simulator, events, status } = tools;
  const { body } = await create(tools, { initial_events: [message("hello")] });
  assertEquals(dig(body, "status"), "running");
  const id = String(dig(body, "id"));
  assertEquals(await status(id), "running");
  await clock.advance(3_000);
  assertEquals(await status(id), "idle");
  assertEquals((await events(id))[0]?.type, "user.message");
  simulator.close();
});

Deno.test("a session keeps the agent as it was, at the version asked for", async () => {
  const tools = bench();
  const { call, simulator } = tools;
  const agent = simulator.agentId("quick");
  await call("POST", `/v1/agents/${agent}`, { system: "New." });
  const version = async (reference: unknown) =>
    dig((await create(tools, { agent: reference })).body, "agent", "version");
  assertEquals(await version(agent), 2);
  assertEquals(await version({ type: "agent", id: agent, version: 1 }), 1);
  assertEquals(await version({ type: "agent", id: agent }), 2);
  const { body } = await create(tools, { agent });
  await call("POST", `/v1/agents/${agent}`, { system: "Newer." });
  const later = await call("GET", `/v1/sessions/${dig(body, "id")}`);
  assertEquals(dig(later.body, "agent", "system"), "New.");
});

Deno.test("overrides replace parts of the agent for one session", async () => {
  const tools = bench();
  const id = tools.simulator.agentId("quick");
  const agent = { type: "agent_with_overrides", id, model: "claude-haiku-4-5", system: "Brief." };
  const { body } = await create(tools, { agent });
  assertEquals(dig(body, "agent", "model"), { id: "claude-haiku-4-5" });
  assertEquals(dig(body, "agent", "system"), "Brief.");
  assertEquals(dig(body, "agent", "type"), "agent");
});

const TWO_OUTCOMES = Array(2).fill({
  type: "user.define_outcome",
  description: "d",
  rubric: { type: "text", content: "r" },
});

for (
  const [what, fields, expected, named] of [
    ["an unknown agent", { agent: "agent_x" }, 404, "agent_x"],
    ["an unknown environment", { environment_id: "env_x" }, 404, "env_x"],
    ["no environment", { environment_id: undefined }, 400, "environment_id"],
    ["an unknown field", { colour: "red" }, 400, "colour"],
    ["a long title", { title: "t".repeat(501) }, 400, "title"],
    ["a bad first event", { initial_events: [{ type: "user.interrupt" }] }, 400, "initial_events"],
    ["an empty message", { initial_events: [message("")] }, 400, "initial_events"],
    ["too many events", { initial_events: Array(51).fill(message("x")) }, 400, "initial_events"],
    ["two outcomes", { initial_events: TWO_OUTCOMES }, 400, "at most one"],
    ["resources", { resources: [{ type: "file", file_id: "file_1" }] }, 400, "resources"],
    [
      "a budget with decimals",
      { budget: { type: "limit", max_list_cost: { amount: "5.00", currency: "USD" } } },
      400,
      "budget",
    ],
  ] as const
) {
  Deno.test(`a session with ${what} is refused with ${expected}, and none is made`, async () => {
    const tools = bench();
    const { status, body } = await create(tools, fields);
    assertEquals(status, expected);
    assertMatch(String(dig(body, "error", "message")), new RegExp(named));
    assertEquals(dataOf(await tools.call("GET", "/v1/sessions")), []);
  });
}

Deno.test("sessions are listed newest first, twenty at a time, and walked both ways", async () => {
  const { simulator, call } = bench();
  const ids = Array.from({ length: 45 }, () => simulator.createSession()).reverse();
  const read = async (query: string) => {
    const reply = await call("GET", `/v1/sessions${query}`);
    return {
      ids: dataOf(reply).map((session) => session.id),
      next: dig(reply.body, "next_page"),
      prev: dig(reply.body, "prev_page"),
    };
  };
  const first = await read("");
  assertEquals([first.ids, first.prev], [ids.slice(0, 20), null]);
  const second = await read(`?page=${first.next}`);
  assertEquals(second.ids, ids.slice(20, 40));
  const third = await read(`?page=${second.next}`);
  assertEquals([third.ids, third.next], [ids.slice(40), null]);
  assertEquals((await read(`?page=${second.prev}`)).ids, first.ids);
  assertEquals((await read("?order=asc&limit=1")).ids, ids.slice(-1));
});

Deno.test("a session deleted between two pages hides no other", async () => {
  const { simulator, call } = bench();
  const ids = Array.from({ length: 6 }, () => simulator.createSession()).reverse();
  const first = await call("GET", "/v1/sessions?limit=3");
  await call("DELETE", `/v1/sessions/${ids[2]}`);
  const page = dig(first.body, "next_page");
  const second = await call("GET", `/v1/sessions?limit=3&page=${page}`);
  assertEquals(dataOf(second).map((session) => session.id), ids.slice(3));
});

Deno.test("sessions are filtered by agent, version, status, archiving and time", async () => {
  const { clock, simulator, call } = bench();
  const idle = simulator.createSession();
  await clock.advance(60_000);
  const running = simulator.createSession({ agent: "slow", status: "running" });
  const archived = simulator.createSession();
  await call("POST", `/v1/sessions/${archived}/archive`);
  const ids = async (query: string) =>
    dataOf(await call("GET", `/v1/sessions?${query}`)).map((session) => session.id);
  assertEquals(await ids(""), [running, idle]);
  assertEquals(await ids(`agent_id=${simulator.agentId("slow")}`), [running]);
  assertEquals(await ids("agent_version=2"), []);
  assertEquals(await ids("statuses%5B%5D=idle"), [idle]);
  assertEquals(await ids("statuses%5B%5D=idle&statuses%5B%5D=running"), [running, idle]);
  assertEquals(await ids("include_archived=true"), [archived, running, idle]);
  assertEquals(await ids("created_at%5Bgt%5D=2026-11-23T09:00:30Z"), [running]);
  assertEquals(await ids("created_at%5Blt%5D=2026-11-23T09:00:30Z"), [idle]);
  assertEquals(await ids("deployment_id=depl_1"), []);
  assertEquals((await call("GET", "/v1/sessions?statuses%5B%5D=asleep")).status, 400);
});

Deno.test("title and metadata are updated, a null deletes a key, and an event says so", async () => {
  const tools = bench();
  const { call, events } = tools;
  const { body } = await create(tools, { metadata: { a: "1", b: "2" } });
  const id = String(dig(body, "id"));
  const updated = await call("POST", `/v1/sessions/${id}`, {
    title: "New",
    metadata: { a: null, c: "3" },
  });
  assertEquals(dig(updated.body, "title"), "New");
  assertEquals(dig(updated.body, "metadata"), { b: "2", c: "3" });
  const [event] = await events(id);
  assertEquals(
    [event?.type, event?.title, event?.metadata],
    ["session.updated", "New", { b: "2", c: "3" }],
  );
  assertEquals((await call("POST", `/v1/sessions/${id}`, {})).status, 200);
  assertEquals((await events(id)).length, 1);
  assertEquals((await call("POST", `/v1/sessions/${id}`, { colour: "red" })).status, 400);
});

Deno.test("a budget can be set at creation only, and once removed never again", async () => {
  const tools = bench();
  const { call } = tools;
  const budget = { type: "limit", max_list_cost: { amount: "500", currency: "USD" } };
  const { body } = await create(tools, { budget });
  const id = dig(body, "id");
  assertEquals(dig(body, "budget"), budget);
  const removed = await call("POST", `/v1/sessions/${id}`, { budget: null });
  assertEquals(dig(removed.body, "budget"), null);
  const again = await call("POST", `/v1/sessions/${id}`, { budget });
  assertEquals(
    [again.status, dig(again.body, "error", "details", "error_code")],
    [400, "budget_create_only"],
  );
});

Deno.test("an archived session reads terminated, keeps its events, and takes no change", async () => {
  const { simulator, call, events } = bench();
  const id = simulator.createSession();
  simulator.emit(id, { type: "agent.thinking" });
  const first = await call("POST", `/v1/sessions/${id}/archive`);
  assertEquals(dig(first.body, "status"), "terminated");
  const second = await call("POST", `/v1/sessions/${id}/archive`);
  assertEquals(dig(second.body, "archived_at"), dig(first.body, "archived_at"));
  assertEquals((await events(id)).length, 1);
  assertEquals((await call("POST", `/v1/sessions/${id}`, { title: "x" })).status, 400);
});

Deno.test("a running session can be neither archived nor deleted, also while it only shows so", async () => {
  const { clock, simulator, call, send } = bench();
  const id = simulator.createSession();
  await send(id, message("hello"));
  await clock.advance(500);
  const refusals = async () => [
    (await call("POST", `/v1/sessions/${id}/archive`)).status,
    (await call("DELETE", `/v1/sessions/${id}`)).status,
  ];
  assertEquals(await refusals(), [400, 400]);
  await clock.advance(400);
  assertEquals(await refusals(), [400, 400]);
  await clock.advance(200);
  assertEquals((await call("POST", `/v1/sessions/${id}/archive`)).status, 200);
  simulator.close();
});

Deno.test("archiving before the agent took a message up stops it for good", async () => {
  const { clock, simulator, call, send, events } = bench();
  const id = simulator.createSession();
  await send(id, message("hello"));
  assertEquals((await call("POST", `/v1/sessions/${id}/archive`)).status, 200);
  await clock.advance(5_000);
  assertEquals((await events(id)).length, 1);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a deleted session is gone; its streams get the event and end", async () => {
  const { clock, simulator, call, open } = bench();
  const id = simulator.createSession();
  const stream = await open(id);
  const { body } = await call("DELETE", `/v1/sessions/${id}`);
  assertEquals(body, { id, type: "session_deleted" });
  await settle();
  assertEquals([stream.types, stream.state], [["session.deleted"], "ended"]);
  for (const path of ["", "/events", "/events/stream", "/threads"]) {
    assertEquals((await call("GET", `/v1/sessions/${id}${path}`)).status, 404);
  }
  assertEquals(dataOf(await call("GET", "/v1/sessions")), []);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a session that waits for an answer counts as idle: it can be archived", async () => {
  const { clock, simulator, call, send } = bench();
  const id = simulator.createSession({ agent: "approval" });
  await send(id, message("clean up"));
  await clock.advance(2_000);
  assertEquals((await call("POST", `/v1/sessions/${id}/archive`)).status, 200);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("every session has its primary thread, which follows the turn", async () => {
  const { clock, simulator, call, send } = bench();
  const id = simulator.createSession();
  const threads = async (query = "") =>
    dataOf(await call("GET", `/v1/sessions/${id}/threads${query}`));
  const [primary] = await threads();
  assertEquals([primary?.status, primary?.parent_thread_id, primary?.session_id], [
    "idle",
    null,
    id,
  ]);
  await send(id, message("hello"));
  await clock.advance(500);
  assertEquals((await threads())[0]?.status, "running");
  assertEquals(await threads("?statuses%5B%5D=idle"), []);
  const retrieved = await call("GET", `/v1/sessions/${id}/threads/${primary?.id}`);
  assertEquals(dig(retrieved.body, "id"), primary?.id);
  assertEquals((await call("GET", `/v1/sessions/${id}/threads/sthr_x`)).status, 404);
  simulator.close();
});

Deno.test("a full workspace drops the session at rest that was not sent to for longest", async () => {
  const { clock, simulator, call, send } = bench({}, undefined, { maxSessions: 4 });
  const [used, old, working, watched] = Array.from({ length: 4 }, () => simulator.createSession());
  const listener = await Listener.open(simulator, String(watched));
  await send(String(used), message("hello"));
  await clock.advance(3_000);
  await send(String(working), message("hello"));
  await clock.advance(500);
  const ids = async () => dataOf(await call("GET", "/v1/sessions")).map(({ id }) => id);
  const created: string[] = [];
  const gone: (string | undefined)[] = [];
  for (let i = 0; i < 3; i++) {
    const before = await ids();
    created.push(simulator.createSession());
    const after = await ids();
    gone.push(...before.filter((id) => !after.includes(id)).map(String));
    assertEquals(after.length, 4);
  }
  assertEquals(gone, [old, used, created[0]]);
  assertEquals((await call("GET", `/v1/sessions/${old}`)).status, 404);
  assertEquals(listener.state, "open");
  simulator.close();
});

Deno.test("a workspace of busy sessions grows, for none of them can be dropped", async () => {
  const { clock, simulator, call, send } = bench({}, undefined, { maxSessions: 2 });
  for (let i = 0; i < 3; i++) {
    await send(simulator.createSession(), message("hello"));
    await clock.advance(500);
  }
  assertEquals(dataOf(await call("GET", "/v1/sessions")).length, 3);
  simulator.close();
});
