// Agents that clients create use the tools of their definition, under its policies.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Bench, bench, dig, message, type Wire } from "../helpers.ts";
import type { Habits } from "../../../../src/simulator/habits.ts";

const TOOLSET = { type: "agent_toolset_20260401" };
const policy = (type: string): Wire => ({ permission_policy: { type } });
const WEATHER = {
  type: "custom",
  name: "get_weather",
  description: "The weather in a city.",
  input_schema: {
    type: "object",
    properties: { city: { type: "string" }, unit: { enum: ["C", "F"] }, days: { type: "integer" } },
  },
};

interface Run extends Omit<Bench, "open"> {
  readonly id: string;
  /** Everything listed. */
  all(): Promise<Wire[]>;
  /** Calls of tools as `type name permission`. */
  calls(): Promise<string[]>;
  /** Ids that the last idle event waits for. */
  open(): Promise<unknown[]>;
}

async function session(tools: readonly Wire[], habits: Partial<Habits> = {}): Promise<Run> {
  const tool = bench(habits);
  const agent = await tool.call("POST", "/v1/agents", { name: "Made", model: "m", tools });
  const created = await tool.call("POST", "/v1/sessions", {
    agent: dig(agent.body, "id"),
    environment_id: tool.simulator.environmentId,
  });
  const id = String(dig(created.body, "id"));
  const all = () => tool.events(id);
  return {
    ...tool,
    id,
    all,
    calls: async () =>
      (await all())
        .filter(({ type }) => /^agent\..*tool_use$/.test(String(type)))
        .map(({ type, name, evaluated_permission: permission }) =>
          [type, name, permission].filter((part) => part !== undefined).join(" ")
        ),
    open: async () => {
      const idle = (await all()).findLast(({ type }) => type === "session.status_idle");
      const ids = dig(idle, "stop_reason", "event_ids");
      return Array.isArray(ids) ? ids : [];
    },
  };
}

async function ask(run: Run, text: string): Promise<void> {
  await run.send(run.id, message(text));
  await run.clock.advance(5_000);
}

for (
  const [what, tools, calls] of [
    ["no tools", [], []],
    ["a toolset", [TOOLSET], ["agent.tool_use bash allow"]],
    [
      "a toolset that asks",
      [{ ...TOOLSET, default_config: policy("always_ask") }],
      ["agent.tool_use bash ask"],
    ],
    [
      "a toolset of which one tool asks",
      [{ ...TOOLSET, configs: [{ name: "write", ...policy("always_ask") }] }],
      ["agent.tool_use write ask", "agent.tool_use bash allow"],
    ],
    ["an auto policy", [{ ...TOOLSET, default_config: policy("auto") }], [
      "agent.tool_use bash allow",
    ]],
    ["a toolset that is off", [{ ...TOOLSET, default_config: { enabled: false } }], []],
    [
      "one tool of a toolset that is off otherwise",
      [{
        ...TOOLSET,
        default_config: { enabled: false },
        configs: [{ name: "grep", enabled: true }],
      }],
      ["agent.tool_use grep allow"],
    ],
    ["nulls for defaults", [{ ...TOOLSET, configs: null, default_config: { enabled: null } }], [
      "agent.tool_use bash allow",
    ]],
    ["an MCP server", [{ type: "mcp_toolset", mcp_server_name: "crm" }], [
      "agent.mcp_tool_use search ask",
    ]],
    ["a custom tool", [WEATHER], ["agent.custom_tool_use get_weather"]],
  ] as const
) {
  Deno.test(`a created agent with ${what} calls ${calls.join(", ") || "nothing"}`, async () => {
    const run = await session(tools);
    await ask(run, "Go on");
    assertEquals(await run.calls(), [...calls]);
    const waits = calls.some((call) => / ask$|custom/.test(call));
    assertEquals((await run.open()).length > 0, waits);
    assertEquals(JSON.stringify(await run.all()).includes("You asked"), !waits);
    run.simulator.close();
  });
}

Deno.test("a created agent waits for all of its answers at once, and tells them", async () => {
  const run = await session([
    { ...TOOLSET, default_config: policy("always_ask") },
    { type: "mcp_toolset", mcp_server_name: "crm" },
    WEATHER,
  ]);
  await ask(run, "Go on");
  const [bash, crm, weather] = await run.open();
  const type = "user.tool_confirmation";
  await run.send(run.id, { type, tool_use_id: bash, result: "deny", deny_message: "Not now." });
  await run.send(run.id, { type, tool_use_id: crm, result: "allow" });
  await run.clock.advance(1_000);
  assertEquals(await run.open(), [weather]);
  const content = [{ type: "text", text: "sunny" }];
  await run.send(run.id, { type: "user.custom_tool_result", custom_tool_use_id: weather, content });
  await run.clock.advance(5_000);
  const listed = await run.all();
  const reply = JSON.stringify(listed.findLast((event) => event.type === "agent.message"));
  assertStringIncludes(reply, 'bash was denied; search was allowed; get_weather gave \\"sunny\\"');
  const results = listed.filter((event) => /tool_result$/.test(String(event.type)));
  assertEquals(results.map((event) => [event.type, event.is_error ?? null]), [
    ["user.custom_tool_result", null],
    ["agent.tool_result", true],
    ["agent.mcp_tool_result", false],
  ]);
  assertEquals(listed.at(-1)?.type, "session.status_idle");
});

Deno.test("a message names the tools to use; a custom tool's input has its schema's properties", async () => {
  const run = await session([TOOLSET, WEATHER]);
  await ask(run, "Please use get_weather and nothing else.");
  assertEquals(await run.calls(), ["agent.custom_tool_use get_weather"]);
  const call = (await run.all()).find((event) => event.type === "agent.custom_tool_use");
  assertEquals(call?.input, { city: "simulated", unit: "C", days: 1 });
  run.simulator.close();
});

Deno.test("an interrupt refuses the open calls of a created agent, an MCP server's too", async () => {
  const run = await session([{ type: "mcp_toolset", mcp_server_name: "crm" }]);
  await ask(run, "Go on");
  await run.send(run.id, { type: "user.interrupt" });
  await run.clock.advance(1_000);
  const types = (await run.all()).map((event) => event.type);
  assertEquals(types.includes("agent.mcp_tool_result"), true);
  assertEquals(types.at(-1), "session.status_idle");
});

Deno.test("createdAgents talk makes an agent that only answers, whatever its tools", async () => {
  const run = await session([WEATHER], { createdAgents: "talk" });
  await ask(run, "Go on");
  assertEquals(await run.calls(), []);
  assertEquals((await run.all()).at(-1)?.type, "session.status_idle");
});

Deno.test("a session with overridden tools uses those", async () => {
  const { clock, simulator, call, send, events } = bench();
  const agent = await call("POST", "/v1/agents", { name: "Made", model: "m", tools: [TOOLSET] });
  const reference = { type: "agent_with_overrides", id: dig(agent.body, "id"), tools: [WEATHER] };
  const body = { agent: reference, environment_id: simulator.environmentId };
  const id = String(dig((await call("POST", "/v1/sessions", body)).body, "id"));
  await send(id, message("Go on"));
  await clock.advance(3_000);
  const names = (await events(id)).map((event) => event.name).filter((name) => name !== undefined);
  assertEquals(names, ["get_weather"]);
  simulator.close();
});
