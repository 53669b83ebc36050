import { assert, assertEquals } from "@std/assert";
import { ApiError } from "../../src/api/errors.ts";
import { callTool } from "../helpers/call_tool.ts";
import type { Fault } from "../../src/simulator/mod.ts";
import type { ToolDefinition } from "../../src/tools/define.ts";
import { TOOLS } from "../../src/tools/registry.ts";
import type { ServicesOptions } from "../../src/tools/services.ts";
import { type App, openApp } from "../protocol/support.ts";

/** Tools over the real API client and the simulator; only the protocol is left out. */
function open(options: Partial<ServicesOptions> = {}) {
  const app = openApp(options);
  const call = async (name: string, args: Record<string, unknown>) => {
    const result = await app.clock.runUntil(
      callTool(toolNamed(name), args, {
        signal: new AbortController().signal,
        services: app.services,
        requestId: "1",
      }),
    );
    const [block] = result.content;
    assert(block?.type === "text");
    return { isError: result.isError === true, text: block.text, ...structured(result) };
  };
  return { app, call };
}

function toolNamed(name: string): ToolDefinition {
  const tool = TOOLS.find((candidate) => candidate.name === name);
  if (!tool) throw new Error(`No tool ${name}`);
  return tool;
}

function structured(result: { structuredContent?: unknown }): { value: Record<string, unknown> } {
  const value = result.structuredContent;
  return { value: typeof value === "object" && value !== null ? { ...value } : {} };
}

function posts(app: App, path: RegExp): number {
  return app.simulator.requests
    .filter((request) => request.method === "POST" && path.test(request.path)).length;
}

async function sessionsIn(app: App): Promise<number> {
  const page = await app.clock.runUntil(app.services.api.sessions.list({}));
  return page.data.length;
}

async function eventsOf(app: App, sessionId: string, type: string): Promise<number> {
  const page = await app.clock.runUntil(
    app.services.api.events.list(sessionId, { types: [type] }),
  );
  return page.data.length;
}

const CREATE = /\/v1\/sessions$/;
const SEND = /\/events$/;
const ARCHIVE = /\/archive$/;

Deno.test("create_session finds its session when the response is lost, and makes no second one", async () => {
  const { app, call } = open();
  app.simulator.faults.add({
    match: { method: "POST", path: CREATE },
    times: 1,
    fault: { kind: "lost_ack" },
  });
  const result = await call("create_session", {
    agent_id: app.simulator.agentId("quick"),
    message: "Hello",
  });
  assertEquals([result.isError, result.value.confirmed_by_list], [false, true]);
  assertEquals(await sessionsIn(app), 1);
  const reply = await call("wait_for_idle", { session_id: result.value.session_id });
  assert(String(reply.value.reply).includes("Hello"));
  app.close();
});

Deno.test("create_session finds its lost session among others with the same metadata and budget", async () => {
  const { app, call } = open();
  const args = {
    agent_id: app.simulator.agentId("quick"),
    metadata: { ticket: "OPS-7" },
    max_cost_usd: 2.5,
  };
  const before = await call("create_session", args);
  app.simulator.faults.add({
    match: { method: "POST", path: CREATE },
    times: 1,
    fault: { kind: "lost_ack" },
  });
  const { isError, value } = await call("create_session", args);
  assertEquals([isError, value.confirmed_by_list, value.max_cost_usd], [false, true, 2.5]);
  assert(value.session_id !== before.value.session_id);
  assertEquals([await sessionsIn(app), posts(app, CREATE)], [2, 2]);
  app.close();
});

for (
  const [name, type, args] of [
    ["send_message", "user.message", { text: "Once only" }],
    ["send_message", "user.message", {
      image_urls: ["HTTPS://a.example"],
      document_file_ids: ["f"],
    }],
    ["interrupt", "user.interrupt", {}],
  ] as const
) {
  const what = `${name} of ${Object.keys(args).join(", ") || "nothing"}`;
  Deno.test(`${what} names the event that may be its own when the response is lost, and sends once`, async () => {
    const { app, call } = open();
    const session_id = app.simulator.createSession();
    app.simulator.faults.add({
      match: { method: "POST", path: SEND },
      times: 1,
      fault: { kind: "lost_ack" },
    });
    const result = await call(name, { session_id, ...args });
    // Nothing tells its age: somebody else may have sent the same a moment before.
    assert(result.isError && /event sevt_\w+ with the same content/.test(result.text), result.text);
    assertEquals(await eventsOf(app, session_id, type), 1);
    assertEquals(posts(app, SEND), 1);
    app.close();
  });
}

/** Answers to a call that a session waits for: the call, the arguments, the event that is sent. */
const ANSWERS = [
  [
    "confirm_tool_use",
    { type: "agent.tool_use", name: "bash", evaluated_permission: "ask" },
    { tool_name: "bash", result: "allow" },
    "user.tool_confirmation",
  ],
  [
    "submit_tool_result",
    { type: "agent.custom_tool_use", name: "get_weather" },
    { text: "Sunny." },
    "user.custom_tool_result",
  ],
  [
    "submit_tool_result",
    { type: "agent.custom_tool_use", name: "get_weather" },
    { image_urls: ["HTTPS://a.example"], document_file_ids: ["f"] },
    "user.custom_tool_result",
  ],
] as const;

/** A session that waits for a call, and a fault that hits the first event that it is sent. */
function openBlocked(blocker: typeof ANSWERS[number][1], fault: Fault) {
  const opened = open();
  const { simulator } = opened.app;
  const session_id = simulator.createSession();
  const event_id = simulator.emit(session_id, blocker);
  const stop_reason = { type: "requires_action", event_ids: [event_id] };
  simulator.emit(session_id, { type: "session.status_idle", stop_reason });
  simulator.faults.add({ match: { method: "POST", path: SEND }, times: 1, fault });
  return { ...opened, ids: { session_id, event_id } };
}

for (const [name, blocker, args, type] of ANSWERS) {
  const what = `${name} of ${Object.keys(args).join(", ")}`;
  Deno.test(`${what} finds its answer when the response is lost, and sends no second one`, async () => {
    const { app, call, ids } = openBlocked(blocker, { kind: "lost_ack" });
    const first = await call(name, { ...ids, ...args });
    const second = await call(name, { ...ids, ...args });
    assertEquals([first.value.outcome, second.value.outcome], ["sent", "repeated"], first.text);
    assertEquals([await eventsOf(app, ids.session_id, type), posts(app, SEND)], [1, 1]);
    app.close();
  });

  Deno.test(`${what} does not repeat an answer that may still be on its way`, async () => {
    const { app, call, ids } = openBlocked(blocker, { kind: "reset" });
    const first = await call(name, { ...ids, ...args });
    const second = await call(name, { ...ids, ...args });
    assertEquals([first.value.outcome, second.value.outcome], ["unknown", "unknown"], first.text);
    assertEquals([await eventsOf(app, ids.session_id, type), posts(app, SEND)], [0, 1]);
    app.close();
  });
}

Deno.test("archive_session reads the session when the response is lost", async () => {
  const { app, call } = open();
  const session_id = app.simulator.createSession();
  app.simulator.faults.add({
    match: { method: "POST", path: ARCHIVE },
    times: 1,
    fault: { kind: "lost_ack" },
  });
  const result = await call("archive_session", { session_id });
  assertEquals([result.isError, result.value.archived], [false, true], result.text);
  assertEquals(posts(app, ARCHIVE), 1);
  app.close();
});

const UNKNOWN = "still be on its way";
/**
 * What hits the POST before it takes effect: nobody here can know that it will not, unless the API
 * says that it takes nothing.
 */
const UNDELIVERED: readonly [string, Fault, string][] = [
  ["a reset", { kind: "reset" }, UNKNOWN],
  ["a hang", { kind: "hang" }, UNKNOWN],
  ["a 500", { kind: "status", status: 500 }, UNKNOWN],
  ["a 503", { kind: "status", status: 503 }, "Try again later. (API: 503"],
];

for (const [name, fault, words] of UNDELIVERED) {
  Deno.test(`${name} on a send: the result says what is known, and nothing is sent twice`, async () => {
    const { app, call } = open();
    const session_id = app.simulator.createSession();
    app.simulator.faults.add({ match: { method: "POST" }, fault });
    const result = await call("send_message", { session_id, text: "Hello" });
    assert(result.isError && result.text.includes(words), result.text);
    assertEquals(posts(app, SEND), 1);
    app.simulator.faults.clear();
    assertEquals(await eventsOf(app, session_id, "user.message"), 0);
    app.close();
  });

  Deno.test(`${name} on a create: the result says what is known, and no session exists`, async () => {
    const { app, call } = open();
    app.simulator.faults.add({ match: { method: "POST" }, fault });
    const result = await call("create_session", { agent_id: app.simulator.agentId("quick") });
    assert(result.isError && result.text.includes(words), result.text);
    assertEquals(posts(app, CREATE), 1);
    app.simulator.faults.clear();
    assertEquals(await sessionsIn(app), 0);
    app.close();
  });
}

Deno.test("send_message says that delivery is unknown when neither response nor list can be read", async () => {
  const { app, call } = open();
  const session_id = app.simulator.createSession();
  app.simulator.faults.add({ match: { method: "POST" }, fault: { kind: "lost_ack" } });
  app.simulator.faults.add({
    match: { method: "GET" },
    fault: { kind: "status", status: 503 },
  });
  const result = await call("send_message", { session_id, text: "Hello" });
  assert(result.isError && result.text.includes("It is not known whether"), result.text);
  assert(result.text.includes("list_events"), result.text);
  app.close();
});

const READS: readonly [string, (app: App, sessionId: string) => Record<string, unknown>][] = [
  ["list_agents", () => ({})],
  ["get_agent", (app) => ({ agent_id: app.simulator.agentId("quick") })],
  ["get_session", (_app, session_id) => ({ session_id })],
  ["list_events", (_app, session_id) => ({ session_id })],
];

for (const [name, args] of READS) {
  Deno.test(`${name} survives one failure of the API, and reports a lasting one`, async () => {
    const { app, call } = open();
    const session_id = app.simulator.createSession();
    const fault: Fault = { kind: "status", status: 529, type: "overloaded_error" };
    app.simulator.faults.add({ match: { method: "GET" }, times: 1, fault });
    const healed = await call(name, args(app, session_id));
    assertEquals(healed.isError, false, healed.text);
    app.simulator.faults.add({ match: { method: "GET" }, fault });
    const failed = await call(name, args(app, session_id));
    assert(failed.isError && failed.text.includes("Try again later"), failed.text);
    assert(failed.text.includes("overloaded_error") && failed.text.includes("req_"), failed.text);
    app.close();
    assertEquals(app.clock.pendingTimers, 0);
  });
}

Deno.test("a rate limit is passed on with the pause that the API asks for", async () => {
  const { app, call } = open();
  const session_id = app.simulator.createSession();
  app.simulator.faults.add({
    match: { method: "POST" },
    fault: { kind: "status", status: 429, type: "rate_limit_error", retryAfter: 42 },
  });
  const result = await call("send_message", { session_id, text: "Hello" });
  assert(result.isError && result.text.includes("Try again in 42 s."), result.text);
  assertEquals(posts(app, SEND), 1);
  app.close();
});

Deno.test("archive_session right after the reply waits for the status to catch up", async () => {
  const { app, call } = open();
  const created = await call("create_session", {
    agent_id: app.simulator.agentId("quick"),
    message: "Hello",
  });
  const { session_id } = created.value;
  assertEquals((await call("wait_for_idle", { session_id })).value.status, "idle");
  const result = await call("archive_session", { session_id });
  assertEquals([result.isError, result.value.archived], [false, true], result.text);
  assert(posts(app, ARCHIVE) > 1, "the simulator's status did not trail");
  app.close();
});

Deno.test("archive_session of a session at work says to interrupt it, and then does it", async () => {
  const { app, call } = open();
  const created = await call("create_session", {
    agent_id: app.simulator.agentId("long"),
    message: "Hello",
  });
  const { session_id } = created.value;
  await app.clock.advance(1_000);
  const refused = await call("archive_session", { session_id });
  assert(refused.isError && refused.text.includes("call interrupt"), refused.text);
  await call("interrupt", { session_id });
  assertEquals((await call("wait_for_idle", { session_id })).value.status, "idle");
  assertEquals((await call("archive_session", { session_id })).value.archived, true);
  app.close();
});

Deno.test("a blocked session shows what it waits for, and inputs only where they are exposed", async () => {
  for (const exposeToolInputs of [false, true]) {
    const { app, call } = open({ exposeToolInputs });
    const created = await call("create_session", {
      agent_id: app.simulator.agentId("approval"),
      message: "Clean up",
    });
    const { session_id } = created.value;
    const waited = await call("wait_for_idle", { session_id });
    assertEquals(waited.value.status, "requires_action");
    const state = await call("get_session", { session_id });
    const events = await call("list_events", { session_id, types: ["agent.tool_use"] });
    assertEquals(JSON.stringify(state.value.last_stop_reason), '{"type":"requires_action"}');
    assert(state.text.includes('"kind":"tool_confirmation"'), state.text);
    assertEquals(state.text.includes("[redacted"), !exposeToolInputs);
    assertEquals(events.text.includes("[redacted"), !exposeToolInputs);
    app.close();
  }
});

Deno.test("an allowlist refuses other agents and their sessions in the words for unknown ones", async () => {
  const ids: string[] = [];
  const { app, call } = open({ allowedAgentIds: ids });
  const mine = app.simulator.createSession({ agent: "quick" });
  const theirs = app.simulator.createSession({ agent: "slow" });
  const guarded = openWith(app, [app.simulator.agentId("quick")]);
  const texts = new Set<string>();
  for (const session_id of [theirs, "sesn_unknown"]) {
    for (const name of ["get_session", "list_events", "interrupt", "archive_session"]) {
      texts.add((await guarded(name, { session_id })).text);
    }
  }
  texts.add((await guarded("get_agent", { agent_id: app.simulator.agentId("slow") })).text);
  texts.add((await guarded("create_session", { agent_id: "agent_unknown" })).text);
  assertEquals(texts.size, 1, [...texts].join("\n"));
  assertEquals((await guarded("get_session", { session_id: mine })).isError, false);
  const listed = await guarded("list_agents", {});
  assertEquals(JSON.stringify(listed.value.agents).match(/"id"/g)?.length, 1);
  // The empty list of the first set of services admits nothing at all.
  assertEquals((await call("get_session", { session_id: mine })).isError, true);
  app.close();
});

function openWith(app: App, allowedAgentIds: readonly string[]) {
  const services = app.servicesWith({ allowedAgentIds });
  return async (name: string, args: Record<string, unknown>) => {
    const result = await app.clock.runUntil(
      callTool(toolNamed(name), args, {
        signal: new AbortController().signal,
        services,
        requestId: "1",
      }),
    );
    const [block] = result.content;
    assert(block?.type === "text");
    return { isError: result.isError === true, text: block.text, ...structured(result) };
  };
}

Deno.test("cancelling a call ends its request to the API", async () => {
  const { app } = open();
  const session_id = app.simulator.createSession();
  app.simulator.faults.add({ fault: { kind: "hang" } });
  for (
    const [name, args] of [
      ["get_session", { session_id }],
      ["send_message", { session_id, text: "Hello" }],
      ["list_agents", {}],
    ] as const
  ) {
    const controller = new AbortController();
    const result = callTool(toolNamed(name), args, {
      signal: controller.signal,
      services: app.services,
      requestId: "1",
    });
    await app.clock.advance(100);
    controller.abort(new ApiError("gone", { kind: "connection_lost" }));
    assertEquals((await result).isError, true);
    assertEquals(app.clock.pendingTimers, 0, name);
  }
  app.close();
});
