import { assert, assertEquals } from "@std/assert";
import { SharedTimer } from "../../../src/core/shared_timer.ts";
import { type BodyLimits, readJson } from "../../../src/http/body.ts";
import { ManualClock, settle } from "../../helpers/manual_clock.ts";

const LIMITS: BodyLimits = {
  maxBytes: 1_000,
  timeoutMs: 30_000,
  together: { bytes: 0, maxBytes: 10_000 },
};
/** Some time that is shorter than that. */
const SHARED_MS = 1_000;
const encoder = new TextEncoder();

function read(request: Request, clock: ManualClock, limits = LIMITS) {
  return readJson(request, new SharedTimer(clock, SHARED_MS), limits);
}

/** @param length the header that says so, if any */
function post(body: BodyInit | null, type = "application/json", length?: number): Request {
  const headers = {
    "content-type": type,
    ...(length !== undefined && { "content-length": String(length) }),
  };
  return new Request("http://127.0.0.1/mcp", { method: "POST", headers, body });
}

/** A body whose parts the test sends; `cancelled` once nobody reads on. */
function openBody() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const state = { cancelled: false };
  const body = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    cancel: () => void (state.cancelled = true),
  });
  return { body, state, controller: controller ?? fail() };
}

function fail(): never {
  throw new Error("A stream starts at once");
}

async function outcome(body: BodyInit | null, saysLength = false): Promise<unknown> {
  const clock = new ManualClock();
  const length = saysLength ? (await new Response(body).bytes()).byteLength : undefined;
  const found = await read(post(body, undefined, length), clock);
  assertEquals([clock.pendingTimers, LIMITS.together.bytes], [0, 0]);
  if ("value" in found) return found.value;
  const { error, id } = await found.errorResponse.json();
  assertEquals(id, null);
  return [found.errorResponse.status, error.code];
}

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

const bodies: readonly [string, BodyInit | null, unknown][] = [
  ["an object", '{"a":1}', { a: 1 }],
  ["a text that spans characters of several bytes", '"ü€😀"', "ü€😀"],
  ["a byte order mark", "\ufeff7", 7],
  ["a batch", "[1,2,3]", [1, 2, 3]],
  ["64 levels", nested(64), JSON.parse(nested(64))],
  ["brackets within a text", `"${"[{".repeat(100)}"`, "[{".repeat(100)],
  ["escaped quotes before brackets", `"\\"${"[".repeat(100)}\\\\"`, `"${"[".repeat(100)}\\`],
  ["nothing", null, [400, -32_700]],
  ["an empty text", "", [400, -32_700]],
  ["half an object", '{"a":', [400, -32_700]],
  ["two values", "1 2", [400, -32_700]],
  ["bytes that are not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), [400, -32_700]],
  ["an encoding of its own", new Uint8Array([0xff, 0xfe, 0x31, 0x00]), [400, -32_700]],
  ["65 levels", nested(65), [400, -32_600]],
  ["65 levels of objects", '{"a":'.repeat(65), [400, -32_600]],
  ["levels beyond reason", "[".repeat(900), [400, -32_600]],
  ["a body at the limit", JSON.stringify("x".repeat(998)), "x".repeat(998)],
  ["a body over the limit", JSON.stringify("x".repeat(999)), [413, -32_000]],
];
for (const [name, body, expected] of bodies) {
  Deno.test(`readJson() of ${name}`, async () => {
    assertEquals(await outcome(body), expected);
    assertEquals(await outcome(body, true), expected);
  });
}

Deno.test("readJson() puts the parts of a body together, however slowly they come", async () => {
  const clock = new ManualClock();
  const { body, controller } = openBody();
  const reading = read(post(body), clock);
  for (const byte of encoder.encode('{"key":"ü"}')) {
    await clock.advance(1_000);
    controller.enqueue(Uint8Array.of(byte));
  }
  controller.close();
  assertEquals(await reading, { value: { key: "ü" } });
  assertEquals(clock.pendingTimers, 0);
});

for (const sent of ["", "{", '{"a":1}']) {
  Deno.test(`readJson() answers 408 to a body that stops after '${sent}'`, async () => {
    const clock = new ManualClock();
    const { body, state, controller } = openBody();
    const reading = read(post(body), clock);
    if (sent) controller.enqueue(encoder.encode(sent));
    await clock.advance(LIMITS.timeoutMs - 1);
    assertEquals(clock.pendingTimers, 1);
    await clock.advance(1);
    const outcome = await reading;
    assert("errorResponse" in outcome);
    assertEquals(outcome.errorResponse.status, 408);
    await outcome.errorResponse.body?.cancel();
    assertEquals([state.cancelled, clock.pendingTimers], [true, 0]);
  });
}

Deno.test("readJson() answers 408 to a body that is said to be short, and stops", async () => {
  const clock = new ManualClock();
  const { body, controller } = openBody();
  const reading = read(post(body, undefined, 7), clock);
  controller.enqueue(encoder.encode("{"));
  await clock.advance(LIMITS.timeoutMs - 1);
  assertEquals(clock.pendingTimers, 1);
  await clock.advance(1);
  const outcome = await reading;
  assertEquals("errorResponse" in outcome && outcome.errorResponse.status, 408);
  // What comes after that is nobody's business.
  controller.error(new TypeError("connection reset"));
  await settle();
  assertEquals([clock.pendingTimers, LIMITS.together.bytes], [0, 0]);
});

Deno.test("readJson() answers 400 to a body that is said to be short, and breaks off", async () => {
  const clock = new ManualClock();
  const { body, controller } = openBody();
  const reading = read(post(body, undefined, 7), clock);
  controller.error(new TypeError("connection reset"));
  const outcome = await reading;
  assertEquals("errorResponse" in outcome && outcome.errorResponse.status, 400);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("readJson() answers 503 to a short body as well while all are too large", async () => {
  const clock = new ManualClock();
  const limits: BodyLimits = { ...LIMITS, together: { bytes: 0, maxBytes: 20 } };
  const { body, controller } = openBody();
  const first = read(post(body, undefined, 15), clock, limits);
  await settle();
  assertEquals(limits.together.bytes, 15);
  const refused = await read(post("[0,1]", undefined, 6), clock, limits);
  assertEquals("errorResponse" in refused && refused.errorResponse.status, 503);
  assertEquals(await read(post("[0,1]", undefined, 5), clock, limits), { value: [0, 1] });
  controller.enqueue(encoder.encode("[1,2,3,4,5,6,7]"));
  controller.close();
  assertEquals(await first, { value: [1, 2, 3, 4, 5, 6, 7] });
  assertEquals([clock.pendingTimers, limits.together.bytes], [0, 0]);
});

Deno.test("readJson() answers 408 to a body that trickles for too long", async () => {
  const clock = new ManualClock();
  const { body, controller } = openBody();
  const reading = read(post(body), clock);
  for (let i = 0; i < 29; i++) {
    controller.enqueue(encoder.encode(" "));
    await clock.advance(1_000);
  }
  await clock.advance(1_000);
  const outcome = await reading;
  assertEquals("errorResponse" in outcome && outcome.errorResponse.status, 408);
});

Deno.test("readJson() answers 400 to a body whose client goes away", async () => {
  const clock = new ManualClock();
  const { body, controller } = openBody();
  const reading = read(post(body), clock);
  controller.enqueue(encoder.encode("{"));
  controller.error(new TypeError("connection reset"));
  const outcome = await reading;
  assertEquals("errorResponse" in outcome && outcome.errorResponse.status, 400);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("readJson() stops reading where a body grows too large", async () => {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 400;
      controller.enqueue(new Uint8Array(400).fill(0x20));
    },
  }, { highWaterMark: 0 });
  assertEquals(await outcome(body), [413, -32_000]);
  assert(sent <= 1_600, `${sent} bytes were read`);
});

const types: readonly [string, boolean][] = [
  ["application/json", true],
  ["Application/JSON; charset=utf-8", true],
  ["application/json ;x=y", true],
  ["", false],
  ["text/plain", false],
  ["text/plain; application/json", false],
  ["application/jsonp", false],
  ["application/json, text/plain", false],
];
for (const [type, isJson] of types) {
  Deno.test(`readJson() ${isJson ? "reads" : "answers 415 to, unread,"} '${type}'`, async () => {
    const request = post("1", type);
    const found = await read(request, new ManualClock());
    assertEquals(
      "errorResponse" in found ? found.errorResponse.status : found.value,
      isJson ? 1 : 415,
    );
    assertEquals(request.bodyUsed, isJson);
  });
}

Deno.test("readJson() answers 503 while all bodies together are too large", async () => {
  const clock = new ManualClock();
  const limits: BodyLimits = { ...LIMITS, together: { bytes: 0, maxBytes: 20 } };
  const first = openBody();
  const second = openBody();
  const reads = [first, second].map(({ body }) => read(post(body), clock, limits));
  first.controller.enqueue(encoder.encode("[0,1,2,3,4,"));
  await settle();
  assertEquals(limits.together.bytes, 11);
  second.controller.enqueue(encoder.encode("[0,1,2,3,4"));
  const refused = await reads[1];
  assert(refused && "errorResponse" in refused);
  const { errorResponse } = refused;
  assertEquals([errorResponse.status, errorResponse.headers.get("retry-after")], [503, "5"]);
  assert((await errorResponse.text()).includes("Try again."));
  assertEquals([second.state.cancelled, limits.together.bytes], [true, 11]);
  first.controller.enqueue(encoder.encode("5]"));
  first.controller.close();
  assertEquals(await reads[0], { value: [0, 1, 2, 3, 4, 5] });
  assertEquals([limits.together.bytes, clock.pendingTimers], [0, 0]);
});

/** A body of bytes as the runtime reads it: into the reader's buffers, or into large ones. */
function byteBody(text: string) {
  const buffers: number[] = [];
  const bytes = encoder.encode(text);
  let at = 0;
  const body = new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: 64 * 1024,
    pull(controller) {
      const view = controller.byobRequest?.view;
      if (!view) return;
      buffers.push(view.byteLength);
      const piece = bytes.subarray(at, at + Math.min(view.byteLength, 300));
      if (piece.byteLength === 0) controller.close();
      new Uint8Array(view.buffer, view.byteOffset).set(piece);
      controller.byobRequest?.respond(piece.byteLength);
      at += piece.byteLength;
    },
  });
  return { body, buffers };
}

Deno.test("readJson() brings buffers of its own, which are shorter than the runtime's", async () => {
  const { body, buffers } = byteBody(JSON.stringify("x".repeat(398)));
  assertEquals(await read(post(body), new ManualClock()), { value: "x".repeat(398) });
  assertEquals(buffers, [16_384, 16_384, 16_384]);
});
