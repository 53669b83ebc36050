import { assert, assertEquals } from "@std/assert";
import { McpServer } from "@modelcontextprotocol/server";
import { silentLogger } from "../../../src/core/logger.ts";
import { createHttpHandler, type HttpOptions } from "../../../src/http/handler.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

function open(options: Partial<HttpOptions> = {}) {
  let readyAnswer = Promise.resolve(true);
  const refused: number[] = [];
  const handler = createHttpHandler(
    () => new McpServer({ name: "test", version: "0" }, { capabilities: { tools: {} } }),
    {
      tokens: [TOKEN],
      ready: () => readyAnswer,
      log: silentLogger,
      clock: new ManualClock(),
      onRefused: (status) => refused.push(status),
      ...options,
    },
  );
  const send = async (path: string, method = "GET", headers: Record<string, string> = {}) => {
    const response = await handler.fetch(
      new Request(`http://127.0.0.1:3000${path}`, {
        method,
        headers: { host: "127.0.0.1:3000", ...headers },
      }),
    );
    return { response, status: response.status, text: await response.text() };
  };
  const setReady = (ready: Promise<boolean>) => readyAnswer = ready;
  return { handler, send, refused, setReady };
}

const BEARER = { authorization: `Bearer ${TOKEN}` };

Deno.test("every answer carries the request's id, refusals and probes included", async () => {
  const { handler, send } = open();
  for (const path of ["/mcp", "/health", "/ready", "/nowhere"]) {
    const { response } = await send(path, "GET", { "x-request-id": "req-1" });
    assertEquals(response.headers.get("x-request-id"), "req-1", path);
  }
  const made = (await send("/health")).response.headers.get("x-request-id");
  assert(made !== null && made.length === 36);
  await handler.close();
});

Deno.test("whoever counts refusals is told of every answer that refuses something", async () => {
  const { handler, send, refused } = open();
  await send("/mcp", "POST");
  await send("/mcp");
  await send("/nowhere");
  await send("/health");
  handler.drain();
  await send("/mcp", "POST", BEARER);
  // GET of the endpoint is what clients try first.
  assertEquals(refused, [401, 404, 503]);
  await handler.close();
});

Deno.test("a server that drains is not ready, also for a probe that was asked before", async () => {
  const { handler, send, setReady } = open();
  const look = Promise.withResolvers<boolean>();
  setReady(look.promise);
  const probe = send("/ready");
  handler.drain();
  look.resolve(true);
  const { status, response } = await probe;
  assertEquals([status, response.headers.get("retry-after")], [503, "5"]);
  assertEquals((await send("/health")).status, 200);
  await handler.close();
});

Deno.test("a server that cannot reach the API says when to ask again", async () => {
  const { handler, send, setReady } = open();
  setReady(Promise.resolve(false));
  const { status, response } = await send("/ready");
  assertEquals([status, response.headers.get("retry-after")], [503, "5"]);
  await handler.close();
});
