// How clients that show the session view declare it, and what they get for it, as every kind of client
// connects; what others get is held by undeclared_test.ts.
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createMcpHandler } from "@modelcontextprotocol/server";
import type { Principal } from "../../src/access/principal.ts";
import { createSealer } from "../../src/access/sealing.ts";
import { TOOL_SET_NAMES, type ToolSetName } from "../../src/access/tool_sets.ts";
import { isFields } from "../../src/api/read.ts";
import { ToolError } from "../../src/core/errors.ts";
import { createHttpHandler } from "../../src/http/handler.ts";
import { authInfoOf, createServerFactory } from "../../src/mcp/server.ts";
import { SESSION_PAGE } from "../../src/mcp/session_page.ts";
import type { ToolCall } from "../../src/tools/define.ts";
import { openPublishing } from "../../src/tools/publishing.ts";
import { appTools, toolsOf } from "../../src/tools/registry.ts";
import type { ServicesOptions } from "../../src/tools/services.ts";
import { type App, type Extensions, openApp, TOKEN, WAYS } from "./support.ts";
import {
  type Capabilities,
  type Era,
  inEra,
  initialize,
  type RawClient,
  rawHandler,
  rawHttp,
  rawStdio,
  resultIn,
} from "./raw_dialogue.ts";

const PAGE = "ui://cma-mcp/session.html";
/** As the inspector declares it, with a key that nobody has specified. */
const EXTENSIONS: Extensions = {
  "io.modelcontextprotocol/ui": { mimeTypes: ["text/html;profile=mcp-app"], elicitation: {} },
};
const DECLARED: Capabilities = { extensions: EXTENSIONS };
const SHOWN_META = { "ui": { resourceUri: PAGE }, "ui/resourceUri": PAGE };
const APP_TOOLS = appTools({ viewActions: true }).map(({ name }) => name);

type Options = Partial<ServicesOptions> & { readonly toolSets?: readonly ToolSetName[] };

function openWith({ toolSets, ...options }: Options = {}): App {
  const base = openApp(options);
  return { ...base, factory: createServerFactory(base.services, { version: "1.2.3", toolSets }) };
}

/** A tool as a list has it. */
interface Listed {
  readonly name: string;
  readonly _meta?: Readonly<Record<string, unknown>>;
  readonly outputSchema?: unknown;
}

function toolsIn(result: Readonly<Record<string, unknown>>): readonly Listed[] {
  assert(Array.isArray(result.tools), JSON.stringify(result));
  return result.tools;
}

/** Names of the tools that say that the view is shown beside their results. */
function shownIn(result: Readonly<Record<string, unknown>>): readonly string[] {
  return toolsIn(result).filter(({ _meta }) => _meta && "ui/resourceUri" in _meta)
    .map(({ name }) => name);
}

/** Names of the tools that are for the view alone. */
function appOnlyIn(result: Readonly<Record<string, unknown>>): readonly string[] {
  return toolsIn(result).filter(({ name }) => APP_TOOLS.includes(name)).map(({ name }) => name);
}

for (const [way, connect] of Object.entries(WAYS)) {
  Deno.test(`${way}: a client that shows the view is told of it, and reads the page`, async () => {
    const app = openWith({ toolSets: TOOL_SET_NAMES });
    const { client, close } = await connect(app, undefined, undefined, EXTENSIONS);
    assertEquals(client.extensions(), { "io.modelcontextprotocol/ui": {} });
    assert(client.hasResources());
    const { tools } = await client.listTools();
    const listed = toolsIn({ tools });
    assertEquals(
      listed.map(({ name }) => name),
      [...toolsOf(TOOL_SET_NAMES).map(({ name }) => name), ...APP_TOOLS],
    );
    const metaOf = (name: string) => listed.find((tool) => tool.name === name)?._meta;
    for (const name of ["wait_for_idle", "ask_agent"]) assertEquals(metaOf(name), SHOWN_META);
    for (const { name, _meta, outputSchema } of listed) {
      const isForAppOnly = APP_TOOLS.includes(name);
      assertEquals(_meta?.ui !== undefined, name in SHOWN_BY || isForAppOnly, name);
      if (isForAppOnly) {
        assertEquals([_meta, outputSchema], [{ ui: { visibility: ["app"] } }, undefined]);
      }
    }
    const [page, ...others] = (await client.readResource(PAGE)).contents;
    assertEquals(others, []);
    assertEquals({ ...page }, {
      uri: PAGE,
      mimeType: "text/html;profile=mcp-app",
      text: SESSION_PAGE,
      _meta: { ui: { prefersBorder: true } },
    });
    await close();
    app.close();
  });

  Deno.test(`${way}: resources of others are listed beside the view, and may be none`, async () => {
    const app = openWith();
    const { client, close } = await connect(app, undefined, undefined, EXTENSIONS);
    assertEquals((await app.until(client.listResources())).resources, []);
    assertEquals((await client.listTemplates()).resourceTemplates, []);
    await assertRejects(() => client.readResource("cma://agents/agent_1"), Error, "does not exist");
    await close();
    app.close();
  });

  Deno.test(`${way}: a client that declares nothing is told nothing of the view`, async () => {
    const app = openWith({ toolSets: TOOL_SET_NAMES });
    const { client, close } = await connect(app);
    assertEquals(client.extensions(), undefined);
    const { tools } = await client.listTools();
    assert(!/"ui[/"]/.test(JSON.stringify(tools)));
    assertEquals(appOnlyIn({ tools }), []);
    for (const name of APP_TOOLS) {
      await assertRejects(() => client.call(name, {}), Error, `Tool ${name} not found`);
    }
    await close();
    app.close();
  });
}

const SHOWN_BY = { wait_for_idle: true, ask_agent: true };

const TRANSPORTS: Readonly<Record<string, (app: App) => RawClient>> = {
  stdio: rawStdio,
  HTTP: (app) => rawHttp(app),
};

/** Opens a connection of an era, as its clients do. */
async function opened(client: RawClient, era: Era, capabilities: Capabilities) {
  if (era === "2026") {
    return resultIn(
      await client.send(inEra(era, { id: 1, method: "server/discover" }, capabilities)),
    );
  }
  const result = resultIn(await client.send(initialize(capabilities)));
  await client.send({ method: "notifications/initialized" });
  return result;
}

for (const [transport, connect] of Object.entries(TRANSPORTS)) {
  for (const era of ["2025", "2026"] as const) {
    const way = `${transport}, ${era}`;

    Deno.test(`${way}: calls know if their client shows the view`, async () => {
      for (const [capabilities, expected] of [[DECLARED, true], [{}, undefined]] as const) {
        const base = openApp();
        const seen: (boolean | undefined)[] = [];
        const limits = {
          ...base.services.limits,
          enter: (_: unknown, call: ToolCall) => {
            seen.push(call.showsView, ...APP_TOOLS.map((name) => call.has?.(name)));
            throw new ToolError("seen", "Seen.");
          },
        };
        const services = { ...base.services, limits };
        const app = { ...base, factory: createServerFactory(services, { version: "1.2.3" }) };
        const client = connect(app);
        await opened(client, era, capabilities);
        const params = { name: "list_agents", arguments: {} };
        await client.send(inEra(era, { id: 2, method: "tools/call", params }, capabilities));
        // No text may tell a model to call what only the view calls.
        assertEquals(seen, [expected, ...APP_TOOLS.map(() => false)]);
        await client.close();
        app.close();
      }
    });

    Deno.test(`${way}: the view's own tools are called by their names, and suggested for no other`, async () => {
      const app = openWith();
      const client = connect(app);
      await opened(client, era, DECLARED);
      const call = async (id: number, name: string) => {
        const params = { name, arguments: {} };
        return resultIn(
          await client.send(inEra(era, { id, method: "tools/call", params }, DECLARED)),
        );
      };
      for (const [at, name] of APP_TOOLS.entries()) {
        const { isError, content } = await call(10 + at, name);
        assertEquals(isError, true);
        assertStringIncludes(JSON.stringify(content), "session_id");
        const { message } = await call(20 + at, `${name}s`);
        assertStringIncludes(String(message), "not found");
        assert(!String(message).includes(`mean ${name}`), String(message));
      }
      await client.close();
      app.close();
    });

    Deno.test(`${way}: without tools beside which it is shown, nobody is told of the view`, async () => {
      const lists = [];
      for (const capabilities of [DECLARED, {}]) {
        const app = openWith({ toolSets: ["sessions", "files"] });
        const client = connect(app);
        const begun = await opened(client, era, capabilities);
        const list = await client.send(inEra(era, { id: 2, method: "tools/list" }, capabilities));
        lists.push([begun, list]);
        await client.close();
        app.close();
      }
      assertEquals(lists[0], lists[1]);
    });

    Deno.test(`${way}: anybody reads the page, whatever was declared or sent before`, async () => {
      const app = openWith();
      const read = { id: 5, method: "resources/read", params: { uri: PAGE } };
      for (const capabilities of [DECLARED, {}, undefined]) {
        const client = connect(app);
        if (capabilities) await opened(client, era, capabilities);
        const result = resultIn(await client.send(inEra(era, read, capabilities)));
        const { contents, ...rest } = result;
        assert(Array.isArray(contents) && contents.length === 1, JSON.stringify(result));
        assertEquals(contents[0].text, SESSION_PAGE);
        const { ttlMs, cacheScope } = rest;
        assertEquals(
          [ttlMs, cacheScope],
          era === "2026" ? [300_000, "public"] : [undefined, undefined],
        );
        // Afterwards all else is as it was.
        const other = { id: 6, method: "resources/read", params: { uri: `${PAGE}x` } };
        const { code } = resultIn(await client.send(inEra(era, other, capabilities)));
        assertEquals(code, capabilities === DECLARED ? -32_602 : -32_601);
        await client.close();
      }
      app.close();
    });

    Deno.test(`${way}: --view-actions off leaves the tool that answers out`, async () => {
      const app = openWith({ viewActions: false });
      const client = connect(app);
      await opened(client, era, DECLARED);
      const list = resultIn(
        await client.send(inEra(era, { id: 2, method: "tools/list" }, DECLARED)),
      );
      assertEquals(appOnlyIn(list), appTools({ viewActions: false }).map(({ name }) => name));
      assert(!JSON.stringify(list).includes("answer_tool_use"));
      const params = { name: "answer_tool_use", arguments: {} };
      const call = inEra(era, { id: 3, method: "tools/call", params }, DECLARED);
      assertStringIncludes(String(resultIn(await client.send(call)).message), "not found");
      await client.close();
      app.close();
    });
  }
}

Deno.test("2026-07-28: lists for clients that show the view are in no shared cache", async () => {
  const app = openWith();
  const hint = async (method: string, capabilities: Capabilities) => {
    const client = rawHttp(app);
    const result = resultIn(await client.send(inEra("2026", { id: 1, method }, capabilities)));
    await client.close();
    return [result.ttlMs, result.cacheScope];
  };
  for (const method of ["tools/list", "server/discover"]) {
    assertEquals(await hint(method, DECLARED), [300_000, "private"], method);
    assertEquals(await hint(method, {}), [3_600_000, "public"], method);
  }
  assertEquals(await hint("resources/templates/list", DECLARED), [300_000, "private"]);
  assertEquals(await hint("resources/list", DECLARED), [300_000, "private"]);
  app.close();
});

Deno.test("2026-07-28: each request counts for itself on one connection", async () => {
  const app = openWith();
  const client = rawStdio(app);
  const list = async (id: number, capabilities: Capabilities) =>
    resultIn(await client.send(inEra("2026", { id, method: "tools/list" }, capabilities)));
  assertEquals(shownIn(await list(1, {})), []);
  const declared = await list(2, DECLARED);
  assertEquals(shownIn(declared), ["wait_for_idle"]);
  assertEquals([declared.ttlMs, declared.cacheScope], [300_000, "private"]);
  assertEquals(shownIn(await list(3, {})), []);
  await client.close();
  app.close();
});

Deno.test("2026-07-28: who has declared the view and does so no more is told nothing of it", async () => {
  const app = openWith();
  for (const client of [rawStdio(app), rawHttp(app)]) {
    const ask = async (id: number, method: string, capabilities: Capabilities, params = {}) =>
      resultIn(await client.send(inEra("2026", { id, method, params }, capabilities)));
    assertEquals(shownIn(await ask(1, "tools/list", DECLARED)), ["wait_for_idle"]);
    const list = await ask(2, "tools/list", {});
    assertEquals([shownIn(list), appOnlyIn(list)], [[], []]);
    for (const [at, name] of APP_TOOLS.entries()) {
      const { message } = await ask(3 + at, "tools/call", {}, { name, arguments: {} });
      assertStringIncludes(String(message), `${name} not found`);
    }
    await client.close();
  }
  app.close();
});

Deno.test("HTTP, 2025: who initializes without the view is told nothing of it, whatever its id says", async () => {
  const app = openWith();
  const handler = rawHandler(app);
  const declared = rawHttp(app, { handler });
  await opened(declared, "2025", DECLARED);
  const headers = { "mcp-session-id": declared.mcpSessionId() ?? "" };
  const begins = async (capabilities: Capabilities) =>
    resultIn(await rawHttp(app, { handler, headers }).send(initialize(capabilities)));
  const said = ({ capabilities }: Readonly<Record<string, unknown>>) =>
    isFields(capabilities) ? capabilities.extensions : undefined;
  assertEquals(said(await begins(DECLARED)), { "io.modelcontextprotocol/ui": {} });
  assertEquals(said(await begins({})), undefined);
  await handler.close();
  app.close();
});

Deno.test("stdio: what a client of 2025 declares counts, whatever it sends first", async () => {
  const app = openWith();
  const client = rawStdio(app);
  await client.send({ id: 1, method: "ping" });
  await opened(client, "2025", DECLARED);
  const list = resultIn(await client.send({ id: 2, method: "tools/list" }));
  assertEquals(shownIn(list), ["wait_for_idle"]);
  await client.close();
  app.close();
});

Deno.test("stdio: a client of 2026 reads the page without the envelope as well", async () => {
  const app = openWith();
  const client = rawStdio(app);
  await opened(client, "2026", DECLARED);
  const read = { id: 2, method: "resources/read", params: { uri: PAGE } };
  const { contents } = resultIn(await client.send(read));
  assert(Array.isArray(contents) && contents[0].text === SESSION_PAGE);
  await client.close();
  app.close();
});

Deno.test("HTTP: the page is read by a version in the header alone, and only behind the token", async () => {
  const app = openWith();
  const read = { id: 2, method: "resources/read", params: { uri: PAGE } };
  const named = rawHttp(app, { headers: { "mcp-protocol-version": "2026-07-28" } });
  const { contents } = resultIn(await named.send(read));
  assert(Array.isArray(contents) && contents[0].text === SESSION_PAGE);
  const other = await named.send({ ...read, params: { uri: `${PAGE}x` } });
  assertMatch(other.head, /^400 /);
  await named.close();
  const stranger = rawHttp(app, { headers: { authorization: "Bearer wrong" } });
  const refused = await stranger.send(read);
  assertMatch(refused.head, /^401 /);
  assert(!refused.body.includes("<html"));
  await stranger.close();
  app.close();
});

Deno.test("HTTP, 2025: what a client has declared travels in its session id, to every replica", async () => {
  const app = openWith();
  const handlerOf = (sealer?: ReturnType<typeof createSealer>) =>
    createHttpHandler(app.factory, {
      tokens: [TOKEN],
      ready: () => Promise.resolve(true),
      log: app.services.log,
      clock: app.clock,
      ...(sealer && { sealer }),
    });
  const key = new Uint8Array(32).fill(7);
  const handlers = [handlerOf(createSealer([key])), handlerOf(createSealer([key])), handlerOf()];
  const [first, second, stranger] = handlers;
  const client = rawHttp(app, { handler: first });
  await opened(client, "2025", DECLARED);
  const id = client.mcpSessionId() ?? "";
  assertMatch(id, /^[0-9a-f-]{36}\.[\w-]+$/);
  const list = async (handler: typeof first, mcpSessionId: string) => {
    const headers = { "mcp-session-id": mcpSessionId, "mcp-protocol-version": "2025-11-25" };
    const sender = rawHttp(app, { handler, headers });
    return shownIn(resultIn(await sender.send({ id: 3, method: "tools/list" })));
  };
  assertEquals(await list(first, id), ["wait_for_idle"]);
  assertEquals(await list(second, id), ["wait_for_idle"]);
  // Unreadable: another key, another client's end, and what a proxy might make of it.
  assertEquals(await list(stranger, id), []);
  const [uuid = ""] = id.split(".");
  for (const other of [uuid, `${uuid}.`, `${crypto.randomUUID()}.${id.split(".")[1]}`, `${id}x`]) {
    assertEquals(await list(first, other), [], other);
  }
  const plain = rawHttp(app, { handler: first });
  await opened(plain, "2025", {});
  assertMatch(plain.mcpSessionId() ?? "", /^[0-9a-f-]{36}$/);
  for (const handler of handlers) await handler.close();
  app.close();
});

Deno.test("HTTP, 2025: batches count as single messages do", async () => {
  const app = openWith();
  const client = rawHttp(app);
  const begun = await client.send([initialize(DECLARED)]);
  assertStringIncludes(begun.body, '"io.modelcontextprotocol/ui":{}');
  const batch = await client.send([{ id: 2, method: "ping" }, { id: 3, method: "tools/list" }]);
  assertStringIncludes(batch.body, "ui/resourceUri");
  await client.close();
  app.close();
});

Deno.test("tools of a bound caller and published ones show the view", async () => {
  const base = openApp();
  const { data: [agent] } = await base.until(base.services.api.agents.list({}));
  assert(agent);
  const publishing = openPublishing({ services: base.services, publish: [agent.id] });
  await base.until(publishing.ready());
  const options = { version: "1.2.3", toolSets: ["core", "ask"] as const };
  const list = async (factory: App["factory"], principal: Principal) => {
    const handler = createMcpHandler(factory, {});
    const request = new Request("http://localhost/mcp", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/list",
      },
      body: JSON.stringify({
        jsonrpc: "2.0",
        ...inEra("2026", { id: 1, method: "tools/list" }, DECLARED),
      }),
    });
    const response = await handler.fetch(request, { authInfo: authInfoOf(principal) });
    const { result } = await response.json();
    await handler.close();
    assert(isFields(result));
    return result;
  };
  const bound = createServerFactory(base.services, options);
  const principal = { id: "a", agent: agent.id, agents: [agent.id] };
  const ofBound = await list(bound, principal);
  assertEquals(shownIn(ofBound), ["wait_for_idle", "ask_agent"]);
  assertEquals(appOnlyIn(ofBound), APP_TOOLS);
  const published = createServerFactory(base.services, { version: "1.2.3", publishing });
  const [, tool = ""] = shownIn(await list(published, { id: "a" }));
  assertMatch(tool, /^agent_/);
  // Held to no set at all, a caller has the published tools only where it has `ask`.
  assertEquals(shownIn(await list(published, { id: "b", tools: ["ask"] })), [tool]);
  publishing.close();
  base.close();
});
