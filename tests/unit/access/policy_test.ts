import { assertEquals, assertRejects } from "@std/assert";
import { ApiError } from "../../../src/api/errors.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { callTool } from "../../../src/mcp/boundary.ts";
import { createSession } from "../../../src/tools/create_session.ts";
import { toolsOf } from "../../../src/tools/registry.ts";
import { type ApiParts, harness, httpError, session } from "../tools/support.ts";

/** Sessions `sesn_mine` of an allowed agent, `sesn_theirs` of another, and no others. */
function guarded(parts: ApiParts = {}) {
  const retrieves: string[] = [];
  const opened = harness({
    ...parts,
    sessions: {
      retrieve: (id) => {
        retrieves.push(id);
        if (id === "sesn_mine") return Promise.resolve(session({ id, agent: { id: "agent_a" } }));
        if (id === "sesn_theirs") return Promise.resolve(session({ id, agent: "agent_b" }));
        if (id === "sesn_nobodys") return Promise.resolve(session({ id, agent: null }));
        return Promise.reject(httpError(id.startsWith("sesn_") ? 404 : 400, `No ${id}.`));
      },
      ...parts.sessions,
    },
  }, { allowedAgentIds: ["agent_a"], environmentId: "env_1" });
  return { retrieves, ...opened };
}

const SESSION_TOOLS = toolsOf().filter(({ input }) => "session_id" in input.shape);
const AGENT_TOOLS = toolsOf().filter(({ input }) => "agent_id" in input.shape);

function argumentsFor(name: string, id: string): Record<string, unknown> {
  const idArgument = AGENT_TOOLS.some((tool) => tool.name === name) ? "agent_id" : "session_id";
  return { [idArgument]: id, ...(name === "send_message" && { text: "Hi" }) };
}

Deno.test("the allowlist covers every tool that takes an id", () => {
  assertEquals(SESSION_TOOLS.length + AGENT_TOOLS.length, 8);
});

for (const tool of [...SESSION_TOOLS, ...AGENT_TOOLS]) {
  Deno.test(`${tool.name} refuses forbidden and unknown ids in the same words`, async () => {
    const isSession = SESSION_TOOLS.includes(tool);
    const ids = isSession
      ? ["sesn_theirs", "sesn_unknown", "malformed", "sesn_nobodys", "sesn_theirs"]
      : ["agent_b", "agent_unknown"];
    const { call, retrieves } = guarded();
    const texts = new Set<string>();
    for (const id of ids) {
      const result = await callTool(tool, argumentsFor(tool.name, id), call());
      assertEquals(result.isError, true);
      texts.add(JSON.stringify(result.content));
    }
    assertEquals(texts.size, 1, [...texts].join("\n"));
    // Every refusal costs a look-up, as one of an unknown id does: its time tells nothing.
    assertEquals(retrieves.length, isSession ? ids.length : 0);
  });
}

Deno.test("an allowed session is looked up once for all calls", async () => {
  const { services, retrieves } = guarded();
  for (let i = 0; i < 3; i++) await services.access.checkSession("sesn_mine", {});
  assertEquals(retrieves, ["sesn_mine"]);
});

Deno.test("a session whose agent could not be found out is not remembered", async () => {
  let failing = true;
  const { services } = harness({
    sessions: {
      retrieve: () => failing ? Promise.reject(httpError(503)) : Promise.resolve(session()),
    },
  }, { allowedAgentIds: ["agent_1"] });
  await assertRejects(() => services.access.checkSession("sesn_1", {}), ApiError);
  failing = false;
  await services.access.checkSession("sesn_1", {});
});

Deno.test("without an allowlist nothing is looked up and everything is admitted", async () => {
  const { services } = harness({});
  await services.access.checkSession("sesn_any", {});
  services.access.checkAgent("agent_any", {});
  assertEquals(services.access.allowedAgentIds({}), undefined);
});

Deno.test("an empty allowlist admits nothing", async () => {
  const { services } = harness({
    sessions: { retrieve: () => Promise.resolve(session()) },
  }, { allowedAgentIds: [] });
  await assertRejects(() => services.access.checkSession("sesn_1", {}), ToolError);
});

Deno.test("a session that was made here needs no look-up", async () => {
  const { run, services, retrieves } = guarded({
    sessions: { create: () => Promise.resolve(session({ id: "sesn_new" })) },
  });
  await run(createSession, { agent_id: "agent_a" });
  await services.access.checkSession("sesn_new", {});
  assertEquals(retrieves, []);
});
