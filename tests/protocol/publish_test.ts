// Agents that are tools themselves, as clients of every kind see and call them.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Principal } from "../../src/access/principal.ts";
import { createHttpHandler } from "../../src/http/handler.ts";
import { createServerFactory } from "../../src/mcp/server.ts";
import { publishedName } from "../../src/tools/published_name.ts";
import { openPublishing, publishedTool, type Publishing } from "../../src/tools/publishing.ts";
import type { ServicesOptions } from "../../src/tools/services.ts";
import { resultFor } from "../helpers/call_tool.ts";
import { type App, openApp, serveStdioInProcess, type TestPerson, TOKEN, WAYS } from "./support.ts";

/** An app that publishes some of the simulated agents, by their short names. */
async function openPublished(
  shortNames: readonly string[],
  options: Partial<ServicesOptions> & { readonly publishDescriptions?: boolean } = {},
) {
  const { publishDescriptions, ...rest } = options;
  const base = openApp(rest);
  const { data } = await base.until(base.services.api.agents.list({ limit: 100 }));
  const agents = shortNames.map((short) => {
    const found = data.find(({ name }) => name?.toLowerCase().includes(short));
    assert(found?.name);
    return { id: found.id, name: found.name, tool: publishedName(found.id, found.name) };
  });
  const reloads = new Set<() => void>();
  const publishing = openPublishing({
    services: base.services,
    publish: agents.map(({ id }) => id),
    publishDescriptions,
    onReload: (listener) => {
      reloads.add(listener);
      return () => reloads.delete(listener);
    },
  });
  await base.until(publishing.ready());
  const factory = createServerFactory(base.services, { version: "1.2.3", publishing });
  const app: App = {
    ...base,
    factory,
    close() {
      publishing.close();
      base.close();
    },
  };
  const [first, second] = agents;
  assert(first && second);
  return { app, first, second, reload: () => reloads.forEach((listener) => listener()) };
}

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`an agent is called as a tool: ${way}`, async () => {
    const { app, first, second } = await openPublished(["quick answer", "slow answer"]);
    const { client, close } = await connect(app);
    const call = (name: string, args: Record<string, unknown>) =>
      app.until(client.call(name, args));
    const { tools } = await app.until(client.listTools());
    assertEquals(tools.map(({ name }) => name).slice(9), [first.tool, second.tool]);
    assertStringIncludes(client.instructions() ?? "", "Each tool agent_… asks one agent");

    const asked = await call(first.tool, { message: "Hello" });
    assertEquals(asked.isError, false, asked.text);
    assertEquals(asked.structured?.status, "idle");
    const session_id = String(asked.structured?.session_id);
    const again = await call(first.tool, { message: "And now?", session_id });
    assertEquals([again.isError, again.structured?.session_id], [false, session_id], again.text);
    const waited = await call(first.tool, { session_id });
    assertEquals(waited.structured?.reply, again.structured?.reply);

    // The session of another agent is none of this tool's, also where the caller may reach it.
    const before = app.simulator.requests.filter(({ method }) => method === "POST").length;
    const foreign = await call(second.tool, { message: "Hello", session_id });
    const unknown = await call(second.tool, { message: "Hello", session_id: `${session_id}x` });
    const renamed = await call(second.tool, { message: "Hello", agent_id: first.id });
    assertEquals([foreign.isError, foreign.text], [true, unknown.text]);
    assertEquals([renamed.isError, renamed.text], [true, unknown.text]);
    const { length } = app.simulator.requests.filter(({ method }) => method === "POST");
    assertEquals(length, before);

    const audited = app.log.filter((line) => line.includes("audit=true"));
    assert(audited.every((line) => /tool=agent_\w+ .*agent=agent_/.test(line)), audited.join("\n"));
    assertStringIncludes(audited[0] ?? "", `tool=${first.tool}`);
    assertStringIncludes(audited[0] ?? "", `agent=${first.id}`);

    // What an older list called it still works.
    const former = await call(publishedName(first.id, "Former name"), { session_id });
    assertEquals(former.structured?.session_id, session_id, former.text);
    await assertRejects(() => call(publishedName("agent_x", first.name), {}), Error, "not found");
    await close();
    app.close();
  });
}

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`lists and calls of tools wait until the agents have been read: ${way}`, async () => {
    const base = openApp();
    let isRead = false;
    const tool = publishedTool({ id: "agent_1", name: "Reviewer" }, { services: base.services });
    const publishing: Publishing = {
      isFor: () => true,
      toolsFor: () => isRead ? [tool] : [],
      async ready() {
        await Promise.resolve();
        isRead = true;
      },
      onChange: () => () => {},
      close() {},
    };
    const factory = createServerFactory(base.services, { version: "1.2.3", publishing });
    const { client, close } = await connect({ ...base, factory });
    const { isError, text } = await base.until(client.call(tool.name, {}));
    assert(isError && text.includes("message is required"), text);
    isRead = false;
    const { tools } = await base.until(client.listTools());
    assert(tools.some(({ name }) => name === tool.name));
    await close();
    base.close();
  });
}

/** The ways on which a client can ask a person. */
const ASKING = Object.entries(WAYS).filter(([way]) => way.startsWith("stdio") || /2026/.test(way));

for (const [way, connect] of ASKING) {
  Deno.test(`a published agent's tool asks the person, and sends the message once: ${way}`, async () => {
    const { app, first } = await openPublished(["approval needed", "slow answer"]);
    const person: TestPerson = {
      answer: ({ requestedSchema: { required = [] } }) => ({
        action: "accept",
        content: Object.fromEntries(required.map((key) => [key, "allow"])),
      }),
    };
    const { client, close } = await connect(app, undefined, person);
    const asked = await app.until(client.call(first.tool, { message: "Please do" }));
    assertEquals([asked.isError, asked.structured?.status], [false, "idle"], asked.text);
    const posts = app.simulator.requests.filter(({ method, path }) =>
      method === "POST" && path === "/v1/sessions"
    );
    assertEquals(posts.length, 1);
    await close();
    app.close();
  });
}

Deno.test("a published agent that needs longer says how to go on with its own tool", async () => {
  const { app, first } = await openPublished(["long wait", "slow answer"]);
  const { client, close } = await WAYS["stdio, SDK 2, 2025-11-25"]?.(app) ?? {};
  assert(client && close);
  const { structured = {} } = await app.until(client.call(first.tool, { message: "Begin" }));
  const { session_id, last_event_id, next } = structured;
  assertEquals(structured.status, "timeout");
  assertStringIncludes(String(next), `${first.tool} with session_id "${session_id}"`);
  const args = { session_id, after_id: last_event_id };
  const { structured: end } = await app.until(client.call(first.tool, args));
  assertEquals([end?.session_id, end?.status], [session_id, "idle"]);
  await close();
  app.close();
});

Deno.test("an agent's own words stand in the list only where the operator lets them", async () => {
  for (const publishDescriptions of [false, true]) {
    const { app, first } = await openPublished(["quick answer", "slow answer"], {
      publishDescriptions,
    });
    const { data } = await app.until(app.services.api.agents.list({ limit: 100 }));
    const [line = ""] = data.find(({ id }) => id === first.id)?.description?.split("\n") ?? [];
    const { tools } = await resultFor(app.factory, { id: "a" }, "tools/list");
    assert(line.length > 10);
    assertEquals(JSON.stringify(tools).includes(line.slice(0, 40)), publishDescriptions);
    app.close();
  }
});

Deno.test("a caller neither sees nor calls an agent that it may not ask", async () => {
  const { app, first, second } = await openPublished(["quick answer", "slow answer"]);
  const result = async (principal: Principal, name: string) =>
    await app.until(resultFor(app.factory, principal, "tools/call", { name, arguments: {} }));
  const names = async (principal: Principal) => {
    const { tools, cacheScope } = await resultFor(app.factory, principal, "tools/list");
    assertEquals(cacheScope, "private");
    assert(Array.isArray(tools));
    return tools.map(({ name }) => name).filter((name) => /^agent_/.test(name));
  };
  assertEquals(await names({ id: "a" }), [first.tool, second.tool]);
  const bound: Principal = { id: "a", agents: [second.id], agent: second.id };
  assertEquals(await names(bound), [second.tool]);
  assertEquals(await names({ id: "a", tools: ["ask"] }), [first.tool, second.tool]);
  const unable: readonly Principal[] = [
    { id: "a", readOnly: true },
    { id: "a", tools: ["core"] },
    { id: "a", scopes: ["agents:read"] },
    { id: "a", agents: ["agent_elsewhere"] },
  ];
  const unknownName = publishedName("agent_nowhere", "Nobody");
  const toldOf = async (principal: Principal) => {
    const { instructions } = await resultFor(app.factory, principal, "server/discover");
    return String(instructions).includes("Each tool agent_…");
  };
  assertEquals(await toldOf({ id: "a" }), true);
  assertEquals(await toldOf({ id: "a", readOnly: true }), false);
  for (const principal of unable) {
    assertEquals(await names(principal), []);
    const refused = await result(principal, first.tool);
    const unknown = await result(principal, unknownName);
    assertEquals(
      String(refused.message).replace(first.tool, ""),
      String(unknown.message).replace(unknownName, ""),
    );
    assertStringIncludes(String(refused.message), "not found");
  }
  app.close();
});

Deno.test("over HTTP a published agent's tool answers as a stream from the start, like every wait", async () => {
  const { app, first } = await openPublished(["quick answer", "slow answer"]);
  const handler = createHttpHandler(app.factory, {
    tokens: [TOKEN],
    ready: () => Promise.resolve(true),
    log: app.services.log,
    clock: app.clock,
  });
  const typeFor = async (name: string) => {
    const response = await handler.fetch(
      new Request("http://localhost/mcp", {
        method: "POST",
        headers: {
          host: "localhost",
          authorization: `Bearer ${TOKEN}`,
          accept: "application/json, text/event-stream",
          "content-type": "application/json",
          "mcp-protocol-version": "2026-07-28",
          "mcp-method": "tools/call",
          "mcp-name": name,
        },
        body: JSON.stringify({
          ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
          params: { name, arguments: { message: "" }, _meta: MODERN },
        }),
      }),
    );
    await response.body?.cancel();
    return response.headers.get("content-type");
  };
  assertEquals(await typeFor(first.tool), await typeFor("wait_for_idle"));
  assertEquals(await typeFor(first.tool), "text/event-stream");
  assertEquals(await typeFor("get_agent"), "application/json");
  await handler.close();
  app.close();
});

/** The `_meta` of a request in the newer protocol. */
const MODERN = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

const OPENINGS: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  "2025-11-25": [
    {
      id: 1,
      method: "initialize",
      params: {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "test", version: "1" },
      },
    },
    { method: "notifications/initialized" },
    { id: 2, method: "tools/list" },
  ],
  "2026-07-28": [
    {
      id: 1,
      method: "subscriptions/listen",
      params: { _meta: MODERN, notifications: { toolsListChanged: true } },
    },
    { id: 2, method: "tools/list", params: { _meta: MODERN } },
  ],
};

for (const [version, messages] of Object.entries(OPENINGS)) {
  Deno.test(`a client on stdio hears of agents that were renamed: ${version}`, async () => {
    const { app, first, reload } = await openPublished(["quick answer", "slow answer"]);
    const pipes = serveStdioInProcess(app);
    const send = (message: Record<string, unknown>) =>
      pipes.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    const line = (part: string) =>
      app.until((async () => {
        while (!pipes.lines.some((line) => line.includes(part))) await app.clock.sleep(1);
      })());
    const hears = () =>
      pipes.lines.filter((line) => line.includes("notifications/tools/list_changed")).length;
    messages.forEach(send);
    await line('"id":2');
    assert(pipes.lines.some((line) => line.includes(first.tool)));
    reload();
    await app.clock.advance(100);
    assertEquals(hears(), 0);
    const renaming = app.simulator.fetch(
      new Request(`http://simulator/v1/agents/${first.id}`, {
        method: "POST",
        headers: {
          "x-api-key": "sk-ant-protocol-test-key",
          "anthropic-beta": "managed-agents-2026-04-01",
        },
        body: JSON.stringify({ version: 1, name: "Another name" }),
      }),
    );
    assertEquals((await renaming).status, 200);
    reload();
    await line("notifications/tools/list_changed");
    assertEquals(hears(), 1);
    const last = messages.at(-1);
    send({ ...last, id: 3 });
    await line(publishedName(first.id, "Another name"));
    await pipes.close();
    app.close();
  });
}
