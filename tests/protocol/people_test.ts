// People who have signed in, as clients of every kind and era serve them. The access tokens are believed
// as they are; tests/e2e has real ones.
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import type { AccessRule } from "../../src/access/rules.ts";
import { createTokenRegistry } from "../../src/access/tokens.ts";
import { TOOL_SET_NAMES } from "../../src/access/tool_sets.ts";
import { createLogger } from "../../src/core/logger.ts";
import { createHttpHandler } from "../../src/http/handler.ts";
import { createMetrics } from "../../src/mcp/metrics.ts";
import { createServerFactory } from "../../src/mcp/server.ts";
import {
  accessTokenOf,
  fakeVerifier,
  ISSUER,
  oauthSettings,
  OTHER_ISSUER,
  type Said,
} from "../helpers/signed_in.ts";
import { type ClientKind, connectHttp, openApp, serveHandler } from "./support.ts";
import { META } from "./raw_calls.ts";

const ALL: AccessRule = { name: "all", issuer: ISSUER, sessions: "own" };
const KINDS: readonly ClientKind[] = ["auto", "legacy", "sdk1"];

interface World {
  readonly rules?: readonly AccessRule[];
  readonly hashSubjects?: boolean;
}

function openWorld({ rules, hashSubjects = false }: World = {}) {
  const app = openApp();
  // Nothing is hidden in these lines, so that they show what the log is given.
  const lines: string[] = [];
  const log = createLogger({
    level: "debug",
    format: "json",
    redact: (text) => text,
    write: (line) => lines.push(line),
    now: () => 0,
  });
  const sent: string[] = [];
  const inner = app.simulator.fetch.bind(app.simulator);
  Reflect.set(app.simulator, "fetch", async (request: Request) => {
    const body = await request.clone().text();
    sent.push(JSON.stringify([request.url, ...request.headers, body]));
    return await inner(request);
  });
  const metrics = createMetrics({
    version: "1.2.3",
    waits: () => ({ openWaits: 0, openStreams: 0, reconnects: 0 }),
    calls: () => ({ running: 0, max: 1 }),
    usage: () => Promise.resolve({ startedAtSec: 0, residentBytes: 0, cpuSec: 0 }),
  });
  const services = app.servicesWith({
    log,
    publicUrl: "https://mcp.example.com",
    sealingKeys: [new Uint8Array(32).fill(3)],
  });
  const registry = createTokenRegistry([], rules);
  const toolSets = TOOL_SET_NAMES;
  const factory = createServerFactory(services, {
    ...{ version: "1.2.3", toolSets },
    listsByCaller: true,
    watch: { ended: metrics.call },
  });
  const handler = createHttpHandler(factory, {
    tokens: registry,
    ready: () => Promise.resolve(true),
    ...{ log, clock: app.clock, sealer: services.sealer },
    allowedHosts: ["localhost", "127.0.0.1", "mcp.example.com"],
    files: { services, toolSets },
    onAuthenticated: metrics.authenticated,
    oauth: {
      settings: oauthSettings({ hashSubjects }),
      verifier: fakeVerifier(),
      served: { toolSets, publishes: false, asksPeople: true, viewActions: true },
      onScopeMissing: metrics.scopeMissing,
    },
  });
  const served = serveHandler(handler);
  const connect = async (kind: ClientKind, said: Said) => {
    const client = await app.until(connectHttp(served.url, kind, accessTokenOf(said)));
    const call = (name: string, args: Record<string, unknown> = {}) =>
      app.until(client.call(name, args));
    return { client, call };
  };
  const agentId = async () => {
    const { data: [agent] } = await app.until(services.api.agents.list({}));
    return String(agent?.id);
  };
  return {
    ...{ app, handler, registry, connect, agentId, lines, sent, metrics },
    async close() {
      await served.close();
      app.close();
    },
  };
}

type OpenWorld = ReturnType<typeof openWorld>;

for (const kind of KINDS) {
  Deno.test(`two people share an agent and nothing else, with the client ${kind}`, async () => {
    const world = openWorld({ rules: [ALL, { ...ALL, issuer: OTHER_ISSUER, name: "others" }] });
    const agent_id = await world.agentId();
    const people = await Promise.all([
      world.connect(kind, { sub: "alice" }),
      world.connect(kind, { sub: "bob" }),
      world.connect(kind, { sub: "alice", iss: OTHER_ISSUER }),
    ]);
    const ids: string[] = [];
    for (const { call } of people) {
      const { structured } = await call("create_session", { agent_id, message: "Hello" });
      const session_id = String(structured?.session_id);
      assertEquals((await call("wait_for_idle", { session_id })).structured?.status, "idle");
      ids.push(session_id);
    }
    for (const [at, { call, client }] of people.entries()) {
      const { structured } = await call("list_sessions", {});
      const listed = Array.isArray(structured?.sessions) ? structured.sessions : [];
      assertEquals(listed.map(({ session_id, mine }) => [session_id, mine]), [[ids[at], true]]);
      for (const session_id of ids.filter((_, other) => other !== at)) {
        const foreign = await call("get_session", { session_id });
        const unknown = await call("get_session", { session_id: "sesn_unknown" });
        assertEquals([foreign.isError, foreign.text], [true, unknown.text]);
        const uri = `cma://sessions/${session_id}/transcript`;
        await assertRejects(() => world.app.until(client.readResource(uri)));
      }
      await client.close();
    }
    await world.close();
  });

  Deno.test(`a missing scope stops a call before it does anything, with the client ${kind}`, async () => {
    const world = openWorld({ rules: [ALL] });
    const agent_id = await world.agentId();
    const reader = await world.connect(kind, { sub: "alice", scopes: ["agents:read"] });
    const agents = await reader.call("list_agents");
    assertEquals(agents.isError, false);
    const before = world.sent.length;
    await assertRejects(() => reader.call("create_session", { agent_id }));
    assertEquals(world.sent.length, before);
    const writer = await world.connect(kind, { sub: "alice" });
    assertEquals((await writer.call("create_session", { agent_id })).isError, false);
    await Promise.all([reader.client.close(), writer.client.close()]);
    await world.close();
  });

  Deno.test(`what a rule takes is a tool's error, and no call to sign in, with the client ${kind}`, async () => {
    const world = openWorld({ rules: [{ ...ALL, readOnly: true }] });
    const { client, call } = await world.connect(kind, { sub: "alice" });
    const refused = await call("create_session", { agent_id: await world.agentId() });
    assertEquals(refused.isError, true);
    assertStringIncludes(refused.text, "You may only read, so create_session is not for you.");
    await client.close();
    await world.close();
  });
}

/** Sends one message as a client of an era does. */
async function post(
  { app, handler }: OpenWorld,
  said: Said,
  era: "2025" | "2026",
  method: string,
  params: Record<string, unknown>,
) {
  const headers = new Headers({
    host: "localhost",
    authorization: `Bearer ${accessTokenOf(said)}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  });
  if (era === "2026") {
    headers.set("mcp-protocol-version", "2026-07-28");
    headers.set("mcp-method", method);
    headers.set("mcp-name", String(params.name ?? params.uri));
  }
  const message = {
    ...{ jsonrpc: "2.0", id: "r-7", method },
    params: { ...params, ...(era === "2026" && { _meta: META }) },
  };
  const response = await app.until(handler.fetch(
    new Request("http://localhost/mcp", { method: "POST", headers, body: JSON.stringify(message) }),
  ));
  const text = await app.until(response.text());
  return { status: response.status, headers: response.headers, text };
}

for (const era of ["2025", "2026"] as const) {
  Deno.test(`a call that lacks a scope is 403 with a challenge and its own id, in the era ${era}`, async () => {
    const world = openWorld({ rules: [ALL] });
    const said: Said = { sub: "alice", scopes: ["agents:read"] };
    for (
      const [method, params, scope] of [
        ["tools/call", { name: "send_message", arguments: {} }, "sessions:write"],
        ["tools/call", { name: "confirm_tool_use", arguments: {} }, "actions"],
        ["resources/read", { uri: "cma://sessions/sesn_1/transcript" }, "sessions:read"],
      ] as const
    ) {
      const { status, headers, text } = await post(world, said, era, method, params);
      assertEquals(status, 403);
      const challenge = headers.get("www-authenticate") ?? "";
      assertStringIncludes(challenge, 'error="insufficient_scope"');
      assertStringIncludes(challenge, `scope="agents:read ${scope}"`);
      assertStringIncludes(
        challenge,
        'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"',
      );
      const { id, error } = JSON.parse(text);
      assertEquals(id, "r-7");
      assertStringIncludes(error.message, scope);
    }
    const { status } = await post(world, said, era, "resources/read", {
      uri: "ui://cma-mcp/session.html",
    });
    assertEquals(status, 200);
    const page = await world.metrics.render();
    assertStringIncludes(page, 'cma_mcp_missing_scopes_total{scope="actions"} 1');
    await world.close();
  });
}

Deno.test("lists may be kept by their own caller alone where people sign in", async () => {
  const world = openWorld({ rules: [ALL] });
  const { text } = await post(world, { sub: "alice" }, "2026", "tools/list", {});
  assertStringIncludes(text, '"cacheScope":"private"');
  await world.close();
});

for (const hashSubjects of [false, true]) {
  Deno.test(
    `nothing of a person's token goes anywhere, and ${
      hashSubjects ? "no subject either" : "of its claims the subject alone"
    }`,
    async () => {
      const world = openWorld({ rules: [ALL], hashSubjects });
      const said: Said = {
        sub: "alice-the-subject",
        claims: { email: "al@example.com", groups: ["the-secret-group"], name: "Alice Liddell" },
      };
      const token = accessTokenOf(said);
      const results: string[] = [];
      const { client, call } = await world.connect("auto", said);
      const keep = async (name: string, args: Record<string, unknown> = {}) => {
        const result = await call(name, args);
        results.push(JSON.stringify(result));
        return result;
      };
      const agent_id = await world.agentId();
      const { structured } = await keep("create_session", { agent_id, message: "Hello" });
      const session_id = String(structured?.session_id);
      for (const name of ["wait_for_idle", "get_session", "list_events", "list_session_files"]) {
        await keep(name, { session_id });
      }
      await keep("confirm_tool_use", { session_id, event_id: "sevt_1", result: "deny" });
      await keep("get_session", { session_id: "sesn_unknown" });
      await keep("list_sessions");
      const stranger = accessTokenOf({ ...said, iss: OTHER_ISSUER });
      await assertRejects(() => world.connect("auto", { ...said, iss: OTHER_ISSUER }));
      await client.close();

      const page = await world.metrics.render();
      const log = world.lines.join("\n");
      const parts = [token, stranger].flatMap((text) => text.split("."));
      for (
        const [what, text] of Object.entries({
          log,
          page,
          sent: world.sent.join("\n"),
          results: results.join("\n"),
        })
      ) {
        for (const part of [...parts, "al@example.com", "the-secret-group", "Liddell"]) {
          assert(!text.includes(part), `${what} has ${part}`);
        }
        const mayHaveSubject = what === "log" && !hashSubjects;
        assertEquals(text.includes("alice-the-subject"), mayHaveSubject, what);
      }
      const [audit = ""] = world.lines.filter((line) => line.includes('"Audit"'));
      assertMatch(
        audit,
        hashSubjects ? /"subject_hash":"[\w-]{22}","rule":"all"/ : /"subject":"alice-the-subject"/,
      );
      assert(!audit.includes('"token"'), audit);
      assertStringIncludes(page, 'cma_mcp_rule_calls_total{rule="all"}');
      assertStringIncludes(page, 'outcome="no_rule"');
      await world.close();
    },
  );
}

Deno.test("a person's link opens by the rule as it is now, and ends with it", async () => {
  const world = openWorld({ rules: [ALL] });
  const { client, call } = await world.connect("auto", { sub: "alice" });
  const agent_id = await world.agentId();
  const { structured } = await call("create_session", { agent_id });
  const session_id = String(structured?.session_id);
  const file_id = world.app.simulator.writeFile(
    session_id,
    "a.bin",
    Uint8Array.from({ length: 100 }, (_, at) => 255 - at),
  );
  const { text } = await call("read_session_file", { session_id, file_id });
  const [url = ""] = /https:\/\/mcp\.example\.com\/files\/[\w-]+/.exec(text) ?? [];
  const open = async () => {
    const { app: { until }, handler } = world;
    const response = await until(handler.fetch(
      new Request(url, { headers: { host: "mcp.example.com" } }),
    ));
    await until(response.arrayBuffer());
    return response.status;
  };
  assertEquals(await open(), 200);
  const [download = ""] = world.lines.filter((line) => line.includes('"Download"'));
  assertMatch(download, /"issuer":"https:\/\/login.example.com","subject":"alice","rule":"all"/);
  world.registry.replace([], [{ ...ALL, agents: ["agent_other"] }]);
  assertEquals(await open(), 404);
  world.registry.replace([], [{ ...ALL, name: "renamed" }]);
  assertEquals(await open(), 404);
  world.registry.replace([], [ALL]);
  assertEquals(await open(), 200);
  await client.close();
  await world.close();
});
