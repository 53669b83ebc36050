// What a wait knows of a send before it of which nobody knows whether it arrived.
import { assert, assertEquals } from "@std/assert";
import { createApi } from "../../src/api/client.ts";
import { createConnections } from "../../src/api/connections.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { httpClientOpener } from "../../src/runtime/deno.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createSimulator, type Habits } from "../../src/simulator/mod.ts";
import { createServices } from "../../src/tools/services.ts";
import { fastClock } from "../helpers/fast_clock.ts";
import { type Fault, FaultyServer } from "../helpers/faulty_server.ts";

const message = (text: string) =>
  ({ type: "user.message", content: [{ type: "text", text }] }) as const;

const response = (type: string, body: string) =>
  `HTTP/1.1 200 \r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

const FAULTS: readonly (readonly [string, Fault])[] = [
  ["text", { raw: response("text/plain", "OK") }],
  ["a page", { raw: response("text/html", "<html><title>Welcome</title></html>") }],
  ["cut JSON", { raw: response("application/json", '{"data":[{"type":"user.mess') }],
  ["a status 502", { raw: "HTTP/1.1 502 \r\ncontent-length: 0\r\n\r\n" }],
  ["an end", { moment: "after it is read", blow: "closed" }],
  ["a reset", { moment: "after it is read", blow: "reset" }],
];

async function play(
  fault: Fault,
  habits: Partial<Habits>,
  options: { readonly fits?: RegExp; readonly cancelled?: boolean } = {},
) {
  const clock = fastClock(10);
  const simulator = createSimulator({ clock, habits, seed: 1 });
  const server = await FaultyServer.start((request) => simulator.fetch(request));
  const connections = createConnections(httpClientOpener([]), clock);
  const api = createApi({
    baseUrl: server.url,
    credential: () => ({ kind: "api_key", value: "test-key" }),
    connections,
    clock,
  });
  const waiter = createWaiter({ api, clock, log: silentLogger });
  const { eventSender } = createServices({ api, waiter, clock, log: silentLogger });
  const sessionId = simulator.createSession({ agent: "quick" });
  const caller = new AbortController();
  const { signal } = new AbortController();
  const wait = () => waiter.wait({ sessionId, timeoutMs: 45_000, signal });
  try {
    await eventSender.send(sessionId, message("the old one"), signal);
    const first = await wait();
    assert(first.reply.includes("the old one"), JSON.stringify(first));
    server.strikeNext(({ method }) => method === "POST", fault);
    const sending = eventSender.send(sessionId, message("the new one"), caller.signal);
    if (options.cancelled) {
      const posts = () => server.requests.filter(({ method }) => method === "POST").length;
      while (posts() < 2) await clock.sleep(10);
      caller.abort(new Error("gone"));
    }
    const isLost = await sending.then(() => false, () => true);
    return { isLost, result: await wait() };
  } finally {
    waiter.close();
    connections.close();
    simulator.close();
    await server.close();
  }
}

for (const [name, fault] of FAULTS) {
  Deno.test(`a wait after a send that was answered by ${name} waits for it`, async () => {
    // The reads of the list for it are over before, unless this machine is slow: then they find it.
    const { result } = await play(fault, { listLagMs: 1_500 });
    assertEquals(result.status, "idle");
    assert(result.reply.includes("the new one"), result.reply);
  });
}

Deno.test("a wait after a send that was cancelled on its way waits for it", async () => {
  const fault = { moment: "after it is read", blow: "mute" } as const;
  const { isLost, result } = await play(fault, { listLagMs: 1_500 }, { cancelled: true });
  assert(isLost);
  assert(result.reply.includes("the new one"), result.reply);
});

Deno.test("a wait after a send that never arrived ends after some seconds", async () => {
  const fault = { moment: "before it is read", blow: "closed" } as const;
  const { isLost, result } = await play(fault, {});
  assert(isLost);
  assertEquals(result.status, "idle");
  assert(result.reply.includes("the old one"), result.reply);
});
