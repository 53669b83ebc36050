import { assertEquals, assertRejects } from "@std/assert";
import type { Agent } from "../../../src/api/resources.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { getAgent } from "../../../src/tools/get_agent.ts";
import { harness, httpError } from "./support.ts";

const AGENT: Agent = {
  id: "agent_1",
  name: "Analyst",
  description: "Analyses.",
  model: { id: "some-model", effort: "high" },
  version: 3,
  system: "SECRET PROMPT",
  tools: [
    {
      type: "agent_toolset_20260401",
      configs: [{ name: "bash", enabled: true }, { name: "write", enabled: false }, {
        name: "read",
      }],
    },
    { type: "mcp_toolset", mcp_server_name: "crm" },
    { type: "custom", name: "book_room", input_schema: { secret: "SCHEMA" } },
    { type: "custom", name: "book_room" },
    {},
  ],
  mcp_servers: [{ name: "crm", url: "https://crm.internal.example/mcp" }],
  metadata: { owner: "ops" },
  created_at: "2026-11-01T00:00:00Z",
  updated_at: "2026-11-02T00:00:00Z",
  archived_at: null,
};

const SAFE = {
  id: "agent_1",
  name: "Analyst",
  description: "Analyses.",
  model: "some-model",
  version: 3,
  tools: ["agent_toolset_20260401", "bash", "read", "mcp:crm", "book_room", "unnamed"],
  created_at: "2026-11-01T00:00:00Z",
  updated_at: "2026-11-02T00:00:00Z",
};

Deno.test("get_agent shows tools by name, and neither prompt nor server URL nor schema", async () => {
  const { run } = harness({ agents: { retrieve: () => Promise.resolve(AGENT) } });
  assertEquals(await run(getAgent, { agent_id: "agent_1" }), SAFE);
});

Deno.test("get_agent shows everything only where the operator says so", async () => {
  const { run } = harness({ agents: { retrieve: () => Promise.resolve(AGENT) } }, {
    exposeAgentConfig: true,
  });
  assertEquals(await run(getAgent, { agent_id: "agent_1" }), { ...SAFE, config: AGENT });
});

Deno.test("get_agent asks for the version that was asked for", async () => {
  const asked: unknown[] = [];
  const { run } = harness({
    agents: {
      retrieve: (id, params) => {
        asked.push([id, params.version]);
        return Promise.resolve({ id });
      },
    },
  });
  assertEquals(await run(getAgent, { agent_id: "agent_9", version: 2 }), {
    id: "agent_9",
    tools: [],
  });
  await run(getAgent, { agent_id: "agent_9" });
  assertEquals(asked, [["agent_9", 2], ["agent_9", undefined]]);
});

Deno.test("get_agent passes the API's error on", async () => {
  const { run } = harness({ agents: { retrieve: () => Promise.reject(httpError(404)) } });
  await assertRejects(() => run(getAgent, { agent_id: "agent_1" }), ApiError);
});
