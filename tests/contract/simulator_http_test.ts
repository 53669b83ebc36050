// The simulator behind a real HTTP server on loopback, as people run it who build against the API.
import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { assertEquals, assertRejects } from "@std/assert";
import { ManualClock } from "../helpers/manual_clock.ts";
import { until } from "../helpers/until.ts";
import { createSimulator, type Simulator } from "../../src/simulator/mod.ts";
import { collect, userMessage } from "./simulator_client.ts";

interface Served {
  readonly client: Anthropic;
  readonly clock: ManualClock;
  readonly simulator: Simulator;
}

/** Runs `use` against a served simulator, then takes everything down. */
async function served(use: (bench: Served) => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  const simulator = createSimulator({ clock, seed: 3 });
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    onError: () => new Response(null, { status: 500 }),
  }, (request) => simulator.fetch(request));
  const http = Deno.createHttpClient({});
  const baseURL = `http://127.0.0.1:${server.addr.port}`;
  const client = new Anthropic({
    apiKey: "test-key",
    baseURL,
    maxRetries: 0,
    fetch: (input, init) => fetch(new Request(input, init), { client: http }),
  });
  try {
    await use({ client, clock, simulator });
  } finally {
    simulator.close();
    await server.shutdown();
    http.close();
  }
  assertEquals(clock.pendingTimers, 0);
}

Deno.test("a turn runs over HTTP: create, stream, send, reply, idle", async () => {
  await served(async ({ client: { beta: { sessions } }, clock, simulator }) => {
    const { id } = await sessions.create({
      agent: simulator.agentId("quick"),
      environment_id: simulator.environmentId,
    });
    const stream = await sessions.events.stream(id);
    await sessions.events.send(id, { events: [userMessage("Hello")] });
    await clock.advance(2_000);
    const types: string[] = [];
    for await (const event of stream) {
      types.push(event.type);
      if (event.type === "session.status_idle") break;
    }
    assertEquals(types.slice(0, 3), ["user.message", "user.message", "session.status_running"]);
    assertEquals(types.includes("agent.message"), true);
    await until(() => simulator.openStreams() === 0);
  });
});

Deno.test("a client that goes away frees its stream", async () => {
  await served(async ({ client: { beta: { sessions } }, simulator }) => {
    const id = simulator.createSession();
    const stream = await sessions.events.stream(id);
    const items = collect(stream);
    await until(() => simulator.openStreams() === 1);
    stream.controller.abort();
    await items;
    await until(() => simulator.openStreams() === 0);
  });
});

Deno.test("a stream that drops breaks for an HTTP client too", async () => {
  await served(async ({ client: { beta: { sessions } }, simulator }) => {
    const id = simulator.createSession();
    simulator.faults.add({ times: 1, fault: { kind: "drop_after", events: 1 } });
    const stream = await sessions.events.stream(id);
    simulator.emit(id, { type: "session.status_running" });
    const seen: string[] = [];
    await assertRejects(async () => {
      for await (const event of stream) seen.push(event.type);
    });
    assertEquals(seen, ["session.status_running"]);
  });
});

Deno.test("errors keep their envelope and request id over HTTP", async () => {
  await served(async ({ client: { beta } }) => {
    const error = await assertRejects(
      async () => void await beta.sessions.retrieve("sesn_x"),
      APIError,
    );
    assertEquals([error.status, error.type], [404, "not_found_error"]);
    assertEquals(error.requestID?.startsWith("req_"), true);
  });
});

Deno.test("many sessions stream side by side over HTTP", async () => {
  await served(async ({ client: { beta: { sessions } }, clock, simulator }) => {
    const ids = Array.from({ length: 20 }, () => simulator.createSession());
    const streams = await Promise.all(ids.map((id) => sessions.events.stream(id)));
    await Promise.all(
      ids.map((id) => sessions.events.send(id, { events: [userMessage(`for ${id}`)] })),
    );
    await clock.advance(2_000);
    simulator.close();
    for (const [index, stream] of streams.entries()) {
      const events = await collect(stream);
      assertEquals(events.at(-1)?.type, "session.status_idle");
      assertEquals(JSON.stringify(events).includes(`for ${ids[index]}`), true);
    }
  });
});
