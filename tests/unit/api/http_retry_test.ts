import { assertEquals, assertRejects } from "@std/assert";
import type { ManagedAgentsApi } from "../../../src/api/types.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { broken, failure, hang, json, refused, setup, status, type Step } from "./support.ts";

const PAGE = json({ data: [] });
const list = (api: ManagedAgentsApi) => api.agents.list({});

/** The pauses between requests, in milliseconds, of a call that `steps` answer. */
async function pausesOf(steps: readonly Step[], random = () => 1): Promise<number[]> {
  const times: number[] = [];
  const timed = steps.map((step): Step => (request) => {
    times.push(clock.now());
    return step(request);
  });
  const { api, clock } = setup(timed, { random });
  await clock.runUntil(list(api).catch(() => {}));
  assertEquals(clock.pendingTimers, 0);
  return times.slice(1).map((time, index) => Math.round(time - (times[index] ?? 0)));
}

const RETRIED: readonly [string, Step][] = [
  ["a refused connection", refused],
  ["a broken connection", broken],
  ["a 408", status(408)],
  ["a 409", failure(409, "conflict_error")],
  ["a 429", failure(429, "rate_limit_error")],
  ["a 500", failure(500, "api_error")],
  ["a 502 without envelope", status(502)],
  ["a 504", failure(504, "timeout_error")],
  ["a 529", failure(529, "overloaded_error")],
  ["an odd 400 that says to retry", status(400, { "x-should-retry": "true" })],
];

for (const [name, step] of RETRIED) {
  Deno.test(`a read is tried again after ${name}`, async () => {
    const { api, clock, requests, infos } = setup([step, step, PAGE]);
    assertEquals((await clock.runUntil(list(api))).data, []);
    assertEquals(requests.length, 3);
    assertEquals(infos.map(({ attempt }) => attempt), [0, 1, 2]);
    assertEquals(clock.pendingTimers, 0);
  });
}

const FINAL: readonly [string, Step][] = [
  ["a 400", failure(400, "invalid_request_error")],
  ["a 402", failure(402, "billing_error")],
  ["a 403", failure(403, "permission_error")],
  ["a 404", failure(404, "not_found_error")],
  ["a 413", failure(413, "request_too_large")],
  ["a redirect", status(302, { location: "https://x.test" })],
  ["a 500 that says not to retry", status(500, { "x-should-retry": "false" })],
  ["a 429 that says not to retry", status(429, { "x-should-retry": "false" })],
  ["an answer that is not JSON", () => new Response("<html>")],
  ["an answer that does not fit", json({ data: 1 })],
];

for (const [name, step] of FINAL) {
  Deno.test(`a read is not tried again after ${name}`, async () => {
    const { api, clock, requests } = setup([step]);
    await assertRejects(() => clock.runUntil(list(api)), ApiError);
    assertEquals([requests.length, clock.pendingTimers], [1, 0]);
  });
}

Deno.test("a read gives up after three tries, with the last failure", async () => {
  const { api, clock, requests } = setup([refused, broken, failure(503, "api_error")]);
  const error = await assertRejects(() => clock.runUntil(list(api)), ApiError);
  assertEquals([error.kind, error.status, requests.length], ["http", 503, 3]);
});

const WRITES: readonly [string, (api: ManagedAgentsApi) => Promise<unknown>][] = [
  ["sessions.create()", (api) => api.sessions.create({ agent: "a", environmentId: "e" })],
  ["sessions.archive()", (api) => api.sessions.archive("sesn_1")],
  ["events.send()", (api) => api.events.send("sesn_1", [{ type: "user.interrupt" }])],
  ["events.stream()", (api) => api.events.stream("sesn_1")],
  ["events.list() with retry: false", (api) => api.events.list("sesn_1", {}, { retry: false })],
];

for (const [name, call] of WRITES) {
  Deno.test(`${name} is sent once, whatever happens`, async () => {
    const steps = [refused, broken, status(408), status(429, { "retry-after": "1" }), status(503)];
    steps.push(status(500, { "x-should-retry": "true" }));
    for (const step of steps) {
      const { api, clock, requests } = setup([step]);
      await assertRejects(() => clock.runUntil(call(api)), ApiError);
      assertEquals([requests.length, clock.pendingTimers], [1, 0]);
    }
  });
}

Deno.test("pauses grow, with the upper half left to chance", async () => {
  const failing = [status(500), status(500), status(500)];
  assertEquals(await pausesOf(failing, () => 1), [500, 1_000]);
  assertEquals(await pausesOf(failing, () => 0), [250, 500]);
});

Deno.test("pauses are as long as the API asks", async () => {
  const cases: readonly [HeadersInit, number][] = [
    [{ "retry-after": "4" }, 4_000],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after-ms": "1234", "retry-after": "9" }, 1_234],
    [{ "retry-after": "Mon, 23 Nov 2026 09:00:03 GMT" }, 3_000],
    [{ "retry-after": "whenever" }, 500],
  ];
  for (const [headers, expected] of cases) {
    assertEquals(await pausesOf([status(429, headers), PAGE]), [expected]);
  }
});

Deno.test("a pause that would outlast the deadline fails at once with the 429", async () => {
  const { api, clock, requests } = setup([
    failure(429, "rate_limit_error", { "retry-after": "30" }),
  ]);
  const startedAt = clock.now();
  const error = await assertRejects(() => list(api), ApiError);
  assertEquals([error.status, error.retryAfterMs], [429, 30_000]);
  assertEquals([requests.length, clock.now() - startedAt, clock.pendingTimers], [1, 0, 0]);
});

Deno.test("a retry that the rest of the deadline has no room for is not made", async () => {
  const slow429: Step = async (request) => {
    await clock.sleep(600);
    return await status(429, { "retry-after-ms": "600" })(request);
  };
  const { api, clock, requests } = setup([slow429]);
  const call = api.agents.list({}, { timeoutMs: 1_000 });
  const error = await assertRejects(() => clock.runUntil(call), ApiError);
  assertEquals([error.kind, error.status, requests.length], ["http", 429, 1]);
});

Deno.test("a connection that breaks in the body of an answer is tried again", async () => {
  const half: Step = () =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(`{"data":[`));
        },
        pull(controller) {
          controller.error(new TypeError("error reading a body from connection"));
        },
      }),
    );
  const { api, clock, requests } = setup([half, PAGE]);
  await clock.runUntil(list(api));
  assertEquals(requests.length, 2);

  const once = setup([half]);
  const send = once.api.events.send("sesn_1", [{ type: "user.interrupt" }]);
  assertEquals((await assertRejects(() => send, ApiError)).kind, "connection_lost");
});

Deno.test("a retry is logged with what failed, not with what was sent", async () => {
  const { api, clock, logs } = setup([status(503), refused, PAGE]);
  await clock.runUntil(api.sessions.list({ agentId: "agent_secret" }));
  assertEquals(logs.map(({ level, fields }) => [level, fields]), [
    ["debug", {
      method: "GET",
      path: "/v1/sessions",
      attempt: 0,
      kind: "http",
      status: 503,
      delayMs: 500,
    }],
    ["debug", {
      method: "GET",
      path: "/v1/sessions",
      attempt: 1,
      kind: "not_sent",
      status: undefined,
      delayMs: 1_000,
    }],
  ]);
});

Deno.test("an abort ends a pause at once and leaves no timer", async () => {
  const controller = new AbortController();
  const { api, clock, requests } = setup([status(503), hang]);
  const call = api.agents.list({}, { signal: controller.signal });
  call.catch(() => {});
  await clock.advance(100);
  assertEquals([requests.length, clock.pendingTimers], [1, 1]);
  controller.abort(new Error("enough"));
  await assertRejects(() => call, Error, "enough");
  assertEquals([requests.length, clock.pendingTimers], [1, 0]);
});
