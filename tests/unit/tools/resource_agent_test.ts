import { assert, assertEquals } from "@std/assert";
import { createRedact } from "../../../src/core/redact.ts";
import { MAX_RESULT_CHARS } from "../../../src/core/text.ts";
import { getAgent } from "../../../src/tools/get_agent.ts";
import { agentResource } from "../../../src/tools/resource_agent.ts";
import type { Agent } from "../../../src/api/resources.ts";
import type { ServicesOptions } from "../../../src/tools/services.ts";
import { agents, harness } from "./support.ts";

const [ONE] = agents(1);
const ARGS = { agent_id: "agent_1" };

function opened(agent: Partial<Agent> = {}, options: Partial<ServicesOptions> = {}) {
  const retrieve = () => Promise.resolve({ id: "agent_1", ...ONE, ...agent });
  return harness({ agents: { retrieve } }, options);
}

async function read(...given: Parameters<typeof opened>): Promise<string> {
  const { mime_type, text } = await opened(...given).run(agentResource, ARGS);
  assertEquals(mime_type, "application/json");
  return String(text);
}

for (const exposeAgentConfig of [false, true]) {
  const which = exposeAgentConfig ? "with" : "without";
  Deno.test(`an agent reads like the result of get_agent, ${which} its configuration`, async () => {
    const text = await read({}, { exposeAgentConfig });
    const shown = await opened({}, { exposeAgentConfig }).run(getAgent, ARGS);
    assertEquals(JSON.parse(text), shown);
    assertEquals(text.includes("SECRET PROMPT"), exposeAgentConfig);
  });
}

Deno.test("a long configuration stays JSON within the bound of results", async () => {
  for (const system of ["x".repeat(100_000), '"\n'.repeat(50_000), "\u0001".repeat(50_000)]) {
    const text = await read({ system }, { exposeAgentConfig: true });
    assert(JSON.stringify({ text }).length < MAX_RESULT_CHARS, `${text.length}`);
    assertEquals(JSON.parse(text).truncated, true);
  }
});

Deno.test("a secret in an agent's description is hidden, and what is left is JSON", async () => {
  const secret = 'quoted"secret\\0123456789';
  const text = await read({ description: `It has ${secret}.` }, {
    redact: createRedact([secret]),
  });
  assertEquals(JSON.parse(text).description, "It has [redacted].");
});
