// Several sessions waited for at once, as hosts do it: over every transport, SDK and era.
import { assert, assertEquals } from "@std/assert";
import { createServerFactory } from "../../src/mcp/server.ts";
import { openApp, WAYS } from "./support.ts";

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`the first of several agents that is done answers, then the others: ${way}`, async () => {
    const app = openApp();
    const toolSets = ["core", "ask"] as const;
    const factory = createServerFactory(app.services, { version: "1.2.3", toolSets });
    const { client, close } = await connect({ ...app, factory });
    const progress: string[] = [];
    const call = async (tool: string, args: Record<string, unknown>) => {
      const onProgress = ({ message = "" }) => void progress.push(message);
      const calling = client.call(tool, args, { onProgress });
      const { isError, text, structured } = await app.until(calling);
      assertEquals(isError, false, text);
      return { ...structured };
    };
    const start = async (message: string) => {
      const agent_id = app.simulator.agentId("script");
      return (await call("create_session", { agent_id, message })).session_id;
    };
    const ids = [
      await start("sleep 20s\nsay the slow one"),
      await start("sleep 4s\nsay the quick one"),
      await start("say already there"),
    ];
    const first = await call("wait_for_any", { session_ids: ids.slice(0, 2) });
    const { sessions } = first;
    assert(Array.isArray(sessions));
    assertEquals(
      sessions.map(({ session_id, status, reply }) => [session_id, status, reply]),
      [[ids[0], "running", undefined], [ids[1], "idle", "the quick one"]],
    );
    const after_ids = { [String(ids[0])]: sessions[0].last_event_id };
    assert(String(first.next).includes(JSON.stringify(after_ids)), String(first.next));
    const rest = await call("wait_for_any", {
      session_ids: [ids[0], ids[2]],
      after_ids,
      mode: "all",
    });
    assert(Array.isArray(rest.sessions));
    assertEquals(
      rest.sessions.map(({ status, reply }) => [status, reply]),
      [["idle", "the slow one"], ["idle", "already there"]],
    );
    assertEquals(rest.next, undefined);
    assert(progress.some((line) => line.includes("of 2 sessions running")), progress.join("\n"));
    await close();
    app.close();
  });
}
