import { assertEquals, assertRejects } from "@std/assert";
import { ToolError } from "../../../src/core/errors.ts";
import { askAgentTool } from "../../../src/tools/ask_agent.ts";
import { harness, session } from "./support.ts";

function opened() {
  return harness(
    { sessions: { create: () => Promise.resolve(session({ status: "running" })) } },
    { environmentId: "env_1" },
  );
}

const NEW = { agent_id: "agent_1", message: "Hello" };

Deno.test("ask_agent returns what its wait found, within the time of wait_for_idle", async () => {
  const { run, waiter } = opened();
  const progress = () => {};
  const clientInfo = { name: "claude-code", version: "2.1.332" };
  assertEquals(await run(askAgentTool, NEW), { ...waiter.result });
  await run(askAgentTool, NEW, { progress, clientInfo });
  await run(askAgentTool, { ...NEW, timeout_sec: 7 });
  assertEquals(waiter.waits.map(({ timeoutMs }) => timeoutMs), [50_000, 100_000, 7_000]);
});

Deno.test("ask_agent takes null and empty texts for what a host leaves out", async () => {
  const { run, waiter } = opened();
  const empty = { session_id: "", after_id: null, title: "", environment_id: "null" };
  await run(askAgentTool, { ...NEW, ...empty });
  await run(askAgentTool, { session_id: "sesn_2", agent_id: null, message: "" });
  assertEquals(waiter.waits.map(({ sessionId }) => sessionId), ["sesn_1", "sesn_2"]);
});

Deno.test("ask_agent counts among the waits of its caller", async () => {
  const { run } = opened();
  const principal = { id: "ci", maxWaits: 0 };
  await assertRejects(
    () => run(askAgentTool, NEW, { principal }),
    ToolError,
    "may wait for at most 0",
  );
});
