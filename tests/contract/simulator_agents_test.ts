import { assertEquals } from "@std/assert";
import { collect, sdkBench } from "./simulator_client.ts";

Deno.test("the SDK pages through more than a hundred agents and sees each once", async () => {
  const { client, simulator } = sdkBench();
  for (let i = 0; i < 230; i++) {
    await client.beta.agents.create({ name: `Agent ${i}`, model: "claude-opus-4-8" });
  }
  const before = simulator.requests.length;
  const agents = await collect(client.beta.agents.list({ limit: 100 }));
  const made = agents.filter((agent) => agent.name.startsWith("Agent "));
  assertEquals(
    made.map((agent) => agent.name),
    Array.from({ length: 230 }, (_, i) => `Agent ${229 - i}`),
  );
  assertEquals(new Set(agents.map((agent) => agent.id)).size, agents.length);
  assertEquals(simulator.requests.length - before, 3);
});

Deno.test("the SDK's default page of agents is twenty, with the next one behind it", async () => {
  const { client } = sdkBench();
  for (let i = 0; i < 30; i++) {
    await client.beta.agents.create({ name: `Agent ${i}`, model: "claude-opus-4-8" });
  }
  const page = await client.beta.agents.list();
  assertEquals([page.data.length, page.hasNextPage()], [20, true]);
  const next = await page.getNextPage();
  assertEquals(next.data[0]?.name, "Agent 9");
});

Deno.test("the SDK retrieves an agent, at a version too, and lists its versions", async () => {
  const { client } = sdkBench();
  const { beta: { agents } } = client;
  const { id } = await agents.create({ name: "Analyst", model: "claude-opus-4-8" });
  const second = await agents.update(id, { version: 1, system: "Be brief." });
  assertEquals([second.version, second.system], [2, "Be brief."]);
  assertEquals((await agents.retrieve(id)).version, 2);
  assertEquals((await agents.retrieve(id, { version: 1 })).system, null);
  const versions = await collect(agents.versions.list(id));
  assertEquals(versions.map((agent) => agent.version), [2, 1]);
});

Deno.test("the SDK archives an agent, which then shows only on request", async () => {
  const { client } = sdkBench();
  const { beta: { agents } } = client;
  const { id } = await agents.create({ name: "Analyst", model: "claude-opus-4-8" });
  assertEquals(typeof (await agents.archive(id)).archived_at, "string");
  const has = (list: { id: string }[]) => list.some((agent) => agent.id === id);
  assertEquals(has(await collect(agents.list())), false);
  assertEquals(has(await collect(agents.list({ include_archived: true }))), true);
});

Deno.test("an agent has every field that the SDK's type requires", async () => {
  const { client } = sdkBench();
  for await (const agent of client.beta.agents.list()) {
    assertEquals(agent.type, "agent");
    assertEquals(typeof agent.model.id, "string");
    assertEquals(agent.execution_identity.type, "service_account");
    for (const list of [agent.tools, agent.mcp_servers, agent.skills]) {
      assertEquals(Array.isArray(list), true);
    }
    for (const nullable of [agent.archived_at, agent.multiagent]) assertEquals(nullable, null);
    assertEquals([agent.version, agent.metadata], [1, {}]);
    assertEquals(Number.isNaN(Date.parse(agent.created_at)), false);
  }
});

Deno.test("the SDK finds the one environment", async () => {
  const { client, simulator } = sdkBench();
  const environments = await collect(client.beta.environments.list());
  assertEquals(environments.map((environment) => environment.id), [simulator.environmentId]);
  const environment = await client.beta.environments.retrieve(simulator.environmentId);
  assertEquals([environment.type, environment.config.type], ["environment", "cloud"]);
  assertEquals(environment.archived_at, null);
});

Deno.test("the SDK creates, updates and deletes an environment", async () => {
  const { client: { beta: { environments } } } = sdkBench();
  const made = await environments.create({
    name: "Data",
    config: { type: "cloud", networking: { type: "limited", allowed_hosts: ["example.com"] } },
  });
  const config = made.config.type === "cloud" ? made.config : undefined;
  assertEquals(config?.packages.pip, []);
  assertEquals(config?.networking.type === "limited" && config.networking.allow_mcp_servers, false);
  const updated = await environments.update(made.id, { description: "Numbers" });
  assertEquals([updated.name, updated.description], ["Data", "Numbers"]);
  assertEquals((await environments.delete(made.id)).type, "environment_deleted");
  assertEquals((await collect(environments.list())).length, 1);
});
