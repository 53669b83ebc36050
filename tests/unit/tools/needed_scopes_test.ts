import { assertEquals } from "@std/assert";
import type { Principal } from "../../../src/access/principal.ts";
import { SCOPES } from "../../../src/access/scopes.ts";
import { TOOL_SET_NAMES } from "../../../src/access/tool_sets.ts";
import { missingScope, scopesNeeded, type Served } from "../../../src/tools/needed_scopes.ts";
import { publishedName } from "../../../src/tools/published_name.ts";
import { TOOLS, VIEW_TOOLS } from "../../../src/tools/registry.ts";
import { RESOURCES } from "../../../src/tools/resources.ts";
import { uriOf } from "../../../src/tools/resource_uris.ts";

const BARE: Served = {
  toolSets: ["core"],
  publishes: false,
  asksPeople: false,
  viewActions: false,
};
const ALL: Served = {
  toolSets: TOOL_SET_NAMES,
  publishes: true,
  asksPeople: true,
  viewActions: true,
};

Deno.test("scopesNeeded() leaves out what nothing needs that the server has", () => {
  const three = ["agents:read", "sessions:read", "sessions:write"] as const;
  assertEquals(scopesNeeded(ALL), SCOPES);
  assertEquals(scopesNeeded(BARE), three);
  assertEquals(scopesNeeded({ ...BARE, toolSets: ["threads"] }), ["sessions:read"]);
  assertEquals(scopesNeeded({ ...BARE, toolSets: ["resources"] }), [
    "agents:read",
    "sessions:read",
  ]);
  assertEquals(scopesNeeded({ ...BARE, toolSets: ["core", "actions"] }), SCOPES);
});

Deno.test("scopesNeeded() has actions where a person is asked to decide", () => {
  for (const served of [{ ...BARE, asksPeople: true }, { ...BARE, viewActions: true }]) {
    assertEquals(scopesNeeded(served), SCOPES);
    assertEquals(scopesNeeded({ ...served, toolSets: ["threads"] }), ["sessions:read"]);
  }
});

function call(name: string) {
  return { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: {} } };
}

function read(uri: string) {
  return { jsonrpc: "2.0", id: 1, method: "resources/read", params: { uri } };
}

const NOTHING = { id: "x", scopes: [], missingScopes: SCOPES };

Deno.test("missingScope() names the scope of every tool and every resource", () => {
  for (const { name, scope } of [...TOOLS, ...VIEW_TOOLS]) {
    assertEquals(missingScope(call(name), ALL, NOTHING), scope, name);
    const missingScopes = SCOPES.filter((one) => one !== scope);
    assertEquals(missingScope(call(name), ALL, { id: "x", missingScopes }), undefined, name);
  }
  const ids = { session_id: "sesn_1", file_id: "file_1", agent_id: "agent_1" };
  for (const { kind, read: { scope } } of RESOURCES) {
    assertEquals(missingScope(read(uriOf({ kind, ...ids })), ALL, NOTHING), scope, kind);
  }
  const published = call(publishedName("agent_1", "Helper"));
  assertEquals(missingScope(published, ALL, NOTHING), "sessions:write");
  assertEquals(missingScope(published, { ...ALL, publishes: false }, NOTHING), undefined);
});

Deno.test("missingScope() asks for nothing where the call would come to nothing anyway", () => {
  const cases: readonly [unknown, Partial<Served>, Partial<Principal>][] = [
    [call("no_such_tool"), {}, {}],
    [call("list_sessions"), BARE, {}],
    [call("list_sessions"), {}, { tools: ["core"] }],
    [call(publishedName("agent_1", "Helper")), {}, { tools: ["core"] }],
    [call("list_agents"), {}, { agent: "agent_1" }],
    [call("answer_tool_use"), { viewActions: false }, {}],
    [call("watch_session"), { ...BARE, toolSets: ["threads"] }, {}],
    [read("cma://agents/agent_1"), BARE, {}],
    [read("ui://cma-mcp/session.html"), {}, {}],
    [{ jsonrpc: "2.0", id: 1, method: "tools/list" }, {}, {}],
    [{ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: 7 } }, {}, {}],
    [null, {}, {}],
  ];
  for (const [message, served, principal] of cases) {
    const found = missingScope(message, { ...ALL, ...served }, { ...NOTHING, ...principal });
    assertEquals(found, undefined, JSON.stringify(message));
  }
});
