import { assert, assertEquals } from "@std/assert";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { settle } from "../../helpers/manual_clock.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";
import type { DirectCall } from "../../../src/mcp/server.ts";
import { createToolCalls } from "../../../src/http/tool_calls.ts";

const AUTH = { token: "", clientId: "ci", scopes: [] };
const RESULT: CallToolResult = { content: [{ type: "text", text: "{}" }], structuredContent: {} };

type Fields = Record<string, unknown>;

function bodyOf(params: Fields, message: Fields = {}): Fields {
  return { jsonrpc: "2.0", id: 7, method: "tools/call", params, ...message };
}

function requestOf(headers: Record<string, string> = {}, signal?: AbortSignal): Request {
  return new Request("http://localhost/mcp", {
    method: "POST",
    headers: {
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-11-25",
      ...headers,
    },
    signal,
  });
}

/** Tool calls over a tool that the test plays. */
function setUp() {
  const clock = new ManualClock();
  const calls: DirectCall[] = [];
  const results: PromiseWithResolvers<CallToolResult>[] = [];
  const toolCalls = createToolCalls({
    clock,
    keepAliveMs: 10_000,
    factory: {
      knows: (name) => name === "get_session" || name === "wait_for_idle",
      callDirectly: (call) => {
        calls.push(call);
        const result = Promise.withResolvers<CallToolResult>();
        results.push(result);
        call.notify({ progressToken: "p", progress: 1, message: "begins" });
        return result.promise;
      },
    },
  });
  const answer = (body: Fields, request = requestOf()) => toolCalls.answer(request, body, AUTH);
  return { clock, calls, results, toolCalls, answer };
}

const GET = { name: "get_session", arguments: { session_id: "sesn_1" } };
const WAIT = { name: "wait_for_idle", arguments: { session_id: "sesn_1" } };

const TAKEN: readonly [string, Fields, Record<string, string>?][] = [
  ["a call", bodyOf(GET)],
  ["a call with a text as id", bodyOf(GET, { id: "a" })],
  ["a call with id 0", bodyOf(GET, { id: 0 })],
  ["a call without arguments", bodyOf({ name: "get_session" })],
  ["a call with a trace context", bodyOf({ ...GET, _meta: { traceparent: "00-0-0-00" } })],
  ["a call of an older version", bodyOf(GET), { "mcp-protocol-version": "2025-03-26" }],
];
for (const [name, body, headers] of TAKEN) {
  Deno.test(`answer() takes ${name}`, async () => {
    const { answer, calls, results } = setUp();
    const pending = answer(body, requestOf(headers));
    results[0]?.resolve(RESULT);
    const response = await pending;
    assertEquals(await response?.json(), { jsonrpc: "2.0", id: body.id, result: RESULT });
    assertEquals(calls[0]?.name, "get_session");
  });
}

const MODERN = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
const LEFT: readonly [string, unknown, Record<string, string>?][] = [
  ["a batch", [bodyOf(GET)]],
  ["a notification", { jsonrpc: "2.0", method: "tools/call", params: GET }],
  ["another method", bodyOf(GET, { method: "tools/list" })],
  ["another JSON-RPC", bodyOf(GET, { jsonrpc: "1.0" })],
  ["an id that is null", bodyOf(GET, { id: null })],
  ["an id that is no integer", bodyOf(GET, { id: 1.5 })],
  ["fields that are unknown", bodyOf(GET, { extra: 1 })],
  ["parameters that are unknown", bodyOf({ ...GET, task: {} })],
  ["no parameters", bodyOf(GET, { params: undefined })],
  ["arguments that are a list", bodyOf({ ...GET, arguments: [] })],
  ["a name that is none", bodyOf({ ...GET, name: 7 })],
  ["a tool that does not exist", bodyOf({ ...GET, name: "delete_agent" })],
  ["a tool named like an object's own", bodyOf({ ...GET, name: "__proto__" })],
  ["meta that is a list", bodyOf({ ...GET, _meta: [] })],
  ["a progress token that is none", bodyOf({ ...GET, _meta: { progressToken: {} } })],
  ["a progress token that is no integer", bodyOf({ ...GET, _meta: { progressToken: 1.5 } })],
  ["the newer protocol", bodyOf({ ...GET, _meta: MODERN })],
  ["a version of the newer protocol", bodyOf(GET), { "mcp-protocol-version": "2026-07-28" }],
  ["an unknown version", bodyOf(GET), { "mcp-protocol-version": "1999-01-01" }],
  ["who takes no stream", bodyOf(GET), { accept: "application/json" }],
  ["who takes no JSON", bodyOf(GET), { accept: "text/event-stream" }],
];
for (const [name, body, headers] of LEFT) {
  Deno.test(`answer() leaves to the SDK ${name}`, () => {
    const { toolCalls, calls } = setUp();
    assertEquals(toolCalls.answer(requestOf(headers), body, AUTH), undefined);
    assertEquals(calls.length, 0);
  });
}

/** What has come of a body so far; it stays open. */
function follow(response: Response | undefined) {
  const read = { text: "", ended: false };
  const reader = response?.body?.pipeThrough(new TextDecoderStream()).getReader();
  (async () => {
    for (;;) {
      const { done, value } = await reader?.read() ?? { done: true };
      if (done) break;
      read.text += value;
    }
    read.ended = true;
  })().catch(() => {});
  return { read, cancel: () => reader?.cancel() };
}

const frame = (message: Fields) =>
  `event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`;
const BEGINS = frame({
  method: "notifications/progress",
  params: { progressToken: "p", progress: 1, message: "begins" },
});

Deno.test("answer() of a call that takes long is a stream with comments, and then the result", async () => {
  const { answer, clock, results } = setUp();
  const pending = answer(bodyOf(GET));
  await clock.advance(1_000);
  const response = await pending;
  assertEquals(response?.headers.get("content-type"), "text/event-stream");
  const { read } = follow(response);
  await clock.advance(21_000);
  assertEquals(read, { text: ": keepalive\n\n: keepalive\n\n", ended: false });
  results[0]?.resolve(RESULT);
  await settle();
  assertEquals(read.text.slice(26), frame({ id: 7, result: RESULT }));
  assertEquals([read.ended, clock.pendingTimers], [true, 0]);
});

for (const [name, params] of [["a wait", WAIT], ["progress", GET]] as const) {
  Deno.test(`answer() streams ${name} at once, beginning with what the call says first`, async () => {
    const { answer, clock, results } = setUp();
    const response = await answer(bodyOf({ ...params, _meta: { progressToken: "p" } }));
    assertEquals(response?.headers.get("content-type"), "text/event-stream");
    const { read } = follow(response);
    await settle();
    assertEquals(read, { text: BEGINS, ended: false });
    results[0]?.resolve(RESULT);
    await settle();
    assertEquals(read, { text: BEGINS + frame({ id: 7, result: RESULT }), ended: true });
    assertEquals(clock.pendingTimers, 0);
  });
}

Deno.test("answer() cancels the call of a client that leaves its stream", async () => {
  const { answer, clock, calls } = setUp();
  const { cancel } = follow(await answer(bodyOf(WAIT)));
  assertEquals(calls[0]?.signal.aborted, false);
  await cancel();
  assertEquals([calls[0]?.signal.aborted, clock.pendingTimers], [true, 0]);
});

Deno.test("answer() cancels the call of a client that leaves before there is an answer", async () => {
  const { answer, calls, results } = setUp();
  const client = new AbortController();
  const pending = answer(bodyOf(GET), requestOf({}, client.signal));
  client.abort();
  assertEquals(calls[0]?.signal.aborted, true);
  results[0]?.resolve(RESULT);
  await pending;
});

Deno.test("close() cancels the calls that run, and their clients still get the result", async () => {
  const { answer, toolCalls, calls, results } = setUp();
  const { read } = follow(await answer(bodyOf(WAIT)));
  toolCalls.close();
  assertEquals(calls[0]?.signal.aborted, true);
  results[0]?.resolve(RESULT);
  await settle();
  assert(read.ended && read.text.endsWith(frame({ id: 7, result: RESULT })), read.text);
});

Deno.test("answer() says no more than that the server failed when it did", async () => {
  const { answer, results } = setUp();
  const pending = answer(bodyOf(GET));
  results[0]?.reject(new TypeError("a secret path"));
  assertEquals(await (await pending)?.json(), {
    jsonrpc: "2.0",
    id: 7,
    error: { code: -32_603, message: "Internal error" },
  });
});

Deno.test("answer() ends a stream with a failure when the result cannot be written", async () => {
  const { answer, results } = setUp();
  const { read } = follow(await answer(bodyOf(WAIT)));
  results[0]?.resolve({ content: [], structuredContent: { count: 1n } });
  await settle();
  const error = { code: -32_603, message: "Internal error" };
  assertEquals(read.text.slice(BEGINS.length), frame({ id: 7, error }));
  assertEquals(read.ended, true);
});

Deno.test("answer() tells calls of one client from those of others by session and token", async () => {
  const { answer, calls, results } = setUp();
  const clients: Record<string, string>[] = [{}, { "mcp-session-id": "a" }, {
    "mcp-session-id": "b",
  }];
  const pending = clients.map((headers) => answer(bodyOf(GET), requestOf(headers)));
  for (const result of results) result.resolve(RESULT);
  await Promise.all(pending);
  assertEquals(calls.map(({ client }) => client), [undefined, '["ci","a"]', '["ci","b"]']);
});
