// The set `threads` as hosts use it: who works in a session, and what a subagent did.
import { assert, assertEquals } from "@std/assert";
import { createServerFactory } from "../../src/mcp/server.ts";
import { openApp, WAYS } from "./support.ts";
import { entry, openTeam } from "./tokens_support.ts";

/** The entries of a list in a result. */
function listIn(result: Readonly<Record<string, unknown>> | undefined, name: string) {
  const list = result?.[name];
  assert(Array.isArray(list), JSON.stringify(result));
  return list;
}

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`subagents are listed, and what one of them did: ${way}`, async () => {
    const app = openApp();
    const toolSets = ["core", "threads"] as const;
    const factory = createServerFactory(app.services, { version: "1.2.3", toolSets });
    const { client, close } = await connect({ ...app, factory });
    const call = async (tool: string, args: Record<string, unknown>) => {
      const { isError, text, structured } = await app.until(client.call(tool, args));
      assertEquals(isError, false, text);
      return { ...structured };
    };
    const agent_id = app.simulator.agentId("subagents");
    const { session_id } = await call("create_session", { agent_id, message: "Compare them." });
    await call("wait_for_idle", { session_id });
    const threads = listIn(await call("list_threads", { session_id }), "threads");
    const [primary, researcher] = threads;
    assertEquals(
      threads.map(({ agent, parent_thread_id, status }) => [agent, parent_thread_id, status]),
      [
        ["Simulated Subagents", undefined, "idle"],
        ["Simulated Researcher", primary.thread_id, "idle"],
        ["Simulated Reviewer", primary.thread_id, "idle"],
      ],
    );
    const { thread_id } = researcher;
    const first = await call("list_thread_events", { session_id, thread_id, limit: 3 });
    assertEquals(
      listIn(first, "events").map(({ type, text }) => [type, text]),
      [
        ["session.thread_created", undefined],
        ["session.thread_status_running", undefined],
        ["agent.thread_message_received", "Look into: Compare them."],
      ],
    );
    const { next_cursor: cursor } = first;
    const rest = await call("list_thread_events", { session_id, thread_id, cursor });
    assertEquals(listIn(rest, "events")[0].text, "Simulated Researcher: nothing to report.");
    await close();
    app.close();
  });
}

Deno.test("a thread of another token's session is as unknown as one that does not exist", async () => {
  const team = openTeam([entry("mia"), entry("noah")], { toolSets: ["core", "threads"] });
  const agent_id = team.app.simulator.agentId("quick");
  const threadOf = async (token: string) => {
    const made = await team.call(token, "create_session", { agent_id });
    const { session_id } = made.result;
    const { result } = await team.call(token, "list_threads", { session_id });
    return { session_id, thread_id: listIn(result, "threads")[0].thread_id };
  };
  const [own, foreign] = [await threadOf("mia"), await threadOf("noah")];
  const read = (ids: Record<string, unknown>) => team.call("mia", "list_thread_events", ids);
  assertEquals((await read(own)).isError, false);
  const unknown = await read({ ...own, thread_id: "sthr_unknown" });
  const ofAnother = await read({ ...own, thread_id: foreign.thread_id });
  assertEquals([ofAnother.isError, ofAnother.text], [true, unknown.text]);
  assertEquals((await read(foreign)).isError, true);
  await team.close();
});
