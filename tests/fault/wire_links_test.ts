// Many connections at once, and whole links that fail, over real sockets.
import { assert, assertEquals } from "@std/assert";
import { createApi } from "../../src/api/client.ts";
import { createConnections } from "../../src/api/connections.ts";
import type { RequestInfo } from "../../src/api/http.ts";
import { httpClientOpener } from "../../src/runtime/deno.ts";
import { ApiError } from "../../src/api/errors.ts";
import { systemClock } from "../../src/core/clock.ts";
import { fastClock } from "../helpers/fast_clock.ts";
import type { WireRequest } from "../helpers/faulty_server.ts";
import { Relay } from "../helpers/relay.ts";
import { until } from "../helpers/until.ts";
import { UpstreamProcess } from "../helpers/upstream_process.ts";
import { nextCall, outcomeOf, WireRig } from "./wire_cases.ts";

const OTHERS = 20;

const isPost = ({ method }: WireRequest) => method === "POST";

function send({ api, sessionId }: WireRig, text: string): Promise<unknown> {
  const content = [{ type: "text" as const, text }];
  return api.events.send(sessionId, [{ type: "user.message", content }]);
}

for (const blow of ["closed", "reset", "half-closed"] as const) {
  Deno.test(`a connection that is ${blow} does not affect ${OTHERS} others`, async () => {
    const rig = await WireRig.start("tls", 2);
    const { server } = rig;
    const gate = Promise.withResolvers<void>();
    server.gate = gate.promise;
    const reads = Array.from({ length: OTHERS / 2 }, () => rig.api.agents.list({}));
    const writes = Array.from({ length: OTHERS / 2 }, (_, index) => send(rig, `${index}`));
    await until(() => server.open("request") === OTHERS);
    // The one more that is struck.
    server.strikeNext(isPost, { moment: "before it is read", blow });
    assertEquals(await outcomeOf(rig, send(rig, "struck")), "connection_lost");
    gate.resolve();
    const outcomes = await Promise.all([...reads, ...writes].map((call) => outcomeOf(rig, call)));
    assertEquals(outcomes.filter((outcome) => outcome !== "ok"), []);
    assertEquals(server.requests.filter(isPost).length, OTHERS / 2 + 1);
    assertEquals(server.requests.length, OTHERS + 1);
    assertEquals(await nextCall(rig), "at once");
    await rig.close();
  });
}

Deno.test("a read that times out drops idle connections, and the other reads go on", async () => {
  const rig = await WireRig.start("tls", 5);
  const { server, clock } = rig;
  server.strikeNext(({ method }) => method === "GET", { moment: "after it is read", blow: "mute" });
  const struck = outcomeOf(rig, rig.api.agents.list({}));
  await clock.sleep(5_000);
  const gate = Promise.withResolvers<void>();
  server.gate = gate.promise;
  const before = server.requests.length;
  const others = Array.from({ length: OTHERS }, () => rig.api.environments.list({}));
  // The struck one comes again on a fresh connection: by then what was kept has been dropped.
  await until(() => server.requests.length === before + OTHERS + 1);
  gate.resolve();
  const outcomes = await Promise.all([struck, ...others.map((call) => outcomeOf(rig, call))]);
  assertEquals(outcomes.filter((outcome) => outcome !== "ok"), []);
  assertEquals(server.requests.length, before + OTHERS + 1);
  assertEquals(await nextCall(rig), "at once");
  await rig.close();
});

Deno.test("no call fails when a server closes each connection after its response without saying so", async () => {
  const rig = await WireRig.start("plain", 2);
  const body = `{"data":[]}`;
  const raw = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  rig.server.faultOf = () => ({ raw });
  for (let i = 0; i < 50; i++) {
    assertEquals(
      await outcomeOf(rig, rig.api.events.list(rig.sessionId, {}, { retry: false })),
      "ok",
    );
    assertEquals(await outcomeOf(rig, send(rig, "x")), "ok");
  }
  assertEquals(rig.server.requests.filter(isPost).length, 50);
  await rig.close();
});

Deno.test("a request reaches the other address of a name when one refuses, once", async () => {
  const rig = await WireRig.start("plain", 2);
  const { clock } = rig;
  const connections = createConnections(httpClientOpener(), clock);
  const api = createApi({
    baseUrl: rig.server.url.replace("127.0.0.1", "localhost"),
    credential: () => ({ kind: "api_key", value: "test-key" }),
    connections,
    clock,
  });
  assert((await api.agents.list({})).data.length > 0);
  await send({ ...rig, api } as WireRig, "hello");
  assertEquals(rig.server.requests.filter(isPost).length, 1);
  connections.close();
  await rig.close();
});

/** The program's client at a server with HTTP/2 in a process of its own, by way of a relay. */
async function behindRelay(
  test: (parts: {
    readonly api: ReturnType<typeof createApi>;
    readonly relay: Relay;
    readonly upstream: UpstreamProcess;
    readonly clock: ReturnType<typeof fastClock>;
    readonly attempts: RequestInfo[];
  }) => Promise<void>,
): Promise<void> {
  const upstream = await UpstreamProcess.start();
  const relay = await Relay.start(Number(new URL(upstream.address.tlsUrl).port));
  const clock = fastClock(5);
  // By a clock that stands while the process is held up, the machine would seem to have slept: then
  // connections are dropped for that, and not for what is tested.
  const connections = createConnections(httpClientOpener([upstream.address.cert]), systemClock);
  const attempts: RequestInfo[] = [];
  const api = createApi({
    baseUrl: `https://127.0.0.1:${relay.port}`,
    credential: () => ({ kind: "api_key", value: "test-key" }),
    connections,
    clock,
    observe: (info) => attempts.push(info),
  });
  try {
    await test({ api, relay, upstream, clock, attempts });
  } finally {
    connections.close();
    await relay.close();
    await upstream.close();
  }
}

Deno.test("with a server of HTTP/2, a connection that stops responding delays one call only", async () => {
  await behindRelay(async ({ api, relay, upstream, clock, attempts }) => {
    const [sessionId = ""] = await upstream.begin(1);
    const stream = await api.events.stream(sessionId);
    let broke: unknown;
    const following = (async () => {
      for await (const _ of stream) { /* heartbeats */ }
    })().catch((error) => broke = error);
    await api.agents.list({});
    for (const link of relay.links) link.strike("mute");
    attempts.length = 0;
    const startedAt = clock.now();
    assert((await api.agents.list({})).data.length > 0);
    assert(clock.now() - startedAt >= 10_000);
    assertEquals(attempts.length, 2);
    for (let i = 0; i < 3; i++) await api.agents.list({});
    assertEquals(attempts.length, 5);
    // The stream, silent as well, is found dead, though nothing here bounds its silence.
    await until(() => broke !== undefined);
    await following;
    assertEquals(broke instanceof ApiError && broke.kind, "connection_lost");
  });
});

Deno.test("with a server of HTTP/2, simultaneous calls on a connection that stops responding all succeed", async () => {
  await behindRelay(async ({ api, relay }) => {
    await Promise.all(Array.from({ length: 12 }, () => api.agents.list({})));
    for (const link of relay.links) link.strike("mute");
    const pages = await Promise.all(Array.from({ length: OTHERS }, () => api.agents.list({})));
    assertEquals(pages.filter(({ data }) => data.length === 0), []);
  });
});
