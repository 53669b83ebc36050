import { assertEquals, assertThrows } from "@std/assert";
import { toolNamed } from "../../../src/mcp/server.ts";

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
    const { message } = assertThrows(() => toolNamed(name));
    assertEquals(/did you mean (.*)\?$/.exec(message)?.[1], meant);
    assertEquals(message.startsWith("Tool "), true);
  });
}
