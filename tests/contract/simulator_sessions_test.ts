import { APIError } from "@anthropic-ai/sdk";
import { assertEquals, assertRejects } from "@std/assert";
import { collect, sdkBench, userMessage } from "./simulator_client.ts";

function start() {
  const bench = sdkBench();
  const { client: { beta: { sessions } }, simulator } = bench;
  const base = { agent: simulator.agentId("quick"), environment_id: simulator.environmentId };
  return { ...bench, sessions, base };
}

Deno.test("the SDK creates a session from an agent's id", async () => {
  const { sessions, base, simulator } = start();
  const session = await sessions.create({ ...base, title: "Report", metadata: { ticket: "7" } });
  assertEquals([session.type, session.status, session.title], ["session", "idle", "Report"]);
  assertEquals(session.agent.id, simulator.agentId("quick"));
  assertEquals([session.metadata, session.archived_at, session.budget], [
    { ticket: "7" },
    null,
    null,
  ]);
  assertEquals([session.vault_ids, session.resources, session.outcome_evaluations], [[], [], []]);
  assertEquals(await sessions.retrieve(session.id), session);
});

Deno.test("the SDK creates a session from an agent reference with a version, and with overrides", async () => {
  const { sessions, base, client } = start();
  await client.beta.agents.update(base.agent, { version: 1, system: "New." });
  const pinned = await sessions.create({
    ...base,
    agent: { type: "agent", id: base.agent, version: 1 },
  });
  assertEquals([pinned.agent.version, pinned.agent.type], [1, "agent"]);
  const overridden = await sessions.create({
    ...base,
    agent: { type: "agent_with_overrides", id: base.agent, system: "Mine." },
  });
  assertEquals([overridden.agent.system, overridden.agent.version], ["Mine.", 2]);
});

Deno.test("the SDK creates a session with initial events, which is running at once", async () => {
  const { sessions, base, clock, simulator } = start();
  const session = await sessions.create({ ...base, initial_events: [userMessage("Hello")] });
  assertEquals(session.status, "running");
  await clock.advance(2_000);
  assertEquals((await sessions.retrieve(session.id)).status, "idle");
  const events = await collect(sessions.events.list(session.id));
  assertEquals(events.at(0)?.type, "user.message");
  assertEquals(events.at(-1)?.type, "session.status_idle");
  simulator.close();
});

Deno.test("the SDK pages through sessions, newest first, in order and back", async () => {
  const { sessions, simulator } = start();
  const ids = Array.from({ length: 50 }, () => simulator.createSession());
  const newestFirst = (await collect(sessions.list())).map((session) => session.id);
  assertEquals(newestFirst, ids.toReversed());
  const oldestFirst = await collect(sessions.list({ order: "asc", limit: 7 }));
  assertEquals(oldestFirst.map((session) => session.id), ids);
  const first = await sessions.list({ limit: 10 });
  const second = await first.getNextPage();
  assertEquals(first.prev_page, null);
  const back = await sessions.list({ limit: 10, page: second.prev_page });
  assertEquals(back.data.map((session) => session.id), first.data.map((session) => session.id));
});

Deno.test("the SDK creates sessions with a budget and metadata within the API's bounds", async () => {
  const { client, sessions, base } = start();
  const budget = { type: "limit", max_list_cost: { amount: "500", currency: "USD" } } as const;
  const pairs = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, "v"]));
  const made = await sessions.create({ ...base, budget, metadata: pairs(16) });
  assertEquals([made.budget, made.metadata], [budget, pairs(16)]);
  const refused = (params: Partial<Parameters<typeof sessions.create>[0]>, why: string) =>
    assertRejects(() => sessions.create({ ...base, ...params }), Error, why);
  await refused({ metadata: pairs(17) }, "16 pairs");
  const unpriced = await client.beta.agents.create({ name: "Local", model: "unpriced-model" });
  const agent = unpriced.id;
  await refused({ agent, budget }, "model_not_budgetable");
  assertEquals((await sessions.create({ ...base, agent })).budget, null);
});

Deno.test("the SDK filters sessions by agent, status and archiving", async () => {
  const { sessions, simulator } = start();
  const slow = simulator.createSession({ agent: "slow" });
  const busy = simulator.createSession({ status: "running" });
  const ids = async (params: Parameters<typeof sessions.list>[0]) =>
    (await collect(sessions.list(params))).map((session) => session.id);
  assertEquals(await ids({ agent_id: simulator.agentId("slow") }), [slow]);
  assertEquals(await ids({ statuses: ["running", "rescheduling"] }), [busy]);
  await sessions.archive(slow);
  assertEquals(await ids({}), [busy]);
  assertEquals(await ids({ include_archived: true }), [busy, slow]);
  assertEquals(await ids({ "created_at[gt]": "2027-01-01T00:00:00Z" }), []);
});

Deno.test("the SDK updates, archives and deletes a session", async () => {
  const { sessions, base } = start();
  const { id } = await sessions.create({ ...base, metadata: { a: "1" } });
  const updated = await sessions.update(id, { title: "New", metadata: { a: null, b: "2" } });
  assertEquals([updated.title, updated.metadata], ["New", { b: "2" }]);
  const archived = await sessions.archive(id);
  assertEquals([archived.status, typeof archived.archived_at], ["terminated", "string"]);
  assertEquals(await sessions.delete(id), { id, type: "session_deleted" });
});

Deno.test("the SDK lists a session's threads", async () => {
  const { sessions, base } = start();
  const { id } = await sessions.create(base);
  const threads = await collect(sessions.threads.list(id));
  assertEquals(threads.map((thread) => [thread.type, thread.status, thread.parent_thread_id]), [
    ["session_thread", "idle", null],
  ]);
  const [primary] = threads;
  if (!primary) throw new Error("no thread");
  assertEquals(await sessions.threads.retrieve(primary.id, { session_id: id }), primary);
});

type SdkThread = Awaited<ReturnType<ReturnType<typeof start>["sessions"]["threads"]["retrieve"]>>;
/** The fields of a thread's usage in the SDK's types; the session's has at least these. */
const USAGE_FIELDS: Record<keyof NonNullable<SdkThread["usage"]>, true> = {
  active_seconds: true,
  cache_creation: true,
  cache_read_input_tokens: true,
  input_tokens: true,
  list_cost: true,
  output_tokens: true,
  server_tool_use: true,
};

Deno.test("the SDK reads what a session and the thread of its subagent have cost", async () => {
  const { sessions, base, simulator, clock } = start();
  const { id } = await sessions.create({ ...base, agent: simulator.agentId("script") });
  await sessions.events.send(id, { events: [userMessage("as Researcher say One.\nsay Done.")] });
  await clock.advance(20_000);
  const [primary, subagent] = await collect(sessions.threads.list(id));
  const { usage } = await sessions.retrieve(id);
  const cost = { amount: "6", currency: "USD" };
  assertEquals([primary?.usage, subagent?.usage?.list_cost, usage.list_cost], [null, cost, cost]);
  const { input_tokens, output_tokens } = subagent?.usage ?? {};
  assertEquals([usage.input_tokens, usage.output_tokens], [input_tokens, output_tokens]);
  for (const fields of [subagent?.usage ?? {}, usage]) {
    assertEquals(Object.keys(fields).filter((name) => !(name in USAGE_FIELDS)), []);
  }
});

Deno.test("the SDK lists the events of a subagent's thread, page by page", async () => {
  const { sessions, base, simulator, clock } = start();
  const { id } = await sessions.create({ ...base, agent: simulator.agentId("subagents") });
  await sessions.events.send(id, { events: [userMessage("Compare them.")] });
  await clock.advance(20_000);
  const [primary, helper] = await collect(sessions.threads.list(id));
  if (!primary || !helper) throw new Error("no threads");
  const at = { session_id: id };
  const own = await collect(sessions.threads.events.list(helper.id, { ...at, limit: 2 }));
  assertEquals(own.map(({ type }) => type), [
    "session.thread_created",
    "session.thread_status_running",
    "agent.thread_message_received",
    "agent.message",
    "agent.thread_message_sent",
    "session.thread_status_idle",
  ]);
  const received = own.find((event) => event.type === "agent.thread_message_received");
  assertEquals([received?.from_session_thread_id, received?.from_agent_name], [
    primary.id,
    "Simulated Subagents",
  ]);
  const lead = await collect(sessions.threads.events.list(primary.id, at));
  assertEquals(lead.some(({ type }) => type === "session.thread_created"), false);
  assertEquals(lead.filter(({ type }) => type === "agent.thread_message_received").length, 2);
  const unknown = sessions.threads.events.list("sthr_unknown", at);
  const error = await assertRejects(() => collect(unknown), APIError);
  assertEquals(error.status, 404);
});
