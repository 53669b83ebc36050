import { assert, assertEquals, assertRejects } from "@std/assert";
import type { PageParams } from "../../../src/api/types.ts";
import type { Agent } from "../../../src/api/resources.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { listAgents } from "../../../src/tools/list_agents.ts";
import { agents, entriesOf, harness, httpError, pageOf } from "./support.ts";

function workspace(all: readonly Agent[]) {
  const requests: PageParams[] = [];
  const opened = harness({
    agents: {
      list: (params) => {
        requests.push(params);
        return Promise.resolve(pageOf(all, params));
      },
    },
  });
  return { requests, ...opened };
}

function agentIds(result: Record<string, unknown>): unknown[] {
  return entriesOf(result, "agents").map(({ id }) => id);
}

async function walk(
  run: (args: Record<string, unknown>) => Promise<Record<string, unknown>>,
  args: Record<string, unknown>,
): Promise<{ ids: unknown[]; calls: number; scanned: number }> {
  const ids: unknown[] = [];
  let cursor: unknown;
  let scanned = 0;
  for (let calls = 1; calls <= 300; calls++) {
    const result = await run({ ...args, ...(cursor !== undefined && { cursor }) });
    assert(JSON.stringify(result).length <= 40_000);
    ids.push(...agentIds(result));
    scanned += Number(result.scanned);
    cursor = result.next_cursor;
    if (cursor === undefined) return { ids, calls, scanned };
  }
  throw new Error("The list does not end");
}

Deno.test("list_agents shows a summary of each agent and no system prompt", async () => {
  const { run } = workspace(agents(2));
  assertEquals(await run(listAgents, {}), {
    agents: [1, 2].map((n) => ({
      id: `agent_${n}`,
      name: `Agent ${n}`,
      description: "Does things.",
      model: "some-model",
      version: 1,
    })),
    scanned: 2,
  });
});

Deno.test("list_agents reads agents that have nothing but an id", async () => {
  const { run } = workspace([{ id: "agent-bare", name: null, model: "plain-name" }]);
  assertEquals((await run(listAgents, {})).agents, [{ id: "agent-bare", model: "plain-name" }]);
});

for (const limit of [1, 7, 50, 100, 130, 200]) {
  Deno.test(`list_agents walks 250 agents once through with limit ${limit}`, async () => {
    const { run } = workspace(agents(250));
    const { ids, scanned } = await walk((args) => run(listAgents, args), { limit });
    assertEquals(ids, agents(250).map(({ id }) => id));
    assertEquals(scanned, 250);
  });
}

Deno.test("list_agents stops in the middle of a page without losing or repeating an agent", async () => {
  // A server that ignores the page size.
  const all = agents(250);
  const { run } = harness({
    agents: { list: () => Promise.resolve({ data: all, next_page: null }) },
  });
  const { ids, calls } = await walk((args) => run(listAgents, args), { limit: 40 });
  assertEquals(ids, all.map(({ id }) => id));
  assertEquals(calls, 7);
});

Deno.test("list_agents finds its place again when agents were added before it", async () => {
  let all = agents(10);
  const { run } = harness({
    agents: { list: () => Promise.resolve({ data: all, next_page: null }) },
  });
  const first = await run(listAgents, { limit: 4 });
  all = [{ id: "agent_new" }, ...all];
  const second = await run(listAgents, { cursor: first.next_cursor });
  assertEquals(agentIds(second), agents(10).slice(4).map(({ id }) => id));
});

Deno.test("list_agents finds an agent by its name among 5,000 in one call", async () => {
  const { run, requests } = workspace(agents(5_000));
  const result = await run(listAgents, { name_contains: "AGENT 5000" });
  assertEquals(agentIds(result), ["agent_5000"]);
  assertEquals([result.scanned, result.next_cursor], [5_000, undefined]);
  assertEquals(requests.length, 50);
});

Deno.test("list_agents reads fifty pages at most for a name, and says how to go on", async () => {
  const { run, requests } = workspace(agents(5_432));
  const result = await run(listAgents, { name_contains: "agent 5432" });
  assertEquals(agentIds(result), []);
  assertEquals([result.scanned, requests.length], [5_000, 50]);
  const all = await walk((args) => run(listAgents, args), { name_contains: "agent 5432" });
  assertEquals(all, { ids: ["agent_5432"], calls: 2, scanned: 5_432 });
});

Deno.test("list_agents reads five pages at most where no name is searched", async () => {
  // A server with small pages.
  const requests: PageParams[] = [];
  const { run } = harness({
    agents: {
      list: (params) => {
        requests.push(params);
        return Promise.resolve(pageOf(agents(100), { ...params, limit: 10 }));
      },
    },
  });
  const result = await run(listAgents, { limit: 80 });
  assertEquals([agentIds(result).length, requests.length], [50, 5]);
  assert(result.next_cursor !== undefined);
});

Deno.test("list_agents ends a search once an agent has just that name", async () => {
  const { run, requests } = workspace(agents(3_000));
  const result = await run(listAgents, { name_contains: "agent 777" });
  assertEquals(agentIds(result), ["agent_777"]);
  assertEquals(requests.length, 8);
  const rest = await run(listAgents, { name_contains: "agent 777", cursor: result.next_cursor });
  assertEquals([agentIds(rest), rest.next_cursor], [[], undefined]);
});

Deno.test("list_agents begins no page of a search after 15 s", async () => {
  const all = agents(5_000);
  let requests = 0;
  const { run, clock } = harness({
    agents: {
      list: async (params) => {
        requests++;
        await clock.advance(2_000);
        return pageOf(all, params);
      },
    },
  });
  const result = await run(listAgents, { name_contains: "agent 5000" });
  assertEquals([result.scanned, requests], [800, 8]);
  assert(result.next_cursor !== undefined);
});

Deno.test("list_agents waits for its turn among long searches, and goes on without one", async () => {
  const { run, clock, services, requests } = workspace(agents(5_000));
  await services.longSearches.take(100, new AbortController().signal);
  const searching = run(listAgents, { name_contains: "agent 5000" });
  await clock.advance(8_000);
  assertEquals(requests.length, 5 + 40);
  await clock.advance(1_000);
  assertEquals(agentIds(await searching), ["agent_5000"]);
  services.longSearches.hold(60_000);
  const late = run(listAgents, { name_contains: "agent 5000" });
  await clock.advance(15_000);
  const { scanned, next_cursor } = await late;
  assertEquals([scanned, typeof next_cursor], [500, "string"]);
});

Deno.test("list_agents ends a search where the caller has no request left", async () => {
  const { run, requests } = workspace(agents(5_000));
  let left = 3;
  const principal = { id: "ci", charge: () => left-- > 0 ? 0 : 1_000 };
  const result = await run(listAgents, { name_contains: "agent 5000" }, { principal });
  assertEquals([result.scanned, requests.length], [800, 8]);
  assert(result.next_cursor !== undefined);
});

Deno.test("list_agents with a name walks all matches once through", async () => {
  const { run } = workspace(agents(600));
  const { ids } = await walk((args) => run(listAgents, args), { name_contains: "7", limit: 9 });
  assertEquals(ids, agents(600).filter(({ name }) => name?.includes("7")).map(({ id }) => id));
});

Deno.test("list_agents clips descriptions and stays within the size budget", async () => {
  const wordy = agents(200).map((agent) => ({ ...agent, description: "d".repeat(2_048) }));
  const { run } = workspace(wordy);
  const { ids, calls } = await walk((args) => run(listAgents, args), { limit: 200 });
  assertEquals(ids.length, 200);
  assert(calls > 1);
});

const tooLong = btoa(JSON.stringify({ p: "p".repeat(2_000) }).padEnd(3_010));
const badCursors = ["nonsense", "e30x", btoa('{"q":1}'), btoa('{"s":-1}'), "%%%", tooLong];
for (const cursor of badCursors) {
  Deno.test(`list_agents refuses the cursor ${cursor.slice(0, 20)}`, async () => {
    const { run } = workspace([]);
    const error = await assertRejects(() => run(listAgents, { cursor }), ToolError, "next_cursor");
    assertEquals(error.code, "invalid_argument");
  });
}

Deno.test("list_agents under an allowlist fetches just those agents, side by side", async () => {
  const ids = agents(12).map(({ id }) => id);
  let open = 0;
  let most = 0;
  const { run } = harness({
    agents: {
      retrieve: async (id) => {
        most = Math.max(most, ++open);
        await Promise.resolve();
        open--;
        return { id, name: `Name of ${id}` };
      },
    },
  }, { allowedAgentIds: ids });
  const result = await run(listAgents, {});
  assertEquals(agentIds(result), ids);
  assertEquals(most, 10);
  const walked = await walk((args) => run(listAgents, args), { limit: 5 });
  assertEquals(walked.ids, ids);
  const named = await walk((args) => run(listAgents, args), { name_contains: "agent_1", limit: 2 });
  assertEquals(named.ids, ["agent_1", "agent_10", "agent_11", "agent_12"]);
});

for (const status of [400, 403, 404]) {
  Deno.test(`list_agents under an allowlist names an agent that answers ${status}`, async () => {
    const { run } = harness({
      agents: {
        retrieve: (id) =>
          id === "agent_gone" ? Promise.reject(httpError(status)) : Promise.resolve({ id }),
      },
    }, { allowedAgentIds: ["agent_1", "agent_gone", "agent_2"] });
    assertEquals(await run(listAgents, {}), {
      agents: [{ id: "agent_1" }, { id: "agent_2" }],
      scanned: 2,
      unavailable: ["agent_gone"],
    });
  });
}

Deno.test("list_agents under an allowlist fails when the API does", async () => {
  const { run } = harness({
    agents: { retrieve: () => Promise.reject(httpError(401)) },
  }, { allowedAgentIds: ["agent_1"] });
  await assertRejects(() => run(listAgents, {}), ApiError);
});
