import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { callMethod } from "../../../src/commands/mcp_call.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { createHttpHandler } from "../../../src/http/handler.ts";
import { createServerFactory, toolNamed } from "../../../src/mcp/server.ts";
import { toolsOf } from "../../../src/tools/registry.ts";
import { harness } from "../tools/support.ts";

const TOOLS = new Map(toolsOf().map((tool) => [tool.name, tool]));

const MEANT: readonly [string, string | undefined][] = [
  ["list-agents", "list_agents"],
  ["listAgents", "list_agents"],
  ["ListAgents", "list_agents"],
  ["mcp__managed-agents__list_agents", "list_agents"],
  ["managed-agents.list_agents", "list_agents"],
  ["agents:waitForIdle", "wait_for_idle"],
  ["list_agent", "list_agents"],
  ["wait_for_idel", "wait_for_idle"],
  ["bash", undefined],
  ["", undefined],
  ["x", undefined],
  [`${"x_".repeat(1_000_000)}list_agents`, undefined],
];
for (const [name, meant] of MEANT) {
  Deno.test(`toolNamed() of '${name.slice(0, 40)}' asks for ${meant ?? "nothing"}`, () => {
    const { message } = assertThrows(() => toolNamed(TOOLS, name));
    assertEquals(/did you mean (.*)\?$/.exec(message)?.[1], meant);
    assertEquals(message.startsWith("Tool "), true);
  });
}

Deno.test("a server lists and calls the tools of its sets only", async () => {
  const { services } = harness({});
  const factory = createServerFactory(services, { version: "1.2.3", toolSets: [] });
  const token = "t".repeat(32);
  const handler = createHttpHandler(factory, {
    tokens: [token],
    ready: () => Promise.resolve(true),
    log: silentLogger,
    clock: services.clock,
  });
  const endpoint = { token, fetch: (request: Request) => handler.fetch(request) };
  assertEquals((await callMethod(endpoint, "tools/list")).tools, []);
  const call = { name: "get_agent", arguments: { agent_id: "agent_1" } };
  await assertRejects(() => callMethod(endpoint, "tools/call", call), Error, "not found");
  await handler.close();
});
