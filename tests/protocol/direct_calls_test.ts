import { assert, assertEquals } from "@std/assert";
import type { McpRequestContext, McpServerFactory } from "@modelcontextprotocol/server";
import { createHttpHandler } from "../../src/http/handler.ts";
import { createServerFactory } from "../../src/mcp/server.ts";
import { type App, openBridge, TOKEN } from "./support.ts";

type Fields = Record<string, unknown>;

/** Sends one call to a handler over `factory`; the messages that it answers with. */
async function messagesFrom(app: App, factory: McpServerFactory, params: Fields) {
  const { clock, services: { log } } = app;
  const options = { tokens: [TOKEN], ready: () => Promise.resolve(true), log, clock };
  const handler = createHttpHandler(factory, options);
  const request = new Request("http://localhost/mcp", {
    method: "POST",
    headers: {
      host: "localhost",
      authorization: `Bearer ${TOKEN}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-11-25",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: "call", method: "tools/call", params }),
  });
  const response = await app.until(handler.fetch(request));
  const text = await app.until(response.text());
  await handler.close();
  const isJson = response.headers.get("content-type") === "application/json";
  const messages: Fields[] = isJson
    ? [JSON.parse(text)]
    : [...text.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => JSON.parse(data));
  return { isJson, status: response.status, messages };
}

const CALLS: readonly [string, (sessionId: string) => Fields][] = [
  ["a result", (session_id) => ({ name: "get_session", arguments: { session_id } })],
  ["a list", () => ({ name: "list_agents", arguments: { limit: 2 } })],
  ["no arguments", () => ({ name: "list_agents" })],
  ["arguments that are wrong", () => ({ name: "list_agents", arguments: { limit: 0 } })],
  ["an unknown argument", () => ({ name: "list_agents", arguments: { foo: 1 } })],
  ["a session that is not there", () => ({
    name: "get_session",
    arguments: { session_id: "sesn_none" },
  })],
  ["a wait", (session_id) => ({ name: "wait_for_idle", arguments: { session_id } })],
  ["a wait with progress", (session_id) => ({
    name: "wait_for_idle",
    arguments: { session_id },
    _meta: { progressToken: 0 },
  })],
  ["a trace context", (session_id) => ({
    name: "get_session",
    arguments: { session_id },
    _meta: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
  })],
  ["a tool that does not exist", () => ({ name: "delete_agent", arguments: {} })],
];

/** Ids of the API's requests count on. */
const withoutRequestIds = (messages: readonly Fields[]): unknown =>
  JSON.parse(JSON.stringify(messages).replaceAll(/req_\w+/g, "req_"));

for (const [name, paramsFor] of CALLS) {
  Deno.test(`a call is answered alike with and without a server in between: ${name}`, async () => {
    const app = openBridge();
    const sessionId = app.simulator.createSession({ agent: "slow", scripted: false });
    for (
      const type of ["session.status_running", "agent.message", "session.status_idle"] as const
    ) {
      app.simulator.emit(sessionId, {
        type,
        content: [{ type: "text", text: "Done." }],
        stop_reason: { type: "end_turn" },
      });
    }
    const params = paramsFor(sessionId);
    const direct = await messagesFrom(app, app.factory, params);
    const served = await messagesFrom(app, (context) => app.factory(context), params);
    assertEquals(withoutRequestIds(direct.messages), withoutRequestIds(served.messages));
    assertEquals(direct.status, served.status);
    assert(!served.isJson);
    const streams = params.name === "wait_for_idle" || params.name === "delete_agent";
    assertEquals(direct.isJson, !streams);
    app.close();
  });
}

Deno.test("a fault around a call is an error without details, and in the log with them", async () => {
  const app = openBridge();
  const watch = {
    ended: () => {
      throw new TypeError("boom over a private word");
    },
  };
  const factory = createServerFactory(app.services, { version: "1.2.3", watch });
  for (const way of [factory, (context: McpRequestContext) => factory(context)]) {
    const before = app.log.length;
    const { messages } = await messagesFrom(app, way, {
      name: "list_agents",
      arguments: { name_contains: "private word" },
    });
    assertEquals(messages.map(({ id, error }) => [id, typeof error]), [["call", "object"]]);
    const line = app.log.slice(before).find((text) => text.includes("Tool call failed")) ?? "";
    assert(line.includes("error: Tool call failed tool=list_agents error=TypeError: boom"), line);
    assert(!app.log.slice(before).join().includes("private word"), line);
  }
  app.close();
});
