import { assert, assertEquals, assertRejects } from "@std/assert";
import { ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/server";
import type { Scope } from "../../../src/access/scopes.ts";
import type { ToolSetName } from "../../../src/access/tool_sets.ts";
import { createLogger } from "../../../src/core/logger.ts";
import type { CallReport } from "../../../src/mcp/call_report.ts";
import { listResources, readResource, templateList } from "../../../src/mcp/resources.ts";
import { createServerFactory } from "../../../src/mcp/server.ts";
import { RESOURCE_LISTS, RESOURCES } from "../../../src/tools/resources.ts";
import { resultFor } from "../../helpers/call_tool.ts";
import { type ApiParts, harness, httpError } from "../tools/support.ts";

const URI = "cma://agents/agent_1";
const AGENTS: ApiParts = { agents: { retrieve: (id) => Promise.resolve({ id, name: "One" }) } };

Deno.test("readResource() returns the contents under the URI that was asked for", async () => {
  const { call } = harness(AGENTS);
  const { contents: [only, ...more] } = await readResource(URI, RESOURCES, call());
  assertEquals([only?.uri, only?.mimeType, more], [URI, "application/json", []]);
  assert(only && "text" in only && only.text.includes('"name": "One"'), JSON.stringify(only));
});

Deno.test("unknown, foreign and malformed URIs get the same protocol error", async () => {
  const retrieve = () => Promise.reject(httpError(404, "Agent not found."));
  const { call } = harness({ agents: { retrieve } });
  const bound = { principal: { id: "ci", agents: ["agent_2"] } };
  const messages = new Set<string>();
  for (
    const [uri, caller] of [
      [URI, {}],
      [URI, bound],
      ["cma://agents/agent_2", bound],
      ["cma://agents", {}],
      ["https://example.com/", {}],
    ] as const
  ) {
    const error = await assertRejects(
      () => readResource(uri, RESOURCES, call(caller)),
      ProtocolError,
    );
    assertEquals([error.code, error.data], [ProtocolErrorCode.InvalidParams, { uri }]);
    messages.add(error.message);
  }
  assertEquals(messages.size, 1);
});

Deno.test("a resource that the caller's sets do not have reads like an unknown one", async () => {
  const { call } = harness(AGENTS);
  const error = await assertRejects(() => readResource(URI, [], call()), ProtocolError);
  assertEquals(error.data, { uri: URI });
});

Deno.test("a failure that is not about the URI says what to do, and is no unknown resource", async () => {
  const retrieve = () => Promise.reject(httpError(500, "Oh no."));
  const { call } = harness({ agents: { retrieve } });
  for (const principal of [undefined, { id: "ci", scopes: ["sessions:read"] as const }]) {
    const error = await assertRejects(
      () => readResource(URI, RESOURCES, call({ principal })),
      ProtocolError,
      principal ? "scope agents:read" : "Oh no.",
    );
    assertEquals([error.code, error.data], [ProtocolErrorCode.InternalError, undefined]);
  }
});

Deno.test("reading is reported, logged and traced like the call of a tool", async () => {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    format: "text",
    redact: (text) => text,
    write: (line) => lines.push(line),
    now: () => 0,
  });
  const { call } = harness(AGENTS, { log });
  const reports: CallReport[] = [];
  await readResource(URI, RESOURCES, call({ principal: { id: "ci" } }), {
    ended: (report) => reports.push(report),
  });
  assertEquals(reports.map(({ tool, outcome, ids }) => [tool, outcome, ids]), [
    ["resource:agent", "ok", { agent: "agent_1" }],
  ]);
  assert(/tool=resource:agent agent=agent_1 outcome=ok/.test(lines.join("\n")), lines.join("\n"));
});

const LISTS: ApiParts = {
  sessions: { list: () => Promise.resolve({ data: [{ id: "sesn_1" }], next_page: null }) },
  agents: { list: () => Promise.resolve({ data: [{ id: "agent_1" }], next_page: null }) },
};

Deno.test("listResources() lists what the caller's scopes admit, one request after another", async () => {
  const { call } = harness(LISTS);
  const uris = async (scopes?: readonly Scope[]) => {
    const principal = { id: "ci", maxCalls: 1, ...(scopes && { scopes }) };
    const { resources } = await listResources(RESOURCE_LISTS, call({ principal }));
    return resources.map(({ uri }) => uri);
  };
  const [transcript, agent] = ["cma://sessions/sesn_1/transcript", "cma://agents/agent_1"];
  assertEquals(await uris(), [transcript, agent]);
  assertEquals(await uris(["agents:read"]), [agent]);
  assertEquals(await uris(["sessions:read"]), [transcript]);
  assertEquals(await uris(["sessions:write"]), []);
});

Deno.test("listResources() says why a list cannot be had", async () => {
  const list = () => Promise.reject(httpError(429, "Slow down.", "rate_limit_error"));
  const { call } = harness({ ...LISTS, sessions: { list } });
  const error = await assertRejects(() => listResources(RESOURCE_LISTS, call()), ProtocolError);
  assertEquals(error.code, ProtocolErrorCode.InternalError);
  assert(error.message.includes("Slow down."), error.message);
});

Deno.test("the watch of a call knows the method of its request", async () => {
  const { services } = harness({ ...LISTS, agents: { ...LISTS.agents, ...AGENTS.agents } });
  const seen: string[] = [];
  const factory = createServerFactory(services, {
    version: "1.2.3",
    toolSets: ["core", "resources"],
    watch: {
      around: ({ tool, method }, run) => {
        seen.push(`${method} ${tool}`);
        return run();
      },
    },
  });
  const ask = (method: string, params = {}) => resultFor(factory, { id: "ci" }, method, params);
  await ask("resources/list");
  await ask("resources/read", { uri: URI, name: URI });
  await ask("tools/call", { name: "get_agent", arguments: { agent_id: "agent_1" } });
  assertEquals(seen, [
    "resources/list resource:sessions",
    "resources/list resource:agents",
    "resources/read resource:agent",
    "tools/call get_agent",
  ]);
});

Deno.test("reading ends with its request", async () => {
  const controller = new AbortController();
  const retrieve: NonNullable<ApiParts["agents"]>["retrieve"] = (_id, _params, options) => {
    assertEquals(options?.signal?.aborted, false);
    controller.abort();
    return Promise.reject(options?.signal?.reason);
  };
  const { call } = harness({ agents: { retrieve } });
  const reports: CallReport[] = [];
  await assertRejects(
    () =>
      readResource(URI, RESOURCES, call({ signal: controller.signal }), {
        ended: (report) => reports.push(report),
      }),
    ProtocolError,
    "cancelled",
  );
  assertEquals(reports.map(({ verdict }) => verdict), ["cancelled"]);
});

Deno.test("templateList() names each kind with its template", () => {
  for (const template of templateList(RESOURCES).resourceTemplates) {
    assert(template.uriTemplate.startsWith("cma://"), JSON.stringify(template));
    assert(template.title && template.description, JSON.stringify(template));
  }
});

Deno.test("a server has resources only for callers whose sets have them", async () => {
  const { services } = harness(LISTS);
  const capabilities = async (served: ToolSetName[], held?: ToolSetName[]) => {
    const factory = createServerFactory(services, { version: "1.2.3", toolSets: served });
    const principal = { id: "ci", ...(held && { tools: held }) };
    const discovered = await resultFor(factory, principal, "server/discover");
    const list = await resultFor(factory, principal, "resources/list");
    const has = "resources" in Object(discovered.capabilities);
    assertEquals(list.code, has ? undefined : ProtocolErrorCode.MethodNotFound);
    return has;
  };
  assertEquals(await capabilities(["core"]), false);
  assertEquals(await capabilities(["core", "resources"]), true);
  assertEquals(await capabilities(["core", "resources"], ["core"]), false);
  assertEquals(await capabilities(["core", "resources"], ["resources"]), true);
  assertEquals(await capabilities(["core", "files"]), true);
});

Deno.test("what a caller reads and is shown of resources stays out of shared caches", async () => {
  const { services } = harness({ ...LISTS, agents: { ...LISTS.agents, ...AGENTS.agents } });
  const toolSets = ["core", "resources"] as const;
  const factory = createServerFactory(services, { version: "1.2.3", toolSets });
  const hint = async (method: string, params = {}) => {
    const { ttlMs, cacheScope } = await resultFor(factory, { id: "ci" }, method, params);
    return { ttlMs, cacheScope };
  };
  assertEquals(await hint("resources/list"), { ttlMs: 300_000, cacheScope: "private" });
  assertEquals(await hint("resources/read", { uri: URI, name: URI }), {
    ttlMs: 0,
    cacheScope: "private",
  });
});
