import { assertEquals, assertMatch } from "@std/assert";
import { type Bench, bench, dataOf, dig, type Wire } from "./helpers.ts";

async function createAgent({ call }: Bench, fields: Wire = {}): Promise<string> {
  const body = { name: "Analyst", model: "claude-opus-4-8", ...fields };
  return String(dig((await call("POST", "/v1/agents", body)).body, "id"));
}

Deno.test("an agent is created with every field of the API, at version 1", async () => {
  const { call } = bench();
  const { status, body } = await call("POST", "/v1/agents", {
    name: "Analyst",
    model: "claude-opus-4-8",
    tools: [{ type: "agent_toolset_20260401" }, { type: "mcp_toolset", mcp_server_name: "crm" }],
    metadata: { team: "ops" },
  });
  assertEquals(status, 200);
  const { id, created_at, updated_at, ...rest } = body as Wire;
  assertMatch(String(id), /^agent_/);
  assertMatch(String(created_at), /^2026-11-23T09:00:00\.\d{6}Z$/);
  assertEquals(updated_at, created_at);
  const policy = (type: string) => ({ enabled: true, permission_policy: { type } });
  assertEquals(rest, {
    type: "agent",
    name: "Analyst",
    description: null,
    system: null,
    model: { id: "claude-opus-4-8" },
    tools: [
      {
        type: "agent_toolset_20260401",
        configs: [],
        default_config: policy("always_allow"),
      },
      {
        type: "mcp_toolset",
        mcp_server_name: "crm",
        configs: [],
        default_config: policy("always_ask"),
      },
    ],
    mcp_servers: [],
    skills: [],
    multiagent: null,
    metadata: { team: "ops" },
    execution_identity: { type: "service_account" },
    archived_at: null,
    version: 1,
  });
});

for (
  const [what, body, named] of [
    ["no name", { model: "m" }, "name"],
    ["no model", { name: "n" }, "model"],
    ["an empty name", { name: "", model: "m" }, "name"],
    ["a long name", { name: "n".repeat(257), model: "m" }, "name"],
    ["a long description", { name: "n", model: "m", description: "d".repeat(2049) }, "description"],
    ["an unknown field", { name: "n", model: "m", colour: "red" }, "colour"],
    ["a list", [], "object"],
  ] as const
) {
  Deno.test(`an agent with ${what} is refused, and the message says so`, async () => {
    const { status, body: answer } = await bench().call("POST", "/v1/agents", body);
    assertEquals(status, 400);
    assertMatch(String(dig(answer, "error", "message")), new RegExp(named));
  });
}

Deno.test("updating an agent makes a version, unless nothing changes", async () => {
  const tools = bench();
  const { call } = tools;
  const id = await createAgent(tools);
  const update = async (body: Wire) => (await call("POST", `/v1/agents/${id}`, body)).body;
  assertEquals(dig(await update({ name: "Analyst" }), "version"), 1);
  const second = await update({ system: "Be brief.", model: "claude-haiku-4-5" });
  assertEquals([dig(second, "version"), dig(second, "model", "id")], [2, "claude-haiku-4-5"]);
  const third = await update({ version: 2, name: "Senior analyst" });
  assertEquals([dig(third, "version"), dig(third, "system")], [3, "Be brief."]);
  const stale = await call("POST", `/v1/agents/${id}`, { version: 2, name: "X" });
  assertEquals([stale.status, dig(stale.body, "error", "type")], [409, "conflict_error"]);
});

Deno.test("an agent is retrieved at its latest version, or at the one asked for", async () => {
  const tools = bench();
  const { call } = tools;
  const id = await createAgent(tools);
  await call("POST", `/v1/agents/${id}`, { name: "Two" });
  const name = async (query: string) =>
    dig((await call("GET", `/v1/agents/${id}${query}`)).body, "name");
  assertEquals(await name(""), "Two");
  assertEquals(await name("?version=1"), "Analyst");
  assertEquals((await call("GET", `/v1/agents/${id}?version=3`)).status, 404);
  assertEquals((await call("GET", `/v1/agents/${id}?version=0`)).status, 400);
  assertEquals((await call("GET", "/v1/agents/agent_x")).status, 404);
});

Deno.test("versions are listed newest first, in pages", async () => {
  const tools = bench();
  const { call } = tools;
  const id = await createAgent(tools);
  for (const name of ["Two", "Three"]) await call("POST", `/v1/agents/${id}`, { name });
  const first = await call("GET", `/v1/agents/${id}/versions?limit=2`);
  assertEquals(dataOf(first).map((agent) => agent.version), [3, 2]);
  const next = dig(first.body, "next_page");
  const second = await call("GET", `/v1/agents/${id}/versions?limit=2&page=${next}`);
  assertEquals(dataOf(second).map((agent) => agent.version), [1]);
  assertEquals(dig(second.body, "next_page"), null);
});

Deno.test("an archived agent is hidden from the list, still retrievable, and never changes", async () => {
  const tools = bench();
  const { call, simulator } = tools;
  const id = await createAgent(tools);
  const archived = await call("POST", `/v1/agents/${id}/archive`);
  assertMatch(String(dig(archived.body, "archived_at")), /^2026/);
  assertEquals((await call("POST", `/v1/agents/${id}/archive`)).body, archived.body);
  const listed = async (query: string) =>
    dataOf(await call("GET", `/v1/agents${query}`)).some((agent) => agent.id === id);
  assertEquals([await listed(""), await listed("?include_archived=true")], [false, true]);
  assertEquals((await call("GET", `/v1/agents/${id}`)).status, 200);
  assertEquals((await call("POST", `/v1/agents/${id}`, { name: "New" })).status, 400);
  const creation = { agent: id, environment_id: simulator.environmentId };
  assertEquals((await call("POST", "/v1/sessions", creation)).status, 400);
});

Deno.test("agents are listed twenty at a time, a hundred at most, newest first", async () => {
  const tools = bench();
  const { call } = tools;
  for (let i = 0; i < 120; i++) await createAgent(tools, { name: `Agent ${i}` });
  const byDefault = dataOf(await call("GET", "/v1/agents"));
  assertEquals(byDefault.length, 20);
  assertEquals(byDefault[0]?.name, "Agent 119");
  assertEquals(dataOf(await call("GET", "/v1/agents?limit=100")).length, 100);
  assertEquals((await call("GET", "/v1/agents?limit=101")).status, 400);
});

Deno.test("an agent created between two pages shifts nothing", async () => {
  const tools = bench();
  const { call } = tools;
  const first = await call("GET", "/v1/agents?limit=5");
  await createAgent(tools);
  const page = dig(first.body, "next_page");
  const second = await call("GET", `/v1/agents?limit=5&page=${page}`);
  const ids = [...dataOf(first), ...dataOf(second)].map((agent) => agent.id);
  assertEquals(new Set(ids).size, 10);
});

Deno.test("agents are filtered by the time they were created", async () => {
  const tools = bench();
  const { call, clock } = tools;
  const seeded = dataOf(await call("GET", "/v1/agents?limit=100")).length;
  await clock.advance(60_000);
  await createAgent(tools);
  const count = async (bound: string) =>
    dataOf(await call("GET", `/v1/agents?created_at%5B${bound}%5D=2026-11-23T09:00:30Z`)).length;
  assertEquals([await count("gte"), await count("lte")], [1, seeded]);
});

Deno.test("environments are listed and retrieved; an archived one takes no session", async () => {
  const { call, simulator } = bench();
  const [environment] = dataOf(await call("GET", "/v1/environments"));
  assertEquals(environment?.id, simulator.environmentId);
  const path = `/v1/environments/${simulator.environmentId}`;
  assertEquals((await call("GET", path)).body, environment);
  const missing = await call("GET", "/v1/environments/env_x");
  assertEquals(missing.status, 404);
  assertEquals(dig(missing.body, "error", "details", "error_code"), "environment_not_found");
  assertEquals((await call("POST", `${path}/archive`)).status, 200);
  assertEquals(dataOf(await call("GET", "/v1/environments")), []);
  assertEquals(dataOf(await call("GET", "/v1/environments?include_archived=true")).length, 1);
  const refused = await call("POST", "/v1/sessions", {
    agent: simulator.agentId("quick"),
    environment_id: simulator.environmentId,
  });
  assertEquals(dig(refused.body, "error", "details", "error_code"), "environment_archived");
});
