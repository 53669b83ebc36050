// A request whose body comes while the server is asked to end: nothing is begun for it, and its
// sender is told to try elsewhere.
import { assertEquals } from "@std/assert";
import { createServerFactory } from "../../../src/mcp/server.ts";
import { createHttpHandler } from "../../../src/http/handler.ts";
import { settle } from "../../helpers/manual_clock.ts";
import { openBridge, TOKEN } from "../../protocol/support.ts";

const encoder = new TextEncoder();

/** A call of a tool, half of whose body has come. */
function halfSent() {
  const app = openBridge();
  const { services, simulator } = app;
  const { clock, log } = services;
  const session_id = simulator.createSession();
  const ready = () => Promise.resolve(true);
  const factory = createServerFactory(services, { version: "1.2.3" });
  const handler = createHttpHandler(factory, { tokens: [TOKEN], ready, log, clock });
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "send_message", arguments: { session_id, text: "Hello" } },
  });
  const half = Math.floor(body.length / 2);
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(given) {
      controller = given;
      given.enqueue(encoder.encode(body.slice(0, half)));
    },
  });
  const answer = handler.fetch(
    new Request("http://localhost/mcp", {
      method: "POST",
      headers: {
        host: "localhost",
        authorization: `Bearer ${TOKEN}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: stream,
    }),
  );
  return {
    handler,
    answer: () => app.until(answer),
    finish() {
      controller?.enqueue(encoder.encode(body.slice(half)));
      controller?.close();
    },
    breakOff: () => controller?.error(new TypeError("connection reset")),
    sends: () => simulator.requests.filter(({ method }) => method === "POST").length,
    async close() {
      await handler.close();
      app.close();
    },
  };
}

Deno.test("a body that arrives whole while nothing ends is a call", async () => {
  const call = halfSent();
  await settle();
  call.finish();
  const response = await call.answer();
  await response.text();
  assertEquals([response.status, call.sends()], [200, 1]);
  await call.close();
});

for (const end of ["finish", "breakOff"] as const) {
  Deno.test(`a body that arrives across a drain begins nothing and gets 503: ${end}`, async () => {
    const call = halfSent();
    await settle();
    call.handler.drain();
    call[end]();
    const response = await call.answer();
    await response.body?.cancel();
    assertEquals([response.status, response.headers.get("retry-after")], [503, "5"]);
    assertEquals(call.sends(), 0);
    await call.close();
  });
}
