import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import type { CallOptions, ManagedAgentsApi } from "../../../src/api/types.ts";
import { pathSegment, queryString, timeoutOf } from "../../../src/api/http.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { ToolError, UsageError } from "../../../src/core/errors.ts";
import { DeadlineError } from "../../../src/core/abort.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";
import {
  broken,
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
import { createApi } from "../../../src/api/client.ts";

const PAGE = json({ data: [] });

const CALLS: readonly [string, (api: ManagedAgentsApi, o?: CallOptions) => Promise<unknown>][] = [
  ["agents.list()", (api, o) => api.agents.list({}, o)],
  ["agents.retrieve()", (api, o) => api.agents.retrieve("agent_1", {}, o)],
  ["environments.list()", (api, o) => api.environments.list({}, o)],
  ["files.list()", (api, o) => api.files.list("sesn_1", {}, o)],
  ["files.retrieve()", (api, o) => api.files.retrieve("file_1", o)],
  ["files.content()", (api, o) => api.files.content("file_1", o)],
  ["sessions.create()", (api, o) => api.sessions.create({ agent: "a", environmentId: "e" }, o)],
  ["sessions.retrieve()", (api, o) => api.sessions.retrieve("sesn_1", o)],
  ["sessions.list()", (api, o) => api.sessions.list({}, o)],
  ["sessions.archive()", (api, o) => api.sessions.archive("sesn_1", o)],
  ["events.list()", (api, o) => api.events.list("sesn_1", {}, o)],
  ["events.send()", (api, o) => api.events.send("sesn_1", [{ type: "user.interrupt" }], o)],
  ["events.stream()", (api, o) => api.events.stream("sesn_1", o)],
  ["threads.list()", (api, o) => api.threads.list("sesn_1", {}, o)],
  ["threads.events()", (api, o) => api.threads.events("sesn_1", "sthr_1", {}, o)],
];

/** Sent once more when they are met with silence. */
const READS = [
  "agents.list()",
  "agents.retrieve()",
  "environments.list()",
  "files.list()",
  "files.retrieve()",
  "sessions.retrieve()",
  "sessions.list()",
  "events.list()",
  "threads.list()",
  "threads.events()",
];

for (const [name, call] of CALLS) {
  Deno.test(`${name} fails when its time is up, though fetch never settles`, async () => {
    const { api, clock, requests } = setup([hang]);
    const startedAt = clock.now();
    const error = await assertRejects(
      () => clock.runUntil(call(api, { timeoutMs: 2_500 })),
      ApiError,
      "No response from https://api.test within 2.5 s",
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

Deno.test("a caller's own deadline rejects with the caller's reason, not with a timeout", async () => {
  const controller = new AbortController();
  const { api } = setup([hang]);
  const call = api.agents.list({}, { signal: controller.signal });
  call.catch(() => {});
  await settle();
  const reason = new DeadlineError("the wait is over");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => call, DeadlineError), reason);
});

Deno.test("an error status is reported even when its text hangs until the deadline", async () => {
  const body = new TestBody(`{"error":`);
  const { api, clock } = setup([body.respond({ status: 400, headers: { "request-id": "req_7" } })]);
  const call = api.events.send("sesn_1", [{ type: "user.interrupt" }], { timeoutMs: 500 });
  const error = await assertRejects(() => clock.runUntil(call), ApiError);
  assertEquals([error.kind, error.status, error.requestId], ["http", 400, "req_7"]);
  assertEquals([body.cancelled, clock.pendingTimers], [true, 0]);
});

Deno.test("an error status is reported even when its text breaks off or never ends", async () => {
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

Deno.test("createApi() refuses an unusable base URL before any request", () => {
  const options = {
    baseUrl: "localhost:3000",
    credential: () => ({ kind: "api_key", value: "k" } as const),
    fetch: () => Promise.reject(new Error("not reached")),
    clock: new ManualClock(),
  };
  assertThrows(() => createApi(options), UsageError, "type a URL such as http://localhost:3000");
});

Deno.test("pathSegment() encodes whatever would leave the segment", () => {
  const cases = [
    ["sesn_01Demo", "sesn_01Demo"],
    ["agent-é", "agent-%C3%A9"],
    ["a/b", "a%2Fb"],
    ["a?x=1#y", "a%3Fx%3D1%23y"],
    ["../agents", "..%2Fagents"],
    ["%2e%2e", "%252e%252e"],
    ["...", "..."],
  ] as const;
  for (const [id, expected] of cases) {
    assertEquals(pathSegment(id), expected);
    const path = new URL(`https://api.test/v1/sessions/${pathSegment(id)}/events`).pathname;
    assertEquals(path.split("/").length, 5, path);
  }
});

Deno.test("pathSegment() refuses ids that are empty, dots, or not text", () => {
  for (const id of ["", ".", "..", "\ud800"]) {
    const error = assertThrows(() => pathSegment(id), ToolError);
    assertEquals(error.code, "invalid_argument");
    assertStringIncludes(error.message, "is not an id");
  }
});

Deno.test("queryString() leaves out what is undefined and repeats arrays with brackets", () => {
  assertEquals(queryString(), "");
  assertEquals(queryString({ limit: undefined }), "");
  assertEquals(queryString({ types: [] }), "");
  assertEquals(queryString({ page: "half \ud83d" }), "?page=half%20%EF%BF%BD");
  assertEquals(
    queryString({ limit: 0, include_archived: false, page: "a b&c", order: undefined }),
    "?limit=0&include_archived=false&page=a%20b%26c",
  );
  assertEquals(
    queryString({ types: ["agent.message", "user.message"], "created_at[gte]": "2026-11-23" }),
    "?types%5B%5D=agent.message&types%5B%5D=user.message&created_at%5Bgte%5D=2026-11-23",
  );
});

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

Deno.test("no retry is made that would not fit into the rest of the deadline", async () => {
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
