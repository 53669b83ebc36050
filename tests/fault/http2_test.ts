// A real server with the hosted API's bound of streams per connection, over real sockets.
import { assertEquals } from "@std/assert";
import type { ManagedAgentsApi } from "../../src/api/api.ts";
import { createApi } from "../../src/api/client.ts";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/log.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { serveTls } from "../helpers/tls_server.ts";

const MAX_STREAMS = 100;

interface Upstream {
  readonly simulator: Simulator;
  /** Everything over HTTP/2, streams included. */
  readonly overHttp2: ManagedAgentsApi;
  /** Streams on connections of their own, as the program does it. */
  readonly apart: ManagedAgentsApi;
  /** Resolves when so many streams are open at the server. */
  streamsReach(count: number): Promise<void>;
}

async function withUpstream(test: (upstream: Upstream) => Promise<void>): Promise<void> {
  const certificate = await makeCertificate();
  const simulator = createSimulator({ clock: systemClock });
  const watchers = new Set<() => void>();
  const handle = async (request: Request) => {
    const response = await simulator.fetch(request);
    for (const watch of watchers) watch();
    return response;
  };
  const server = await serveTls(handle, certificate, MAX_STREAMS);
  const caCerts = [certificate.cert];
  const http2 = Deno.createHttpClient({ caCerts });
  const http1 = Deno.createHttpClient({ caCerts, http1: true, http2: false });
  const apiOver = (streamClient: Deno.HttpClient) =>
    createApi({
      baseUrl: server.url,
      credential: () => ({ kind: "api_key", value: "test-key" }),
      fetch: (request) => fetch(request, { client: http2 }),
      streamFetch: (request) => fetch(request, { client: streamClient }),
      clock: systemClock,
    });
  const streamsReach = (count: number) =>
    new Promise<void>((resolve) => {
      const watch = () => {
        if (simulator.openStreams() < count) return;
        watchers.delete(watch);
        resolve();
      };
      watchers.add(watch);
      watch();
    });
  try {
    await test({ simulator, overHttp2: apiOver(http2), apart: apiOver(http1), streamsReach });
  } finally {
    http2.close();
    http1.close();
    simulator.close();
    await server.close();
  }
}

function begin(simulator: Simulator): string {
  const sessionId = simulator.createSession({ scripted: false });
  simulator.emit(sessionId, { type: "user.message", content: [{ type: "text", text: "go" }] });
  simulator.emit(sessionId, { type: "session.status_running" });
  return sessionId;
}

function finish(simulator: Simulator, sessionId: string): void {
  const content = [{ type: "text", text: `done ${sessionId}` }];
  simulator.emit(sessionId, { type: "agent.message", content });
  simulator.emit(sessionId, { type: "session.status_idle", stop_reason: { type: "end_turn" } });
}

Deno.test("over one HTTP/2 connection open streams block every other call: the server is as real", async () => {
  await withUpstream(async ({ simulator, overHttp2, apart, streamsReach }) => {
    const sessionId = begin(simulator);
    const opening = Array.from({ length: MAX_STREAMS }, () => overHttp2.events.stream(sessionId));
    const streams = await Promise.all(opening);
    await streamsReach(MAX_STREAMS);
    let answered = false;
    const call = overHttp2.sessions.retrieve(sessionId).then(() => answered = true);
    // Ten round trips on other connections are time enough for one.
    for (let i = 0; i < 10; i++) (await apart.events.stream(sessionId)).close();
    assertEquals(answered, false);
    streams.pop()?.close();
    assertEquals(await call, true);
    for (const stream of streams) stream.close();
  });
});

Deno.test("150 waits and a call beside them work where HTTP/2 allows 100 streams", async () => {
  await withUpstream(async ({ simulator, apart, streamsReach }) => {
    const waiter = createWaiter({ api: apart, clock: systemClock, log: silentLogger });
    const { signal } = new AbortController();
    const sessionIds = Array.from({ length: 150 }, () => begin(simulator));
    const waits = sessionIds.map((sessionId) =>
      waiter.wait({ sessionId, timeoutMs: 60_000, signal })
    );
    await streamsReach(150);
    const [first = ""] = sessionIds;
    assertEquals((await apart.sessions.retrieve(first)).id, first);
    for (const sessionId of sessionIds) finish(simulator, sessionId);
    const results = await Promise.all(waits);
    assertEquals(results.map(({ reply }) => reply), sessionIds.map((id) => `done ${id}`));
  });
});
