// The set `sessions` as hosts use it: an earlier session is found, and the work in it goes on.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createServerFactory } from "../../src/mcp/server.ts";
import { type App, openApp, WAYS } from "./support.ts";
import { entry, openTeam } from "./tokens_support.ts";

const TOOL_SETS = ["core", "sessions"] as const;
const DAY_MS = 86_400_000;

/** The whole app, with the set `sessions` and a caller that may do all. */
function openSessions(): App {
  const app = openApp();
  const factory = createServerFactory(app.services, { version: "1.2.3", toolSets: TOOL_SETS });
  return { ...app, factory };
}

/** The entries of a list in a result. */
function listIn(result: Readonly<Record<string, unknown>> | undefined, name: string) {
  const list = result?.[name];
  assert(Array.isArray(list), JSON.stringify(result));
  return list;
}

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`yesterday's session is found and goes on: ${way}`, async () => {
    const app = openSessions();
    const { client, close } = await connect(app);
    const call = async (tool: string, args: Record<string, unknown>) => {
      const { isError, text, structured } = await app.until(client.call(tool, args));
      assertEquals(isError, false, text);
      return { ...structured };
    };
    const agent_id = app.simulator.agentId("quick");
    const { session_id } = await call("create_session", {
      agent_id,
      title: "Quarterly report",
      message: "Begin.",
    });
    await call("wait_for_idle", { session_id });
    await app.clock.advance(DAY_MS);
    const today = new Date(app.clock.wallTime() - DAY_MS / 2).toISOString();
    await call("create_session", { agent_id, title: "Something else" });
    const earlier = { agent_id, created_before: today, status: "idle" };
    const found = listIn(await call("list_sessions", earlier), "sessions");
    assertEquals(found.map(({ session_id, title }) => [session_id, title]), [
      [session_id, "Quarterly report"],
    ]);
    assertEquals(
      listIn(await call("list_sessions", { created_after: today }), "sessions")
        .map(({ title }) => title),
      ["Something else"],
    );
    await call("send_message", { session_id: found[0].session_id, text: "Go on, please." });
    const { reply } = await call("wait_for_idle", { session_id });
    assertStringIncludes(String(reply), "Go on, please.");
    const first = await call("list_sessions", { limit: 1 });
    const { next_cursor: cursor } = first;
    const second = await call("list_sessions", { limit: 1, cursor });
    assertEquals(
      [first, second].map((page) => listIn(page, "sessions")[0].title),
      ["Something else", "Quarterly report"],
    );
    await close();
    app.close();
  });

  Deno.test(`the environments are listed, with the default: ${way}`, async () => {
    const app = openSessions();
    const { client, close } = await connect(app);
    const { tools } = await app.until(client.listTools());
    assertEquals(tools.slice(9).map(({ name }) => name), ["list_sessions", "list_environments"]);
    const { structured } = await app.until(client.call("list_environments", {}));
    const [only, ...others] = listIn(structured, "environments");
    assertEquals([only?.is_default, others], [true, []]);
    await close();
    app.close();
  });
}

Deno.test("tokens list the sessions that they reach, and see which are theirs, on every replica", async () => {
  const team = openTeam([
    entry("mia"),
    entry("noah"),
    entry("lead", { sessions: "all" }),
  ], { toolSets: TOOL_SETS });
  const { simulator } = team.app;
  const agent_id = simulator.agentId("quick");
  for (const token of ["mia", "noah", "lead"]) {
    const made = await team.call(token, "create_session", { agent_id, title: `Of ${token}` });
    assertEquals(made.isError, false, made.text);
  }
  const replica = team.replica();
  const list = async (token: string) => {
    const { text, result } = await replica.call(token, "list_sessions", {});
    assert(!text.includes("cma_mcp_"), text);
    return listIn(result, "sessions").map(({ title, mine }) => [title, mine]);
  };
  assertEquals(await list("mia"), [["Of mia", true]]);
  assertEquals(await list("noah"), [["Of noah", true]]);
  assertEquals(await list("lead"), [
    ["Of lead", true],
    ["Of noah", undefined],
    ["Of mia", undefined],
  ]);
  await replica.close();
  await team.close();
});

Deno.test("sessions over HTTP are marked for a single token as well", async () => {
  const app = openSessions();
  const connect = WAYS["HTTP, SDK 2, 2026-07-28"];
  assert(connect);
  const { client, close } = await connect(app);
  const agent_id = app.simulator.agentId("quick");
  await app.until(client.call("create_session", { agent_id }));
  app.simulator.createSession({ agent: agent_id });
  const { structured } = await app.until(client.call("list_sessions", {}));
  assertEquals(listIn(structured, "sessions").map(({ mine }) => mine), [undefined, true]);
  await close();
  app.close();
});
