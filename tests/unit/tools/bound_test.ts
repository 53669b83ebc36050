import { assert, assertEquals, assertRejects } from "@std/assert";
import { notAvailable } from "../../../src/access/policy.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { isDefaultTool } from "../../../src/session/pending_actions.ts";
import { boundTo } from "../../../src/tools/bound.ts";
import { createSession } from "../../../src/tools/create_session.ts";
import { getAgent } from "../../../src/tools/get_agent.ts";
import { listSessions } from "../../../src/tools/list_sessions.ts";
import { harness, session } from "./support.ts";

/** A harness that tells which agents were read, in order. */
function agents() {
  const read: string[] = [];
  const rig = harness({
    agents: {
      retrieve: (id) => {
        read.push(id);
        return Promise.resolve({ id });
      },
    },
  });
  return { ...rig, read };
}

const bound = boundTo(getAgent, { agentId: "agent_1" });

Deno.test("boundTo() gives a tool without agent_id, which is the same otherwise", () => {
  const tool = boundTo(createSession, { agentId: "agent_1" });
  const { agent_id: _, ...others } = createSession.input.shape;
  assertEquals(Object.keys(tool.input.shape), Object.keys(others));
  assertEquals(
    [tool.name, tool.title, tool.description, tool.scope, tool.kind, tool.annotations],
    [
      ...[createSession.name, createSession.title, createSession.description] as const,
      ...[createSession.scope, createSession.kind, createSession.annotations] as const,
    ],
  );
  assert(tool.input === tool.input && tool.output === createSession.output);
});

Deno.test("a bound tool fills in its agent, and takes its id or nothing for it", async () => {
  const { run, read } = agents();
  for (
    const args of [{}, undefined, { agent_id: "agent_1" }, { agent_id: "" }, { agent_id: null }]
  ) {
    assertEquals(await run(bound, args), { id: "agent_1", tools: [] });
  }
  assertEquals(read, Array(5).fill("agent_1"));
});

Deno.test("a bound tool refuses every other agent like an unknown one, before it does anything", async () => {
  const { run, read } = agents();
  for (const agent_id of ["agent_2", "agent 1", 1, ["agent_1"], {}]) {
    const refusal = await assertRejects(() => run(bound, { agent_id }), ToolError);
    assertEquals(refusal.code, "not_available");
    const text = refusal.messageFor(isDefaultTool);
    assertEquals(text, notAvailable({ boundAgentId: "agent_1" }).messageFor(isDefaultTool));
    assert(text.includes("a session_id from") && !text.includes("agent_id"), text);
  }
  assertEquals(read, []);
});

Deno.test("a bound tool names none but the arguments that it takes", async () => {
  const { run } = agents();
  const { message } = await assertRejects(() => run(bound, { version: "x", what: 1 }), ToolError);
  assertEquals(
    message,
    'version must be an integer of at least 1; Unknown argument "what": this tool takes version.',
  );
  // A host's own name for it is nobody's mistake.
  assertEquals((await run(bound, { agentId: "x" })).ignored_arguments, ["agentId"]);
});

Deno.test("a bound tool's agent has to be within the reach of its caller", async () => {
  const { run, read } = agents();
  const principal = { id: "ci", agents: ["agent_2"] };
  await assertRejects(() => run(bound, {}, { principal }), ToolError, "does not exist");
  assertEquals(read, []);
});

Deno.test("a bound filter shows sessions of its agent only, whatever the API lists", async () => {
  const asked: unknown[] = [];
  const { run } = harness({
    sessions: {
      list: (params) => {
        asked.push(params.agentId);
        return Promise.resolve({
          data: [
            { id: "sesn_1", agent: "agent_1" },
            { id: "sesn_2", agent: "agent_2" },
            { id: "sesn_3" },
          ],
        });
      },
    },
  });
  const { sessions } = await run(boundTo(listSessions, { agentId: "agent_1" }), {});
  assert(Array.isArray(sessions));
  assertEquals(sessions.map(({ session_id }) => session_id), ["sesn_1"]);
  assertEquals(asked, ["agent_1"]);
});

Deno.test("a bound tool can show itself under another name, with fewer arguments", async () => {
  const { run, read } = agents();
  const tool = boundTo(getAgent, {
    agentId: "agent_1",
    shown: {
      name: "about",
      title: "About",
      description: "About it.",
      annotations: { ...getAgent.annotations, idempotentHint: false },
      offered: [],
    },
  });
  assertEquals([tool.name, tool.title, tool.description], ["about", "About", "About it."]);
  assertEquals([tool.annotations.idempotentHint, Object.keys(tool.input.shape)], [false, []]);
  // What is not offered is unknown.
  const { id, ignored_arguments } = await run(tool, { version: "no number" });
  assertEquals([id, ignored_arguments, read], ["agent_1", ["version"], ["agent_1"]]);
  const principal = { id: "ci", scopes: ["sessions:read"] } as const;
  await assertRejects(
    () => run(tool, {}, { principal }),
    ToolError,
    "agents:read, which about needs",
  );
});

Deno.test("a bound tool makes sessions within its caller's budget", async () => {
  const budgets: unknown[] = [];
  const { run, clock } = harness({
    sessions: {
      create: ({ budget }) => {
        budgets.push(budget?.max_list_cost.amount);
        return Promise.resolve(session());
      },
    },
  }, { environmentId: "env_1" });
  const principal = { id: "ci", agent: "agent_1", agents: ["agent_1"], maxCostUsd: 4 };
  await clock.runUntil(run(boundTo(createSession, { agentId: "agent_1" }), {}, { principal }));
  assertEquals(budgets, ["400"]);
});
