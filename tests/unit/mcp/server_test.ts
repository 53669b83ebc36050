import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { callMethod } from "../../../src/commands/mcp_call.ts";
import type { Principal } from "../../../src/access/principal.ts";
import { TOOL_SET_NAMES, type ToolSetName } from "../../../src/access/tool_sets.ts";
import { ToolError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { createHttpHandler } from "../../../src/http/handler.ts";
import { authInfoOf, createServerFactory, toolNamed } from "../../../src/mcp/server.ts";
import type { ToolCall } from "../../../src/tools/define.ts";
import { toolsOf } from "../../../src/tools/registry.ts";
import { resultFor } from "../../helpers/call_tool.ts";
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

Deno.test("toolNamed() repeats of a name only a short line", () => {
  for (const name of [`a\nb\u001b[31m\u202ec`, "n".repeat(10_000)]) {
    const { message } = assertThrows(() => toolNamed(TOOLS, name));
    assert(/^Tool [ -~…]{1,101} not found$/.test(message), message);
  }
});

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

const FREE: Principal = { id: "free" };
const ACTING: Principal = { id: "acting", tools: ["actions"] };

function namesIn({ tools }: Record<string, unknown>): unknown {
  return Array.isArray(tools) ? tools.map(({ name }) => name) : tools;
}

Deno.test("a server shows a caller the tools of its sets, as far as it serves them itself", async () => {
  const { services } = harness({});
  const names = (sets: readonly ToolSetName[]) => toolsOf(sets).map(({ name }) => name);
  const cases: [ToolSetName[] | undefined, ToolSetName[] | undefined, ToolSetName[]][] = [
    [undefined, undefined, ["core"]],
    [undefined, ["core", "actions"], ["core"]],
    [undefined, ["actions"], []],
    [["core", "actions"], undefined, ["core", "actions"]],
    [["core", "actions"], ["core"], ["core"]],
    [["core", "actions"], ["actions"], ["actions"]],
  ];
  for (const [toolSets, tools, expected] of cases) {
    const factory = createServerFactory(services, { version: "1.2.3", toolSets });
    for (const readOnly of [false, true]) {
      const list = await resultFor(factory, { id: "a", tools, readOnly }, "tools/list");
      assertEquals(namesIn(list), names(expected));
    }
  }
});

Deno.test("a tool that a caller does not see reads like one that there is not", async () => {
  const { services } = harness({});
  const factory = createServerFactory(services, { version: "1.2.3" });
  const call = (name: string) => resultFor(factory, ACTING, "tools/call", { name, arguments: {} });
  const hidden = await call("get_agent");
  const unknown = await call("got_agent");
  assertEquals(hidden, { ...unknown, message: "Tool get_agent not found" });
  assertEquals(unknown.message, "Tool got_agent not found");
});

Deno.test("what depends on the caller is for no cache that others use, and for minutes only", async () => {
  const { services } = harness({});
  const shared = createServerFactory(services, { version: "1.2.3" });
  const byCaller = createServerFactory(services, { version: "1.2.3", listsByCaller: true });
  for (const method of ["tools/list", "server/discover"]) {
    const hint = async (factory: typeof shared, principal: Principal) => {
      const { ttlMs, cacheScope } = await resultFor(factory, principal, method);
      return { ttlMs, cacheScope };
    };
    assertEquals(await hint(shared, FREE), { ttlMs: 3_600_000, cacheScope: "public" });
    const own = { ttlMs: 300_000, cacheScope: "private" };
    assertEquals(await hint(shared, { ...FREE, tools: ["core"] }), own);
    assertEquals(await hint(shared, { ...FREE, agent: "agent_1" }), own);
    assertEquals(await hint(byCaller, FREE), own);
    assertEquals(await hint(byCaller, ACTING), own);
  }
});

Deno.test("a call knows the tools that its caller may call", async () => {
  const seen: Record<string, (boolean | undefined)[]> = {};
  const names = ["get_agent", "send_message", "no_tool"];
  const { services } = harness({});
  const reach = (principal: Principal, sets?: ToolSetName[]) => {
    const limits = {
      ...services.limits,
      enter: (_: unknown, call: ToolCall) => {
        seen[principal.id] = names.map((name) => call.has?.(name));
        throw new ToolError("seen", "Seen.");
      },
    };
    const factory = createServerFactory({ ...services, limits }, {
      version: "1.2.3",
      toolSets: sets,
    });
    return resultFor(factory, principal, "tools/call", {
      name: "get_agent",
      arguments: { agent_id: "agent_1" },
    });
  };
  await reach(FREE);
  await reach({ id: "reader", readOnly: true });
  await reach({ id: "scoped", scopes: ["agents:read", "sessions:write"] });
  assertEquals(seen, {
    free: [true, true, false],
    reader: [true, false, false],
    scoped: [true, true, false],
  });
});

Deno.test("a caller of one agent gets its tools, and another with the same sets gets its own", async () => {
  const read: string[] = [];
  const { services } = harness({
    agents: {
      retrieve: (id) => {
        read.push(id);
        return Promise.resolve({ id });
      },
    },
  });
  const factory = createServerFactory(services, { version: "1.2.3" });
  for (const agent of ["agent_1", "agent_2"]) {
    const principal: Principal = { id: "a", agent, agents: [agent] };
    const { tools } = await resultFor(factory, principal, "tools/list");
    assert(!JSON.stringify(tools).includes("agent_id"));
    const listed = toolsOf().map(({ name }) => name).filter((name) => name !== "list_agents");
    assertEquals(namesIn({ tools }), listed);
    await resultFor(factory, principal, "tools/call", { name: "get_agent", arguments: {} });
  }
  assertEquals(read, ["agent_1", "agent_2"]);
});

Deno.test("instructions name no tool to callers without the right to call it", async () => {
  const { services } = harness({});
  const factory = createServerFactory(services, { version: "1.2.3", toolSets: TOOL_SET_NAMES });
  const told = async (principal: Principal) => {
    const { instructions } = await resultFor(factory, principal, "server/discover");
    return String(instructions);
  };
  const all = await told({ id: "a" });
  assert(all.includes("create_session") && all.includes("confirm_tool_use"), all);
  const asker = await told({ id: "a", scopes: ["agents:read", "sessions:read", "sessions:write"] });
  assert(asker.includes("a person has to decide, not you."), asker);
  const reader = await told({ id: "a", readOnly: true });
  assert(!/create_session|ask_agent|confirm_tool_use/.test(reader), reader);
});

/** Calls a tool with what another HTTP stack might say of the caller, and returns the response. */
async function callAs(principal: unknown): Promise<{ text: string; requests: number }> {
  let requests = 0;
  const retrieve = () => {
    requests++;
    return Promise.resolve({ id: "agent_1" });
  };
  const { services } = harness({ agents: { retrieve } });
  const handler = createMcpHandler(createServerFactory(services, { version: "1.2.3" }), {});
  const request = new Request("http://localhost/mcp", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-11-25",
    },
    body: JSON.stringify({
      ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
      params: { name: "get_agent", arguments: { agent_id: "agent_1" } },
    }),
  });
  const authInfo = { ...authInfoOf({ id: "ci" }), extra: { principal } };
  const text = await (await handler.fetch(request, { authInfo })).text();
  await handler.close();
  return { text, requests };
}

Deno.test("a caller whose principal has no name reaches nothing, rather than everything", async () => {
  for (const principal of [{}, { id: "" }, { id: 1 }, { agents: ["agent_2"] }, "ci", null, []]) {
    const { text, requests } = await callAs(principal);
    assert(text.includes('"code":-32603,"message":"Internal error"'), text);
    assertEquals(requests, 0);
  }
});

Deno.test("a caller of another HTTP stack without a principal is known by its client id", async () => {
  const { text, requests } = await callAs(undefined);
  assert(text.includes('"id":"agent_1"'), text);
  assertEquals(requests, 1);
});

Deno.test("what a client is said to show names no other caller", () => {
  const traits = { showsView: true, principal: { id: "other" }, requestId: "other" };
  const { extra } = authInfoOf({ id: "ci" }, "1", traits);
  assertEquals(extra, { principal: { id: "ci" }, requestId: "1", showsView: true });
});
