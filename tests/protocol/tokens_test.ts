import { assert, assertEquals } from "@std/assert";
import type { TokenEntry } from "../../src/access/tokens.ts";
import { OWNER_KEY } from "../../src/access/policy.ts";
import type { ToolDefinition } from "../../src/tools/define.ts";
import { toolsOf } from "../../src/tools/registry.ts";
import { entry, openTeam, secretOf, type Team } from "./tokens_support.ts";

/** A team with an owner, a session of the owner's, and a token whose scopes the test names. */
async function opened(scopes: (ids: Ids) => Partial<TokenEntry> = () => ({})) {
  const team = openTeam([entry("owner"), entry("other"), entry("all", { sessions: "all" })]);
  const { api } = team.app.services;
  const [first, second] = (await team.app.until(api.agents.list({}))).data;
  const [environment] = (await team.app.until(api.environments.list({}))).data;
  assert(first && second && environment);
  const ids = { agent: first.id, otherAgent: second.id, environment: environment.id };
  const entries = ["owner", "other"].map((name) => entry(name));
  const scoped = entry("scoped", scopes(ids));
  const all = entry("all", { sessions: "all" });
  team.tokens.replace(await Promise.all([...entries, all, scoped]));
  const created = await team.call("owner", "create_session", { agent_id: ids.agent });
  return { team, ...ids, sessionId: String(created.result.session_id) };
}

interface Ids {
  readonly agent: string;
  readonly otherAgent: string;
  readonly environment: string;
}

/** Tokens that a session of another's, its agent or its environment are not for. */
const WRONG: Readonly<Record<string, (ids: Ids) => Partial<TokenEntry>>> = {
  "another owner": () => ({}),
  "another agent": ({ otherAgent }) => ({ sessions: "all", agents: [otherAgent] }),
  "another environment": () => ({ sessions: "all", environments: ["env_elsewhere"] }),
  "only reading": () => ({ sessions: "all", readOnly: true }),
};

/** What a tool has to answer to a token of {@linkcode WRONG}. */
function expectedOf(tool: ToolDefinition, wrong: string): "ok" | "unknown" | "read only" {
  if (wrong === "only reading") return tool.annotations.readOnlyHint ? "ok" : "read only";
  if ("session_id" in tool.input.shape) return "unknown";
  if ("agent_id" in tool.input.shape && wrong === "another agent") return "unknown";
  // An environment is named in this test, so that the refusal is about it.
  return tool.name === "create_session" && wrong === "another environment" ? "unknown" : "ok";
}

function argumentsOf(
  { name, input }: ToolDefinition,
  ids: { session: string; agent: string; environment: string },
): Record<string, unknown> {
  return {
    ...("session_id" in input.shape && { session_id: ids.session }),
    ...("agent_id" in input.shape && { agent_id: ids.agent }),
    ...(name === "create_session" && { environment_id: ids.environment }),
    ...(name === "send_message" && { text: "Hello" }),
  };
}

for (const [wrong, scopes] of Object.entries(WRONG)) {
  for (const tool of toolsOf()) {
    const expected = expectedOf(tool, wrong);
    Deno.test(`${tool.name} with a token for ${wrong}: ${expected}`, async () => {
      const { team, sessionId, agent, environment } = await opened(scopes);
      const before = await team.call("owner", "list_events", { session_id: sessionId });
      const there = { session: sessionId, agent, environment };
      const known = await team.call("scoped", tool.name, argumentsOf(tool, there));
      const again = await team.call("scoped", tool.name, argumentsOf(tool, there));
      assertEquals(known.isError, expected !== "ok", known.text);
      if (expected !== "ok") {
        const gone = { session: "sesn_unknown", agent: "agent_unknown", environment: "env_no" };
        const unknown = await team.call("scoped", tool.name, argumentsOf(tool, gone));
        assertEquals([known.text, again.text], [unknown.text, unknown.text]);
        assert(known.text.includes(expected === "unknown" ? "does not exist or" : "only read"));
        const after = await team.call("owner", "list_events", { session_id: sessionId });
        assertEquals(after.text, before.text);
        assertEquals((await team.session(sessionId)).archived_at ?? null, null);
      }
      await team.close();
    });
  }
}

for (const tool of toolsOf()) {
  Deno.test(`${tool.name} works for the owner of a session, and for a token of all sessions`, async () => {
    const { team, sessionId, agent, environment } = await opened();
    const ids = { session: sessionId, agent, environment };
    for (const token of ["all", "owner"]) {
      const { isError, text } = await team.call(token, tool.name, argumentsOf(tool, ids));
      assert(!isError, `${token}: ${text}`);
    }
    await team.close();
  });
}

Deno.test("list_agents shows a token only the agents that it may reach", async () => {
  const { team, otherAgent } = await opened(WRONG["another agent"]);
  const { result } = await team.call("scoped", "list_agents", {});
  assert(Array.isArray(result.agents));
  assertEquals(result.agents.map(({ id }) => id), [otherAgent]);
  await team.close();
});

Deno.test("a token reaches what both its own agents and the server's list admit", async () => {
  const { agent, otherAgent, team: first } = await opened();
  const both = openTeam(
    [entry("scoped", { agents: [agent, "agent_not_here"] })],
    { allowedAgentIds: [agent, otherAgent] },
  );
  const { result } = await both.call("scoped", "list_agents", {});
  assert(Array.isArray(result.agents));
  assertEquals(result.agents.map(({ id }) => id), [agent]);
  const refused = await both.call("scoped", "get_agent", { agent_id: otherAgent });
  assert(refused.isError && refused.text.includes("does not exist or is not available"));
  await first.close();
  await both.close();
});

Deno.test("a session carries its owner as a mark that tells neither name nor secret", async () => {
  const { team, sessionId } = await opened();
  const { metadata } = await team.session(sessionId);
  const mark = String(metadata?.[OWNER_KEY]);
  assert(/^[A-Za-z0-9_-]{43}$/.test(mark), mark);
  const shown = await team.call("owner", "get_session", { session_id: sessionId });
  assert(!shown.text.includes(mark));
  await team.close();
});

Deno.test("a session stays its owner's after a restart and on other replicas, by the secret", async () => {
  const { team, sessionId } = await opened();
  const get = (on: Team, token: string) => on.call(token, "get_session", { session_id: sessionId });
  const replica = team.replica();
  assert(!(await get(replica, "owner")).isError);
  assert((await get(replica, "other")).isError);
  const elsewhere = team.replica({ bindingKey: "another-secret-another-secret-12" });
  assert((await get(elsewhere, "owner")).isError);
  assert(!(await get(elsewhere, "all")).isError);
  for (const other of [replica, elsewhere]) await other.handler.close();
  await team.close();
});

Deno.test("a session that was not made here is for tokens of all sessions only", async () => {
  const { team, agent, environment } = await opened();
  const { api } = team.app.services;
  const { id } = await team.app.until(
    api.sessions.create({ agent, environmentId: environment, metadata: { [OWNER_KEY]: "x" } }),
  );
  for (const [token, refused] of [["owner", true], ["other", true], ["all", false]] as const) {
    const { isError } = await team.call(token, "get_session", { session_id: id });
    assertEquals(isError, refused, token);
  }
  await team.close();
});

Deno.test("a token of all sessions marks its own too, so that it can be narrowed later", async () => {
  const { team, agent } = await opened();
  const { result } = await team.call("all", "create_session", { agent_id: agent });
  team.tokens.replace([entry("all", { sessions: "own" }), entry("other")]);
  const get = (token: string) => team.call(token, "get_session", { session_id: result.session_id });
  assert(!(await get("all")).isError);
  assert((await get("other")).isError);
  await team.close();
});

Deno.test("a token that gets another scope has it from its next call on", async () => {
  const { team, sessionId, otherAgent } = await opened();
  const get = () => team.call("owner", "get_session", { session_id: sessionId });
  assert(!(await get()).isError);
  team.tokens.replace([entry("owner", { agents: [otherAgent] })]);
  assert((await get()).isError);
  await team.close();
});

Deno.test("a call is cancelled by the token that made it, and by no other", async () => {
  const team = openTeam([
    entry("alice", { sessions: "all" }),
    entry("bob", { sessions: "all" }),
  ]);
  const session_id = team.app.simulator.createSession({ scripted: false, status: "running" });
  team.app.simulator.emit(session_id, { type: "session.status_running" });
  const post = (token: string, message: object) =>
    team.handler.fetch(
      new Request("http://localhost/mcp", {
        method: "POST",
        headers: {
          "host": "localhost",
          "authorization": `Bearer ${secretOf(token)}`,
          "content-type": "application/json",
          "accept": "application/json, text/event-stream",
          "mcp-session-id": "the-same-session",
          "mcp-protocol-version": "2025-06-18",
        },
        body: JSON.stringify({ jsonrpc: "2.0", ...message }),
      }),
    );
  const params = { name: "wait_for_idle", arguments: { session_id, timeout_sec: 600 } };
  const waiting = await post("alice", { id: 7, method: "tools/call", params });
  await team.app.until(poll(() => team.app.simulator.openStreams() === 1));
  const cancel = { method: "notifications/cancelled", params: { requestId: 7 } };
  await (await post("bob", cancel)).body?.cancel();
  await team.app.clock.advance(1_000);
  assertEquals(team.app.simulator.openStreams(), 1);
  await (await post("alice", cancel)).body?.cancel();
  await team.app.until(poll(() => team.app.simulator.openStreams() === 0));
  await waiting.body?.cancel();
  await team.close();
});

async function poll(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 0));
}
