// Reads of a new session that reach a replica which does not know it yet.
import { assertEquals, assertRejects } from "@std/assert";
import { createApi } from "../../src/api/client.ts";
import { createConnections } from "../../src/api/connections.ts";
import { httpClientOpener } from "../../src/runtime/deno.ts";
import { ApiError } from "../../src/api/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { createWaiter } from "../../src/session/waiter.ts";
import { createSimulator } from "../../src/simulator/mod.ts";
import { fastClock } from "../helpers/fast_clock.ts";
import { FaultyServer } from "../helpers/faulty_server.ts";

const BODY = JSON.stringify({
  type: "error",
  error: { type: "not_found_error", message: "Session not found." },
});
const NOT_FOUND =
  `HTTP/1.1 404 \r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}` +
  `\r\n\r\n${BODY}`;

async function withSession(
  test: (parts: {
    wait: () => ReturnType<ReturnType<typeof createWaiter>["wait"]>;
    clock: ReturnType<typeof fastClock>;
    hide: (requests: number) => void;
  }) => Promise<void>,
): Promise<void> {
  const clock = fastClock(2);
  const simulator = createSimulator({ clock, seed: 1 });
  const server = await FaultyServer.start((request) => simulator.fetch(request));
  const connections = createConnections(httpClientOpener([]), clock);
  const api = createApi({
    baseUrl: server.url,
    credential: () => ({ kind: "api_key", value: "test-key" }),
    connections,
    clock,
  });
  const waiter = createWaiter({ api, clock, log: silentLogger });
  const environmentId = (await api.environments.list({})).data[0]?.id ?? "";
  const params = { agent: simulator.agentId("quick"), environmentId, message: "Hello" };
  const { id: sessionId } = await api.sessions.create(params);
  const { signal } = new AbortController();
  try {
    await test({
      wait: () => waiter.wait({ sessionId, timeoutMs: 45_000, signal }),
      clock,
      hide: (requests) => {
        let left = requests;
        server.faultOf = () => left-- > 0 ? { raw: NOT_FOUND } : undefined;
      },
    });
  } finally {
    waiter.close();
    connections.close();
    simulator.close();
    await server.close();
  }
}

Deno.test("a wait on a new session continues when a replica answers 404", async () => {
  await withSession(async ({ wait, hide }) => {
    hide(3);
    const { status, reply } = await wait();
    assertEquals([status, reply.includes("Hello")], ["idle", true]);
  });
});

Deno.test("a wait on an older session ends when a replica answers 404", async () => {
  await withSession(async ({ wait, hide, clock }) => {
    await clock.sleep(10_500);
    hide(Infinity);
    const error = await assertRejects(wait, ApiError);
    assertEquals(error.isNotFound, true);
  });
});
