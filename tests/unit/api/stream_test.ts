import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { EventStream, StreamItem } from "../../../src/api/types.ts";
import { ApiError } from "../../../src/api/errors.ts";
import { settle } from "../../helpers/manual_clock.ts";
import {
  countingSignal,
  failure,
  KEY,
  recordingLogger,
  type Setup,
  setup,
  status,
  TestBody,
} from "./support.ts";
import { fc } from "../../helpers/fuzz.ts";
import { createFramer, createItemDecoder } from "../../../src/api/stream.ts";
import { createRedact } from "../../../src/core/redact.ts";

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

/** The data of the frames in `pieces`, and whether one was too large. */
function readAll(pieces: readonly string[], maxFrameChars = 1_000) {
  const framer = createFramer(maxFrameChars);
  const data = pieces.flatMap((piece) => framer.push(piece).map((frame) => frame.data));
  return { data, isTooLarge: framer.isTooLarge };
}

/** Cuts a text at the given places. */
function cut(text: string, places: readonly number[]): string[] {
  const sorted = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) =>
    a - b
  );
  return [0, ...sorted].map((start, index) => text.slice(start, sorted[index]));
}

const places = fc.array(fc.nat(), { maxLength: 30 });

Deno.test("createFramer() reads frames with every kind of line end", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = [`event: a`, `data: 1`, ``, `: note`, `data: 2`, `data: 3`, ``, ``].join(end);
    // A lone CR at the very end may be half of a CRLF; the frame is complete with what follows.
    assertEquals(readAll([text, ": x"]).data, ["1", "2\n3"], JSON.stringify(end));
  }
});

Deno.test("createFramer() gives the same frames however the text is cut", () => {
  const line = fc.oneof(
    fc.string({ maxLength: 12 }).map((text) => `data: ${text.replace(/[\r\n]/g, "")}`),
    fc.constantFrom("data", "data:", "event: x", "id: 7", ": note", "", "", "odd", "retry: 1"),
  );
  const end = fc.constantFrom("\n", "\r\n", "\r");
  const text = fc.array(fc.tuple(line, end), { maxLength: 25 }).map((lines) =>
    lines.map(([content, ending]) => content + ending).join("")
  );
  fc.assert(fc.property(text, places, (text, places) => {
    assertEquals(readAll(cut(text, places)), readAll([text]));
  }));
});

Deno.test("createFramer() ends at a frame that is too large", () => {
  const big = `data: ${"x".repeat(5_000)}`;
  for (const end of ["\n", "\r\n", "\r"]) {
    const lines = ["data: before", "", big, "data: more of it", "", "data: after", "", ""];
    const text = lines.join(end) + ": end\n";
    assertEquals(readAll([text]), { data: ["before"], isTooLarge: true });
    const single = [...text];
    assertEquals(readAll(single), { data: ["before"], isTooLarge: true });
  }
});

Deno.test("createFramer() ends at a frame that is large by many small lines", () => {
  const text = "data: x\n".repeat(2_000) + "\ndata: after\n\n";
  assertEquals(readAll([text]), { data: [], isTooLarge: true });
  assertEquals(readAll([...text]), { data: [], isTooLarge: true });
});

Deno.test("createFramer() treats the bound alike for any cutting", () => {
  const MAX = 40;
  const size = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: MAX - 2, max: MAX + 2 }),
  );
  fc.assert(fc.property(
    fc.array(fc.tuple(size, fc.constantFrom("\n", "\r\n", "\r")), { maxLength: 8 }),
    places,
    (frames, places) => {
      const text = frames.map(([length, end]) =>
        `data: ${"x".repeat(length)}${end}${end}`
      ).join("") +
        ": end\n";
      const { data, isTooLarge } = readAll(cut(text, places), MAX);
      const lengths = frames.map(([length]) => length);
      const large = lengths.findIndex((length) => length > MAX);
      assertEquals(
        data.map((value) => value.length),
        large < 0 ? lengths : lengths.slice(0, large),
      );
      assertEquals(isTooLarge, large >= 0);
    },
  ));
});

Deno.test("createFramer() holds no more than the bound of a frame that never ends", () => {
  const framer = createFramer(1_000);
  framer.push("data: ");
  for (let i = 0; i < 10_000; i++) assertEquals(framer.push("x".repeat(1_000)), []);
  assertEquals(framer.isTooLarge, true);
  assertEquals(framer.push("\n\ndata: after\n\n"), []);
});

Deno.test("createFramer() does not take a note of any length for a frame", () => {
  assertEquals(readAll([`: ${"x".repeat(5_000)}`, "x".repeat(5_000), "\ndata: a\n\n"]), {
    data: ["a"],
    isTooLarge: false,
  });
});

Deno.test("createFramer() works with the smallest bound", () => {
  assertEquals(readAll(["data: 1\n\ndata: 22\n\ndata: 3\n\n"], 1), {
    data: ["1"],
    isTooLarge: true,
  });
});

function decoder(logs: Setup["logs"] = [], maxFrameChars = 100_000) {
  const redact = createRedact(["hush-hush"]);
  return createItemDecoder({ maxFrameChars, log: recordingLogger(logs), redact });
}

/** What each chunk gives: event types, `lost`, or `-` for activity. */
function itemsOf(chunks: readonly (string | Uint8Array)[], logs: Setup["logs"] = []): string[][] {
  const { push } = decoder(logs);
  return chunks.map((chunk) => {
    const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk;
    const names = { activity: "-", unreadable: "?" };
    return [...push(bytes)].map((item) =>
      item.kind === "event" ? item.event.type : names[item.kind]
    );
  });
}

function eventsOf(chunks: readonly Uint8Array[]) {
  const { push } = decoder();
  const items = chunks.flatMap((chunk): StreamItem[] => [...push(chunk)]);
  return items.flatMap((item) => item.kind === "event" ? [item.event] : []);
}

const FRAME = `event: agent.message\ndata: {"type":"agent.message","id":"sevt_1"}\n\n`;

const CASES: readonly [string, readonly string[], string[][]][] = [
  ["a frame in one chunk", [FRAME], [["agent.message"]]],
  ["two frames in one chunk", [FRAME + FRAME], [["agent.message", "agent.message"]]],
  ["a frame in two chunks", [FRAME.slice(0, 30), FRAME.slice(30)], [["-"], ["agent.message"]]],
  ["a slow drip", [...FRAME.slice(-4)].map((c) => c), [["-"], ["-"], ["-"], ["-"]]],
  ["a comment", [": keep-alive\n\n"], [["-"]]],
  ["an unfinished comment", [":"], [["-"]]],
  ["a ping", [`event: ping\ndata: {"type":"ping"}\n\n`], [["-"]]],
  ["a ping without a name", [`data: {"type":"ping"}\n\n`], [["-"]]],
  ["a heartbeat with empty data", ["event: heartbeat\ndata:\n\n"], [["-"]]],
  ["a retry field", ["retry: 1000\n\n"], [["-"]]],
  ["empty data", ["data:\n\n"], [["-"]]],
  ["a ping beside an event", [`event: ping\ndata: {}\n\n${FRAME}`], [["agent.message"]]],
  ["an event without a name", [`data: {"type":"session.usage"}\n\n`], [["session.usage"]]],
  ["a name that differs", [`event: message\ndata: {"type":"a.b"}\n\n`], [["a.b"]]],
  ["a name instead of a type", [`event: a.b\ndata: {"id":"x"}\n\n`], [["a.b"]]],
  ["an event nobody knows", [`event: x.y\ndata: {"type":"x.y"}\n\n`], [["x.y"]]],
  ["data in several lines", [`data: {"type":\ndata: "a.b"}\n\n`], [["a.b"]]],
  ["an id line", [`id: 7\ndata: {"type":"a.b"}\n\n`], [["a.b"]]],
  ["malformed JSON, then an event", [`data: {"type":\n\n${FRAME}`], [["agent.message", "?"]]],
  ["malformed JSON alone", ["data: {\n\n"], [["?"]]],
  ["JSON that is no object", [`data: [1]\n\ndata: "x"\n\ndata: null\n\n`], [["-"]]],
  ["an object without a type", [`data: {"a":"x"}\n\n`], [["-"]]],
  ["an object with an id and no type", [`data: {"id":"x","type":null}\n\n`], [["?"]]],
  ["a byte order mark", ["\ufeff" + FRAME], [["agent.message"]]],
  ["an end without a blank line", [`data: {"type":"a.b"}\n`], [["-"]]],
];

for (const [name, chunks, expected] of CASES) {
  Deno.test(`createItemDecoder() reads ${name}`, () => assertEquals(itemsOf(chunks), expected));
}

Deno.test("createItemDecoder() keeps every field of an event", () => {
  const event = { type: "a.b", id: "sevt_1", processed_at: null, content: [{ x: "é🙂" }] };
  const bytes = new TextEncoder().encode(`data: ${JSON.stringify(event)}\n\n`);
  assertEquals(eventsOf([bytes]), [event]);
});

Deno.test("createItemDecoder() logs what it skips, without its text", () => {
  const logs: Setup["logs"] = [];
  itemsOf(["event: ping\ndata: 09:30\n\n"], logs);
  assertEquals(logs, []);
  itemsOf(
    [`event: a.b\ndata: {"private\n\n`, `data: ["private"]\n\n`, ": x\n\n", "data:\n\n"],
    logs,
  );
  assertEquals(logs.map(({ level, message }) => [level, message]), [
    ["debug", "Skipped a frame that is not JSON"],
    ["debug", "Skipped a frame that is no event"],
  ]);
  assertEquals(JSON.stringify(logs).includes("private"), false);
});

Deno.test("createItemDecoder() throws at a frame that is too large, after the events before it", () => {
  const logs: Setup["logs"] = [];
  const { push } = decoder(logs, 100);
  const encode = (text: string) => new TextEncoder().encode(text);
  const huge = `data: {"type":"a.b","x":"${"y".repeat(300)}"}\n\n`;
  const items: StreamItem[] = [];
  const read = () => {
    items.push(...push(encode(huge.slice(0, 90))));
    for (const item of push(encode(huge.slice(90)))) items.push(item);
  };
  const before = [...push(encode(`data: {"type":"c.d"}\n\n`))];
  const error = assertThrows(read, ApiError);
  assertEquals([error.kind, error.retryable], ["connection_lost", true]);
  assertEquals([...before, ...items].map(({ kind }) => kind), ["event", "activity"]);
  assertEquals(logs.map(({ level }) => level), ["warn"]);
});

const ERROR_FRAMES: readonly [string, string, string | undefined][] = [
  [
    "with the envelope",
    `event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy"}}`,
    "overloaded_error",
  ],
  ["without a type", `event: error\ndata: {"error":{"type":"api_error"}}`, "api_error"],
  ["without a name", `data: {"type":"error","error":{"type":"api_error"}}`, "api_error"],
  ["that is no JSON", "event: error\ndata: overloaded", undefined],
  ["that is no object", "event: error\ndata: [1]", undefined],
  ["without data", "event: error\ndata:", undefined],
];

for (const [name, frame, type] of ERROR_FRAMES) {
  Deno.test(`createItemDecoder() throws an error frame ${name}, after the events before it`, () => {
    const bytes = new TextEncoder().encode(`${FRAME}${frame}\n\n${FRAME}`);
    const items = decoder().push(bytes);
    assertEquals(items.next().value?.kind, "event");
    const error = assertThrows(() => items.next(), ApiError);
    assertEquals([error.kind, error.type], ["http", type]);
  });
}

Deno.test("createItemDecoder() takes session.error for an event, whatever its frame is called", () => {
  const data = `data: {"type":"session.error","error":{"type":"billing_error"}}\n\n`;
  assertEquals(itemsOf([data, `event: session.error\n${data}`, `event: error\n${data}`]), [
    ["session.error"],
    ["session.error"],
    ["session.error"],
  ]);
});

Deno.test("createItemDecoder() hides credentials in an error frame", () => {
  const data = JSON.stringify({ type: "error", error: { message: "Key hush-hush expired" } });
  const items = decoder().push(new TextEncoder().encode(`event: error\ndata: ${data}\n\n`));
  assertThrows(() => items.next(), ApiError, "Key [redacted] expired");
});

Deno.test("createItemDecoder() gives the same events however the bytes are cut", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  const noise = fc.constantFrom(": note", "event: ping\ndata: {}", "data: {bad", "id: 7", "");
  const part = fc.oneof(
    text.map((value) => ({ event: { type: "agent.message", id: "sevt_1", content: value } })),
    noise.map((value) => ({ noise: value })),
  );
  const end = fc.constantFrom("\n", "\r\n", "\r");
  fc.assert(fc.property(
    fc.array(part, { maxLength: 12 }),
    end,
    fc.boolean(),
    fc.array(fc.nat(), { maxLength: 40 }),
    (parts, end, bom, cuts) => {
      const frames = parts.map((part) =>
        "event" in part ? `data: ${JSON.stringify(part.event)}` : part.noise.replaceAll("\n", end)
      );
      const source = (bom ? "\ufeff" : "") + frames.map((frame) => frame + end + end).join("") +
        `: end${end}`;
      const bytes = new TextEncoder().encode(source);
      const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) =>
        a - b
      );
      const chunks = [0, ...places].map((start, index) => bytes.slice(start, places[index]));
      const expected = parts.flatMap((part) => "event" in part ? [part.event] : []);
      assertEquals(eventsOf(chunks), expected);
      assertEquals(eventsOf(Array.from(bytes, (byte) => Uint8Array.of(byte))), expected);
    },
  ));
});

Deno.test("createItemDecoder() gives at least one item for every chunk", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (bytes) => {
    assertEquals([...decoder().push(bytes)].length > 0, true);
  }));
});
