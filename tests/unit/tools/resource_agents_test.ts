import { assertEquals } from "@std/assert";
import type { PageParams } from "../../../src/api/types.ts";
import { agentResources } from "../../../src/tools/resource_agents.ts";
import { agents, entriesOf, harness } from "./support.ts";

function opened(count: number) {
  const requests: PageParams[] = [];
  const list = (params: PageParams) => {
    requests.push(params);
    return Promise.resolve({ data: agents(count), next_page: "more" });
  };
  return { ...harness({ agents: { list } }), requests };
}

Deno.test("agents are listed with their description, by one request", async () => {
  const { run, requests } = opened(2);
  const { resources } = await run(agentResources, {});
  assertEquals(
    resources,
    [1, 2].map((number) => ({
      uri: `cma://agents/agent_${number}`,
      name: `Agent ${number}`,
      title: `Agent: Agent ${number}`,
      description: "Does things.",
      mimeType: "application/json",
    })),
  );
  assertEquals(requests, [{ limit: 100 }]);
});

Deno.test("a caller of some agents gets those, also one that stands on another page", async () => {
  const { run, requests } = opened(3);
  const ask = (agents: string[]) => run(agentResources, {}, { principal: { id: "ci", agents } });
  const names = entriesOf(await ask(["agent_2", "agent_9", "a/b"]), "resources")
    .map(({ uri, name }) => [uri, name]);
  assertEquals(names, [
    ["cma://agents/agent_2", "Agent 2"],
    ["cma://agents/agent_9", "agent_9"],
  ]);
  assertEquals(await ask([]), { resources: [] });
  assertEquals(requests.length, 1);
});

Deno.test("the list of agents is bounded", async () => {
  assertEquals(entriesOf(await opened(90).run(agentResources, {}), "resources").length, 50);
});
