import { assertEquals } from "@std/assert";
import { Server } from "@modelcontextprotocol/server";
import { type Closable, isPlainLegacy, serveInJson } from "../../../src/http/legacy_json.ts";
import { settle } from "../../helpers/manual_clock.ts";

const CALL = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "get_agent" } };
const CLAIM = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };

const CASES: readonly (readonly [what: string, message: unknown, version: string, is: boolean])[] =
  [
    ["a call", CALL, "2025-11-25", true],
    ["a call without a version", CALL, "", true],
    ["a call without parameters", { ...CALL, params: undefined }, "2025-06-18", true],
    ["a trace context", withMeta({ traceparent: "00-1" }), "2025-11-25", true],
    ["a call that asks for progress", withMeta({ progressToken: 0 }), "2025-11-25", false],
    ["a claim of the newer protocol", withMeta(CLAIM), "2026-07-28", false],
    ["that claim beside an older version", withMeta(CLAIM), "2025-11-25", false],
    ["a newer version without a claim", CALL, "2026-07-28", false],
    ["an unknown version", CALL, "1999-01-01", false],
    ["a notification", { jsonrpc: "2.0", method: "notifications/x" }, "2025-11-25", false],
    ["a response", { jsonrpc: "2.0", id: 1, result: {} }, "2025-11-25", false],
    ["a batch", [CALL], "2025-11-25", false],
  ];

function withMeta(_meta: Record<string, unknown>): unknown {
  return { ...CALL, params: { ...CALL.params, _meta } };
}

for (const [what, message, version, is] of CASES) {
  Deno.test(`${what} ${is ? "is" : "is not"} answered in plain JSON`, () => {
    const headers: HeadersInit = version === "" ? {} : { "mcp-protocol-version": version };
    const request = new Request("http://localhost/mcp", { method: "POST", headers });
    assertEquals(isPlainLegacy(request, message), is);
  });
}

/** Serves a ping, or the request given, by servers that note when they are closed. */
function serve(request: Request, answers = true) {
  const serving = new Set<Closable>();
  const seen = { closed: 0, atOnce: 0 };
  const factory = () => {
    const server = new Server({ name: "test", version: "0" }, { capabilities: { tools: {} } });
    server.onclose = () => seen.closed++;
    server.setRequestHandler("tools/list", () => {
      seen.atOnce = serving.size;
      return answers ? { tools: [] } : new Promise<never>(() => {});
    });
    return server;
  };
  const parsedBody = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  const authInfo = { token: "t", clientId: "c", scopes: [] };
  return {
    serving,
    seen,
    response: serveInJson(factory, request, { authInfo, parsedBody, serving }),
  };
}

function posted(signal?: AbortSignal): Request {
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": "2025-11-25",
  };
  return new Request("http://localhost/mcp", { method: "POST", headers, body: "{}", signal });
}

Deno.test("serveInJson() holds a server until its response is there, and no longer", async () => {
  const { response, serving, seen } = serve(posted());
  assertEquals((await (await response).json()).result.tools, []);
  assertEquals([seen.atOnce, serving.size], [1, 0]);
});

Deno.test("serveInJson() closes the server of a client that goes away, and lets go of it", async () => {
  const controller = new AbortController();
  const { response, serving, seen } = serve(posted(controller.signal), false);
  while (seen.atOnce === 0) await settle();
  controller.abort();
  assertEquals([(await response).status, seen.closed, serving.size], [499, 1, 0]);
});

Deno.test("serveInJson() begins nothing for a client that has gone already", async () => {
  const { response, serving, seen } = serve(posted(AbortSignal.abort()));
  assertEquals([(await response).status, seen.atOnce, seen.closed, serving.size], [499, 0, 1, 0]);
});

Deno.test("serveInJson() ends when all servers are closed", async () => {
  const { response, serving, seen } = serve(posted(), false);
  while (seen.atOnce === 0) await settle();
  await Promise.all([...serving].map((server) => server.close()));
  assertEquals([(await response).status, seen.closed, serving.size], [499, 1, 0]);
});
