// A token that is bound to one agent, as clients of every kind see it.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createServerFactory } from "../../src/mcp/server.ts";
import { createHttpHandler } from "../../src/http/handler.ts";
import { createTokenRegistry } from "../../src/access/tokens.ts";
import { TOOL_SET_NAMES } from "../../src/access/tool_sets.ts";
import { toolsOf } from "../../src/tools/registry.ts";
import { type ClientKind, connectHttp, openApp, serveHandler } from "./support.ts";
import { entry, secretOf } from "./tokens_support.ts";

/** A server with every set, a token bound to an agent, and one that may reach all. */
async function opened() {
  const app = openApp();
  const { data: [own, other] } = await app.until(app.services.api.agents.list({}));
  assert(own && other);
  const factory = createServerFactory(app.services, { version: "1.2.3", toolSets: TOOL_SET_NAMES });
  const bound = entry("bound", { agent: own.id, agents: [own.id], sessions: "all" });
  const handler = createHttpHandler(factory, {
    tokens: createTokenRegistry([bound, entry("all", { sessions: "all" })]),
    ready: () => Promise.resolve(true),
    log: app.services.log,
    clock: app.clock,
  });
  const served = serveHandler(handler);
  const connect = (kind: ClientKind, token = "bound") =>
    app.until(connectHttp(served.url, kind, secretOf(token)));
  return {
    ...{ app, own, other, connect },
    async close() {
      await served.close();
      app.close();
    },
  };
}

for (const kind of ["auto", "legacy", "sdk1"] as const) {
  Deno.test(`a bound token's tools take no agent_id, and work without, with the client ${kind}`, async () => {
    const { app, own, other, connect, close } = await opened();
    const client = await connect(kind);
    const { tools } = await app.until(client.listTools());
    const text = JSON.stringify(tools) + client.instructions();
    assert(!text.includes("agent_id") && !text.includes("list_agents"), text);
    assertEquals(
      tools.map(({ name }) => name),
      toolsOf(TOOL_SET_NAMES).map(({ name }) => name).filter((name) => name !== "list_agents"),
    );
    assertStringIncludes(client.instructions() ?? "", "create_session with a message");
    const call = (name: string, args: Record<string, unknown>) =>
      app.until(client.call(name, args));
    assertEquals((await call("get_agent", {})).structured?.id, own.id);
    const { structured: made } = await call("create_session", { message: "Hello" });
    const session_id = String(made?.session_id);
    assertEquals((await call("wait_for_idle", { session_id })).structured?.status, "idle");
    const { structured: shown } = await call("get_session", { session_id });
    assertEquals(Object(shown?.agent).id, own.id);
    const foreign = await call("get_agent", { agent_id: other.id });
    const unknown = await call("get_agent", { agent_id: "agent_unknown" });
    assertEquals([foreign.isError, foreign.text], [true, unknown.text]);
    assert(!foreign.text.includes("agent_id"), foreign.text);
    await client.close();
    await close();
  });
}

Deno.test("a bound token sees nothing of another agent's sessions, and no tool that lists agents", async () => {
  const { app, own, other, connect, close } = await opened();
  const all = await connect("auto", "all");
  const ids: string[] = [];
  for (const { id: agent_id } of [own, other]) {
    const { structured } = await app.until(all.call("create_session", { agent_id }));
    ids.push(String(structured?.session_id));
  }
  const client = await connect("auto");
  const { structured } = await app.until(client.call("list_sessions", {}));
  const listed = Array.isArray(structured?.sessions) ? structured.sessions : [];
  assertEquals(listed.map(({ session_id }) => session_id), ids.slice(0, 1));
  const { isError } = await app.until(client.call("get_session", { session_id: ids[1] }));
  assertEquals(isError, true);
  const unknown = await app.until(client.call("list_agents", {}).catch(String));
  assertStringIncludes(String(unknown), "list_agents not found");
  await Promise.all([all.close(), client.close()]);
  await close();
});
