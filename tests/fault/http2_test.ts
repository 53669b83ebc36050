// A real server with the hosted API's bound of streams per connection, over real sockets. It runs
// in a process of its own: the runtime's HTTP/2 server may abort when a client drops its streams.
import { assertEquals } from "@std/assert";
import type { ManagedAgentsApi } from "../../src/api/types.ts";
import { type ApiOptions, createApi } from "../../src/api/client.ts";
import { createConnections } from "../../src/api/connections.ts";
import { httpClientOpener } from "../../src/runtime/deno.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { steadyClock } from "../helpers/fast_clock.ts";
import { UpstreamProcess } from "../helpers/upstream_process.ts";

const MAX_STREAMS = 100;

interface Clients {
  readonly upstream: UpstreamProcess;
  readonly clock: Clock;
  /** Everything over HTTP/2, streams included. */
  readonly together: ManagedAgentsApi;
  /** On connections as the program has them. */
  readonly apart: ManagedAgentsApi;
}

async function withUpstream(test: (clients: Clients) => Promise<void>): Promise<void> {
  const upstream = await UpstreamProcess.start();
  const caCerts = [upstream.address.cert];
  const http2 = Deno.createHttpClient({ caCerts });
  const clock = steadyClock();
  // By a clock that stands while the process is held up, the machine would seem to have slept.
  const connections = createConnections(httpClientOpener(caCerts), systemClock);
  const apiOver = (way: Pick<ApiOptions, "connections" | "fetch">) =>
    createApi({
      baseUrl: upstream.address.tlsUrl,
      credential: () => ({ kind: "api_key", value: "test-key" }),
      clock,
      ...way,
    });
  const together = apiOver({ fetch: (request) => fetch(request, { client: http2 }) });
  try {
    await test({ upstream, clock, together, apart: apiOver({ connections }) });
  } finally {
    await upstream.close();
    http2.close();
    connections.close();
  }
}

Deno.test("the test server blocks calls behind open streams on one HTTP/2 connection, as real ones do", async () => {
  await withUpstream(async ({ upstream, together, apart }) => {
    const [sessionId = ""] = await upstream.begin(1);
    const opening = Array.from({ length: MAX_STREAMS }, () => together.events.stream(sessionId));
    const streams = await Promise.all(opening);
    await upstream.streamsAre(MAX_STREAMS);
    let answered = false;
    const call = together.sessions.retrieve(sessionId).then(() => answered = true);
    // Ten round trips on other connections are time enough for one.
    for (let i = 0; i < 10; i++) (await apart.events.stream(sessionId)).close();
    assertEquals(answered, false);
    streams.pop()?.close();
    assertEquals(await call, true);
    for (const stream of streams) stream.close();
  });
});

Deno.test("150 waits and a call beside them work where HTTP/2 allows 100 streams", async () => {
  await withUpstream(async ({ upstream, apart, clock }) => {
    const waiter = createWaiter({ api: apart, clock, log: silentLogger });
    const { signal } = new AbortController();
    const sessionIds = await upstream.begin(150);
    const waits = sessionIds.map((sessionId) =>
      waiter.wait({ sessionId, timeoutMs: 60_000, signal })
    );
    await upstream.streamsAre(150);
    const [first = ""] = sessionIds;
    assertEquals((await apart.sessions.retrieve(first)).id, first);
    await upstream.finish(sessionIds);
    const results = await Promise.all(waits);
    assertEquals(results.filter(({ status }) => status !== "idle"), []);
    await upstream.streamsAre(0);
  });
});
