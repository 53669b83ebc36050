import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { EventStream, StreamItem } from "../../../src/api/types.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { settle } from "../../helpers/manual_clock.ts";
import { countingSignal, failure, KEY, setup, status, TestBody } from "./support.ts";

function frame(id: string): string {
  return `event: agent.message\ndata: {"type":"agent.message","id":"${id}"}\n\n`;
}

function idOf(item: StreamItem): string {
  return item.kind === "event" ? item.event.id ?? "?" : "-";
}

async function collect(stream: EventStream): Promise<string[]> {
  const ids: string[] = [];
  for await (const item of stream) ids.push(idOf(item));
  return ids;
}

/** An open stream over a body that the test feeds. */
async function open(...chunks: string[]) {
  const body = new TestBody(...chunks);
  const counting = countingSignal();
  const { api, clock, requests, logs } = setup([body.respondAsStream()]);
  const stream = await api.events.stream("sesn_1", { signal: counting.signal, timeoutMs: 5_000 });
  const assertFree = () => {
    assertEquals([clock.pendingTimers, counting.listeners()], [0, 0]);
  };
  return { body, stream, clock, requests, logs, assertFree, ...counting };
}

Deno.test("a stream yields events and signs of life until the server ends it", async () => {
  const { body, stream, assertFree } = await open(
    frame("1"),
    ": beat\n\n",
    frame("2") + frame("3"),
  );
  body.end();
  assertEquals(await collect(stream), ["1", "-", "2", "3"]);
  assertFree();
});

Deno.test("an open stream holds no timer: its deadline was for the head only", async () => {
  const { body, stream, clock } = await open();
  assertEquals(clock.pendingTimers, 0);
  await clock.advance(3_600_000);
  body.push(frame("1"));
  body.end();
  assertEquals(await collect(stream), ["1"]);
});

Deno.test("a stream that breaks throws a connection error after what it had", async () => {
  const { body, stream, assertFree } = await open(frame("1"));
  const ids: string[] = [];
  const reading = (async () => {
    for await (const item of stream) {
      ids.push(idOf(item));
      body.break();
    }
  })();
  const error = await assertRejects(
    () => reading,
    ApiError,
    "connection to https://api.test broke",
  );
  assertEquals([ids, error.kind, error.retryable], [["1"], "connection_lost", true]);
  assertFree();
});

Deno.test("an error frame throws the API's own error and frees the stream", async () => {
  const data = JSON.stringify({
    type: "error",
    error: { type: "overloaded_error", message: `Busy with ${KEY}` },
    request_id: "req_5",
  });
  const { body, stream, assertFree } = await open(`${frame("1")}event: error\ndata: ${data}\n\n`);
  const error = await assertRejects(() => collect(stream), ApiError, "Busy with [redacted]");
  assertEquals([error.type, error.status, error.requestId], ["overloaded_error", 529, "req_5"]);
  assertEquals(body.cancelled, true);
  assertFree();
});

Deno.test("close() ends a pending read at once, and every read after it", async () => {
  const { body, stream, assertFree, requests } = await open();
  const items = stream[Symbol.asyncIterator]();
  const pending = items.next();
  await settle();
  stream.close();
  assertEquals(await pending, { value: undefined, done: true });
  assertEquals(await items.next(), { value: undefined, done: true });
  assertEquals([body.cancelled, requests[0]?.signal.aborted], [true, true]);
  assertFree();
  stream.close();
});

Deno.test("close() before any read frees the stream, and iterating it gives nothing", async () => {
  const { body, stream, assertFree } = await open(frame("1"));
  stream.close();
  assertEquals(body.cancelled, true);
  assertFree();
  assertEquals(await collect(stream), []);
});

Deno.test("close() between two events of one chunk withholds the second", async () => {
  const { stream, assertFree } = await open(frame("1") + frame("2"));
  const ids: string[] = [];
  for await (const item of stream) {
    ids.push(idOf(item));
    stream.close();
  }
  assertEquals(ids, ["1"]);
  assertFree();
});

Deno.test("leaving the loop drops the connection", async () => {
  const { body, stream, assertFree, requests } = await open(frame("1"), frame("2"));
  for await (const item of stream) {
    assertEquals(idOf(item), "1");
    break;
  }
  assertEquals([body.cancelled, requests[0]?.signal.aborted], [true, true]);
  assertFree();
});

Deno.test("the caller's abort throws its reason out of a pending read", async () => {
  const { body, stream, assertFree, controller } = await open(frame("1"));
  const items = stream[Symbol.asyncIterator]();
  assertEquals((await items.next()).done, false);
  const pending = items.next();
  pending.catch(() => {});
  await settle();
  const reason = new Error("cancelled by the host");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => pending, Error), reason);
  assertEquals(body.cancelled, true);
  assertFree();
});

Deno.test("the caller's abort is heard between two events of one chunk", async () => {
  const { stream, controller, assertFree } = await open(frame("1") + frame("2"));
  const ids: string[] = [];
  const reading = (async () => {
    for await (const item of stream) {
      ids.push(idOf(item));
      controller.abort(new Error("stop"));
    }
  })();
  await assertRejects(() => reading, Error, "stop");
  assertEquals(ids, ["1"]);
  assertFree();
});

Deno.test("the caller's abort frees a stream that nobody reads", async () => {
  const { body, controller, listeners, requests } = await open(frame("1"));
  controller.abort(new Error("stop"));
  await settle();
  assertEquals([body.cancelled, listeners(), requests[0]?.signal.aborted], [true, 0, true]);
});

Deno.test("a body without end is read no faster than it is consumed", async () => {
  let pulls = 0;
  const step = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          pulls++;
          controller.enqueue(new TextEncoder().encode(frame(String(pulls))));
        },
      }),
      { headers: { "content-type": "text/event-stream" } },
    );
  const { api } = setup([step]);
  const stream = await api.events.stream("sesn_1");
  const items = stream[Symbol.asyncIterator]();
  for (let i = 0; i < 3; i++) await items.next();
  await settle();
  assertEquals(pulls <= 5, true, `${pulls} pulls`);
  stream.close();
});

Deno.test("an answer that is no event stream is refused and dropped", async () => {
  for (const type of ["application/json", "text/html", ""]) {
    const body = new TestBody("{}");
    const headers = { "content-type": type, "request-id": "req_3" };
    const { signal, listeners } = countingSignal();
    const { api, clock } = setup([body.respond({ headers })]);
    const error = await assertRejects(() => api.events.stream("sesn_1", { signal }), ApiError);
    assertEquals([error.kind, error.status, error.requestId], ["decode", 200, "req_3"]);
    assertEquals([body.cancelled, clock.pendingTimers, listeners()], [true, 0, 0]);
  }
  const { api } = setup([status(204)]);
  const error = await assertRejects(() => api.events.stream("sesn_1"), ApiError);
  assertEquals([error.kind, error.status], ["decode", 204]);
});

Deno.test("an error status is the stream's error, with when to come back", async () => {
  const { signal, listeners } = countingSignal();
  const { api, clock, infos } = setup([failure(429, "rate_limit_error", { "retry-after": "3" })]);
  const error = await assertRejects(() => api.events.stream("sesn_1", { signal }), ApiError);
  assertEquals([error.status, error.type, error.retryAfterMs], [429, "rate_limit_error", 3_000]);
  assertEquals([clock.pendingTimers, listeners()], [0, 0]);
  assertEquals(infos.map(({ status }) => status), [429]);
});

Deno.test("the text of a stream's error status cannot hang the call", async () => {
  const body = new TestBody("{");
  const { api, clock } = setup([body.respond({ status: 503 })]);
  const call = api.events.stream("sesn_1", { timeoutMs: 1_000 });
  const error = await assertRejects(() => clock.runUntil(call), ApiError);
  assertEquals([error.kind, error.status, body.cancelled], ["http", 503, true]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a frame beyond the bound ends the stream after the events before it", async () => {
  const body = new TestBody(frame("before"));
  const { api, logs } = setup([body.respondAsStream()], { maxFrameChars: 200 });
  const stream = await api.events.stream("sesn_1");
  for (const piece of ["data: ", ..."x".repeat(9).split("").map((c) => c.repeat(50)), "\n\n"]) {
    body.push(piece);
  }
  const items: StreamItem[] = [];
  const reading = (async () => {
    for await (const item of stream) items.push(item);
  })();
  const error = await assertRejects(() => reading, ApiError, "more than 200 characters");
  assertEquals([error.kind, body.cancelled], ["connection_lost", true]);
  assertEquals(items.filter(({ kind }) => kind === "event").length, 1);
  assertEquals(logs.map(({ level }) => level), ["warn"]);
});
