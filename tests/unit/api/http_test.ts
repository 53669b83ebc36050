import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { CallOptions, ManagedAgentsApi } from "../../../src/api/types.ts";
import { timeoutOf } from "../../../src/api/http.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { UsageError } from "../../../src/core/errors.ts";
import { DeadlineError } from "../../../src/core/abort.ts";
import { settle } from "../../helpers/manual_clock.ts";
import {
  countingSignal,
  failure,
  hang,
  json,
  refused,
  setup,
  status,
  type Step,
  TestBody,
} from "./support.ts";

const PAGE = json({ data: [] });

const CALLS: readonly [string, (api: ManagedAgentsApi, o?: CallOptions) => Promise<unknown>][] = [
  ["agents.list()", (api, o) => api.agents.list({}, o)],
  ["agents.retrieve()", (api, o) => api.agents.retrieve("agent_1", {}, o)],
  ["environments.list()", (api, o) => api.environments.list({}, o)],
  ["sessions.create()", (api, o) => api.sessions.create({ agent: "a", environmentId: "e" }, o)],
  ["sessions.retrieve()", (api, o) => api.sessions.retrieve("sesn_1", o)],
  ["sessions.list()", (api, o) => api.sessions.list({}, o)],
  ["sessions.archive()", (api, o) => api.sessions.archive("sesn_1", o)],
  ["events.list()", (api, o) => api.events.list("sesn_1", {}, o)],
  ["events.send()", (api, o) => api.events.send("sesn_1", [{ type: "user.interrupt" }], o)],
  ["events.stream()", (api, o) => api.events.stream("sesn_1", o)],
];

/** Sent once more when they are met with silence. */
const READS = [
  "agents.list()",
  "agents.retrieve()",
  "environments.list()",
  "sessions.retrieve()",
  "sessions.list()",
  "events.list()",
];

for (const [name, call] of CALLS) {
  Deno.test(`${name} fails when its time is up, though fetch never settles`, async () => {
    const { api, clock, requests } = setup([hang]);
    const startedAt = clock.now();
    const error = await assertRejects(
      () => clock.runUntil(call(api, { timeoutMs: 2_500 })),
      ApiError,
      "No answer from https://api.test within 2.5 s",
    );
    assertEquals([error.kind, error.status], ["timeout", undefined]);
    assertEquals([clock.now() - startedAt, clock.pendingTimers], [2_500, 0]);
    assertEquals(requests[0]?.signal.aborted, true);
  });

  const isRead = READS.includes(name);
  Deno.test(`${name} has ${isRead ? "10 seconds twice" : "30 seconds"} by default`, async () => {
    const { api, clock, requests } = setup(isRead ? [hang, hang] : [hang]);
    const startedAt = clock.now();
    const words = isRead ? "within 10 s, twice" : "within 30 s";
    const error = await assertRejects(() => clock.runUntil(call(api)), ApiError, words);
    assertEquals(error.kind, "timeout");
    assertEquals(clock.now() - startedAt, isRead ? 20_000 : 30_000);
    assertEquals([requests.length, clock.pendingTimers], [isRead ? 2 : 1, 0]);
  });

  Deno.test(`${name} rejects with the caller's reason as soon as it aborts`, async () => {
    const { signal, controller, listeners } = countingSignal();
    const { api, clock, requests } = setup([hang]);
    const pending = call(api, { signal });
    pending.catch(() => {});
    await settle();
    const reason = new Error("not needed any more");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => pending, Error), reason);
    assertEquals([clock.pendingTimers, listeners()], [0, 0]);
    assertEquals(requests[0]?.signal.aborted, true);
  });

  Deno.test(`${name} sends nothing for a signal that is aborted already`, async () => {
    const { api, clock, requests } = setup([]);
    const reason = new Error("too late");
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await assertRejects(() => call(api, { signal }), Error), reason);
    assertEquals([requests.length, clock.pendingTimers], [0, 0]);
  });
}

Deno.test("a call that succeeds leaves no timer and no listener", async () => {
  const { signal, listeners } = countingSignal();
  const { api, clock } = setup([PAGE]);
  await api.agents.list({}, { signal });
  assertEquals([clock.pendingTimers, listeners()], [0, 0]);
});

Deno.test("a call that fails leaves no timer and no listener", async () => {
  for (const step of [refused, failure(404, "not_found_error"), json(1)] as const) {
    const { signal, listeners } = countingSignal();
    const { api, clock } = setup([step, refused, refused]);
    const call = api.agents.list({}, { signal });
    await assertRejects(() => clock.runUntil(call), ApiError);
    assertEquals([clock.pendingTimers, listeners()], [0, 0]);
  }
});

Deno.test("the deadline covers a body that hangs, which is then dropped", async () => {
  const body = new TestBody(`{"data":[`);
  const { api, clock } = setup([body.respond()]);
  const call = api.agents.list({}, { timeoutMs: 1_000 });
  const error = await assertRejects(() => clock.runUntil(call), ApiError);
  assertEquals([error.kind, body.cancelled], ["timeout", true]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("an abort ends the reading of a body at once", async () => {
  const { signal, controller, listeners } = countingSignal();
  const body = new TestBody(`{"data":[`);
  const { api, clock } = setup([body.respond()]);
  const call = api.agents.list({}, { signal });
  call.catch(() => {});
  await settle();
  controller.abort(new Error("stop"));
  await assertRejects(() => call, Error, "stop");
  assertEquals([body.cancelled, listeners()], [true, 0]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("the deadline covers every try and pause together", async () => {
  const slow: Step = async (request) => {
    await clock.sleep(900);
    return await status(503)(request);
  };
  const { api, clock, requests } = setup([slow, hang]);
  const startedAt = clock.now();
  const call = api.agents.list({}, { timeoutMs: 2_000 });
  const error = await assertRejects(() => clock.runUntil(call), ApiError);
  assertEquals([error.kind, requests.length], ["timeout", 2]);
  assertEquals([clock.now() - startedAt, clock.pendingTimers], [2_000, 0]);
});

Deno.test("the deadline covers a credential source that hangs", async () => {
  const { api, clock, requests } = setup([], { credential: () => new Promise(() => {}) });
  const call = api.agents.list({}, { timeoutMs: 1_000 });
  assertEquals((await assertRejects(() => clock.runUntil(call), ApiError)).kind, "timeout");
  assertEquals([requests.length, clock.pendingTimers], [0, 0]);
});

Deno.test("a caller's deadline is the caller's reason, not a time-out of ours", async () => {
  const controller = new AbortController();
  const { api } = setup([hang]);
  const call = api.agents.list({}, { signal: controller.signal });
  call.catch(() => {});
  await settle();
  const reason = new DeadlineError("the wait is over");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => call, DeadlineError), reason);
});

Deno.test("an error status is told even when its text hangs until the deadline", async () => {
  const body = new TestBody(`{"error":`);
  const { api, clock } = setup([body.respond({ status: 400, headers: { "request-id": "req_7" } })]);
  const call = api.events.send("sesn_1", [{ type: "user.interrupt" }], { timeoutMs: 500 });
  const error = await assertRejects(() => clock.runUntil(call), ApiError);
  assertEquals([error.kind, error.status, error.requestId], ["http", 400, "req_7"]);
  assertEquals([body.cancelled, clock.pendingTimers], [true, 0]);
});

Deno.test("an error status is told even when its text breaks off or never ends", async () => {
  const breaking = new TestBody();
  breaking.break();
  const endless = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
      }),
      { status: 404 },
    );
  for (const step of [breaking.respond({ status: 404 }), endless]) {
    const { api } = setup([step]);
    const error = await assertRejects(() => api.sessions.retrieve("sesn_1"), ApiError);
    assertEquals([error.kind, error.status], ["http", 404]);
  }
});

Deno.test("an answer that arrives after the abort is dropped", async () => {
  const controller = new AbortController();
  const body = new TestBody("{}");
  const late = Promise.withResolvers<Response>();
  const { api } = setup([() => late.promise]);
  const call = api.agents.list({}, { signal: controller.signal });
  call.catch(() => {});
  await settle();
  controller.abort(new Error("stop"));
  await assertRejects(() => call, Error, "stop");
  late.resolve(new Response(body.stream));
  await settle();
  assertEquals(body.cancelled, true);
});

Deno.test("answers larger than the bound are refused, without reading on", async () => {
  const body = new TestBody("[", "1,".repeat(40), "1]");
  const { api, clock } = setup([body.respond({ headers: { "request-id": "req_1" } })], {
    maxBodyBytes: 50,
  });
  const error = await assertRejects(() => api.agents.list({}), ApiError, "too large");
  assertEquals([error.kind, error.status, error.requestId], ["decode", 200, "req_1"]);
  assertEquals([body.cancelled, clock.pendingTimers], [true, 0]);
});

Deno.test("the bound is inclusive and counts bytes", async () => {
  const text = `{"data":[],"x":"é"}`;
  const bytes = new TextEncoder().encode(text).length;
  const step: Step = () => new Response(text);
  await setup([step], { maxBodyBytes: bytes }).api.agents.list({});
  const tight = setup([step], { maxBodyBytes: bytes - 1 });
  await assertRejects(() => tight.api.agents.list({}), ApiError, "too large");
});

Deno.test("text split inside a character is put together again", async () => {
  const bytes = new TextEncoder().encode(`{"data":[{"id":"a","name":"é—🙂"}]}`);
  const chunks = Array.from(bytes, (byte) => Uint8Array.of(byte));
  const body = new TestBody(...chunks);
  body.end();
  const { api } = setup([body.respond()]);
  assertEquals((await api.agents.list({})).data[0]?.name, "é—🙂");
});

Deno.test("every attempt is observed with its status and duration", async () => {
  const slow: Step = async (request) => {
    await clock.sleep(40);
    return await PAGE(request);
  };
  const { api, clock, infos } = setup([refused, status(503), slow]);
  await clock.runUntil(api.agents.list({ page: "private" }));
  const shared = { method: "GET", path: "/v1/agents" };
  assertEquals(infos.map(({ headers: _, ...info }) => info), [
    { ...shared, status: undefined, ms: 0, attempt: 0 },
    { ...shared, status: 503, ms: 0, attempt: 1 },
    { ...shared, status: 200, ms: 40, attempt: 2 },
  ]);
  assertEquals(infos.map(({ headers }) => headers?.get("content-type") ?? undefined), [
    undefined,
    undefined,
    "application/json",
  ]);
});

Deno.test("timeoutOf() stays within what timers can take", () => {
  assertEquals(timeoutOf(undefined), 30_000);
  assertEquals(timeoutOf({ timeoutMs: 0 }), 0);
  for (const timeoutMs of [Infinity, 2 ** 40]) {
    assertEquals(timeoutOf({ timeoutMs }), 2_147_483_647);
  }
});

Deno.test("a timeout longer than timers can take does not fire at once", async () => {
  for (const timeoutMs of [Infinity, 2 ** 40]) {
    const { api, clock } = setup([hang]);
    const controller = new AbortController();
    const call = api.sessions.archive("sesn_1", { timeoutMs, signal: controller.signal });
    call.catch(() => {});
    await clock.advance(3_600_000);
    assertEquals(clock.pendingTimers, 1);
    controller.abort(new UsageError("end of test"));
    await assertRejects(() => call, UsageError);
  }
});
