import { assertEquals, assertRejects } from "@std/assert";
import type { FetchLike, ManagedAgentsApi, StreamItem } from "../../../src/api/types.ts";
import { createApi } from "../../../src/api/client.ts";
import { type Connections, createConnections } from "../../../src/api/connections.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";
import { broken, failure, hang, json, KEY, type Step, TestBody } from "./support.ts";

const PAGE = json({ data: [] });

/** A client that was opened, and what it carried. */
interface Opened {
  readonly maxIdle: number;
  readonly paths: string[];
  closed: boolean;
}

interface Opening {
  readonly connections: Connections;
  readonly opened: Opened[];
}

function recordedConnections(fetch: FetchLike, clock: ManualClock): Opening {
  const opened: Opened[] = [];
  const connections = createConnections(({ maxIdle }) => {
    const client: Opened = { maxIdle, paths: [], closed: false };
    opened.push(client);
    return {
      fetch: (url, init) => {
        client.paths.push(`${init.method} ${new URL(url).pathname}`);
        return fetch(new Request(url, init));
      },
      close: () => client.closed = true,
    };
  }, clock);
  return { connections, opened };
}

interface Rig extends Opening {
  readonly api: ManagedAgentsApi;
  readonly clock: ManualClock;
  readonly count: () => number;
}

/** An API over clients that are watched; requests are answered by `steps`, in order. */
function rig(...steps: Step[]): Rig {
  const clock = new ManualClock();
  let count = 0;
  const opening = recordedConnections(async (request) => {
    const step = steps[count++];
    if (!step) throw new Error(`The test expects no request ${count}`);
    return await step(request);
  }, clock);
  const api = createApi({
    baseUrl: "https://api.test",
    credential: () => ({ kind: "api_key", value: KEY }),
    connections: opening.connections,
    clock,
    random: () => 1,
  });
  return { ...opening, api, clock, count: () => count };
}

const list = (api: ManagedAgentsApi) => api.agents.list({});
const interrupt = (api: ManagedAgentsApi) =>
  api.events.send("sesn_1", [{ type: "user.interrupt" }]);

Deno.test("createConnections() opens a client with the first request, and reads share it", async () => {
  const { api, opened } = rig(PAGE, PAGE);
  assertEquals(opened.length, 0);
  await list(api);
  await list(api);
  assertEquals(opened.map(({ paths }) => paths.length), [2]);
});

Deno.test("writes and streams go through a client that keeps no connection", async () => {
  const session = { id: "s", status: "idle" };
  const body = new TestBody();
  const { api, opened } = rig(PAGE, PAGE, json(session), json(session), body.respondAsStream());
  await list(api);
  await interrupt(api);
  await api.sessions.create({ agent: "a", environmentId: "e" });
  await api.sessions.archive("s");
  (await api.events.stream("s")).close();
  assertEquals(opened.map(({ maxIdle, paths }) => [maxIdle, paths]), [
    [32, ["GET /v1/agents"]],
    [0, [
      "POST /v1/sessions/sesn_1/events",
      "POST /v1/sessions",
      "POST /v1/sessions/s/archive",
      "GET /v1/sessions/s/events/stream",
    ]],
  ]);
});

Deno.test("a read that gets no response goes out once more, through a new client", async () => {
  const { api, clock, opened } = rig(PAGE, hang, PAGE);
  await list(api);
  const startedAt = clock.now();
  assertEquals((await clock.runUntil(list(api))).data, []);
  assertEquals(clock.now() - startedAt, 10_000);
  assertEquals(opened.map(({ paths, closed }) => [paths.length, closed]), [[2, true], [1, false]]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a body that stops counts like a response that does not begin", async () => {
  const drip = new TestBody(`{"data"`);
  const { api, clock, opened } = rig(PAGE, drip.respond(), PAGE);
  await list(api);
  const reading = list(api);
  // Nine seconds are no silence yet.
  await clock.advance(9_000);
  drip.push(":");
  await clock.advance(9_000);
  drip.push("[");
  await clock.advance(9_999);
  assertEquals([opened.length, drip.cancelled], [1, false]);
  assertEquals((await clock.runUntil(reading)).data, []);
  assertEquals([opened.length, drip.cancelled, clock.pendingTimers], [2, true, 0]);
});

Deno.test("a read whose caller does its own retrying is sent once more after silence", async () => {
  const { api, clock, count } = rig(hang, hang);
  const reading = api.events.list("s", {}, { retry: false });
  const error = await assertRejects(() => clock.runUntil(reading), ApiError, "10 s, twice");
  assertEquals([error.kind, count(), clock.pendingTimers], ["timeout", 2, 0]);
});

Deno.test("a read that breaks on a connection used before is sent once more at once", async () => {
  const { api, clock, opened } = rig(PAGE, broken, PAGE);
  await list(api);
  const startedAt = clock.now();
  assertEquals((await api.events.list("s", {}, { retry: false })).data, []);
  assertEquals([clock.now() - startedAt, opened.length], [0, 2]);
});

Deno.test("a read that breaks on a fresh connection is left to the retries", async () => {
  const { api, count } = rig(broken);
  const reading = api.events.list("s", {}, { retry: false });
  assertEquals((await assertRejects(() => reading, ApiError)).kind, "connection_lost");
  assertEquals(count(), 1);
});

Deno.test("a request that fails late does not drop newer connections", async () => {
  const { api, clock, opened } = rig(PAGE, hang, hang, PAGE, PAGE, PAGE);
  await list(api);
  const early = list(api);
  await clock.advance(5_000);
  const late = list(api);
  await clock.runUntil(early);
  await clock.runUntil(late);
  await list(api);
  assertEquals(opened.map(({ closed }) => closed), [true, false]);
});

const FAILED_WRITES: readonly [string, Step, boolean][] = [
  ["that times out", hang, true],
  ["that breaks", broken, true],
  ["that is refused", failure(400, "invalid_request_error"), false],
  ["that fails inside", failure(500, "api_error"), false],
];

for (const [how, step, drops] of FAILED_WRITES) {
  Deno.test(`a write ${how} is not repeated, and ${drops ? "drops" : "keeps"} kept connections`, async () => {
    const { api, clock, opened, count } = rig(PAGE, step, PAGE);
    await list(api);
    await assertRejects(() => clock.runUntil(interrupt(api)), ApiError);
    assertEquals(count(), 2);
    await list(api);
    assertEquals(opened.map(({ closed }) => closed), drops ? [true, false, false] : [false, false]);
  });
}

Deno.test("an aborted read drops kept connections only after a silence", async () => {
  for (const [silentMs, opens] of [[2_000, 1], [3_000, 2]] as const) {
    const { api, clock, opened } = rig(PAGE, hang, PAGE);
    await list(api);
    const controller = new AbortController();
    const reading = api.agents.list({}, { signal: controller.signal });
    reading.catch(() => {});
    await clock.advance(silentMs);
    controller.abort(new Error("not needed"));
    await assertRejects(() => reading, Error, "not needed");
    await list(api);
    assertEquals([opened.length, clock.pendingTimers], [opens, 0]);
  }
});

/** Reads a stream's items until it ends or breaks. */
function follow(stream: AsyncIterable<StreamItem>) {
  const state = { items: 0, ended: undefined as unknown };
  (async () => {
    for await (const _ of stream) state.items++;
  })().then(() => state.ended = "in order", (error) => state.ended = error);
  return state;
}

Deno.test("a read that gets no response makes open streams prove that they are alive", async () => {
  const alive = new TestBody(": hello\n\n");
  const dead = new TestBody(": hello\n\n");
  const { api, clock } = rig(alive.respondAsStream(), dead.respondAsStream(), hang, PAGE);
  const [living, dying] = [
    follow(await api.events.stream("s")),
    follow(await api.events.stream("s")),
  ];
  await clock.advance(1_000);
  const reading = list(api);
  await clock.advance(10_000);
  await reading;
  alive.push(": beat\n\n");
  await clock.advance(8_999);
  assertEquals([living.ended, dying.ended], [undefined, undefined]);
  await clock.advance(1);
  assertEquals(living.ended, undefined);
  assertEquals(dying.ended instanceof ApiError && dying.ended.kind, "connection_lost");
  assertEquals([dead.cancelled, clock.pendingTimers], [true, 0]);
  // Proven once, it is left alone.
  await clock.advance(3_600_000);
  assertEquals(living.ended, undefined);
  alive.end();
  await settle();
  assertEquals(living.ended, "in order");
});

Deno.test("a stream that is given up after a silence drops kept connections", async () => {
  for (const [silentMs, opens] of [[19_999, 2], [20_000, 3]] as const) {
    const { api, clock, opened } = rig(PAGE, new TestBody(": hi\n\n").respondAsStream(), PAGE);
    await list(api);
    const stream = await api.events.stream("s");
    const following = follow(stream);
    await clock.advance(silentMs);
    stream.close();
    await settle();
    assertEquals(following.ended, "in order");
    await list(api);
    assertEquals([opened.length, clock.pendingTimers], [opens, 0]);
  }
});

Deno.test("a stream that breaks drops kept connections", async () => {
  const body = new TestBody();
  const { api, opened } = rig(PAGE, body.respondAsStream(), PAGE);
  await list(api);
  const following = follow(await api.events.stream("s"));
  body.break();
  await settle();
  assertEquals(following.ended instanceof ApiError, true);
  await list(api);
  assertEquals(opened.map(({ closed }) => closed), [true, false, false]);
});

Deno.test("close() closes every client", async () => {
  const { api, opened, connections } = rig(PAGE, PAGE);
  await list(api);
  await interrupt(api);
  connections.close();
  assertEquals(opened.map(({ closed }) => closed), [true, true]);
});

Deno.test("after the machine slept, no kept connection is used, and streams prove that they are alive", async () => {
  const body = new TestBody(": hello\n\n");
  const { api, clock, opened } = rig(PAGE, body.respondAsStream(), PAGE, PAGE);
  await list(api);
  const following = follow(await api.events.stream("s"));
  await clock.advance(1_000);
  clock.correct(3_600_000);
  await list(api);
  await list(api);
  assertEquals(opened.map(({ closed }) => closed), [true, false, false]);
  await clock.advance(20_000);
  assertEquals(following.ended instanceof ApiError, true);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a system clock that is corrected a little, or set back, drops nothing", async () => {
  const { api, clock, opened } = rig(PAGE, PAGE, PAGE);
  await list(api);
  for (const ms of [5_000, -3_600_000]) {
    clock.correct(ms);
    await list(api);
  }
  assertEquals(opened.length, 1);
});

/** Answers when told to. */
function heldSteps(count: number) {
  const gates = Array.from({ length: count }, () => Promise.withResolvers<void>());
  const steps = gates.map(({ promise }): Step => async (request) => {
    await promise;
    return await PAGE(request);
  });
  return { steps, release: (index: number) => gates[index]?.resolve() };
}

Deno.test("a hundred reads run at once, and the others follow in turn", async () => {
  const { steps, release } = heldSteps(103);
  const { api, count, clock } = rig(...steps);
  const ended: number[] = [];
  const reads = Array.from({ length: 102 }, (_, index) => list(api).then(() => ended.push(index)));
  await settle();
  assertEquals(count(), 100);
  // A write is not one of them, and does not wait.
  release(100);
  await interrupt(api);
  assertEquals(count(), 101);
  release(7);
  await settle();
  assertEquals([ended, count()], [[7], 102]);
  steps.forEach((_, index) => release(index));
  await Promise.all(reads);
  assertEquals([count(), clock.pendingTimers], [103, 0]);
});

Deno.test("a read that waits for its turn ends with its caller, and the next one comes", async () => {
  const { steps, release } = heldSteps(101);
  const { api, count, clock } = rig(...steps);
  const reads = Array.from({ length: 100 }, () => list(api));
  const controller = new AbortController();
  const waiting = api.agents.list({}, { signal: controller.signal });
  const last = list(api);
  await settle();
  controller.abort(new Error("not needed"));
  await assertRejects(() => waiting, Error, "not needed");
  assertEquals(count(), 100);
  steps.forEach((_, index) => release(index));
  await Promise.all([...reads, last]);
  assertEquals([count(), clock.pendingTimers], [101, 0]);
});

Deno.test("reads that wait go on as soon as dead connections are dropped", async () => {
  const { api, count, clock } = rig(
    ...Array.from({ length: 100 }, () => hang),
    ...Array.from({ length: 105 }, () => PAGE),
  );
  const reads = Array.from({ length: 100 }, () => list(api));
  await settle();
  await clock.advance(9_000);
  const waiting = Array.from({ length: 5 }, () => list(api));
  await settle();
  assertEquals(count(), 100);
  await clock.advance(1_000);
  await Promise.all([...reads, ...waiting]);
  assertEquals([count(), clock.pendingTimers], [205, 0]);
});
