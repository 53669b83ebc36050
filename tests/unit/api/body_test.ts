import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { BodyReader, discardBody, parseClean, readText } from "../../../src/api/body.ts";
import { BodyTooLargeError } from "../../../src/api/list_scanner.ts";
import { countingSignal, TestBody } from "./support.ts";
import { createRedact } from "../../../src/core/redact.ts";
import { fc, fuzzRuns, jsonValue } from "../../helpers/fuzz.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("BodyReader gives the chunks, then nothing, and leaves no listener", async () => {
  const { signal, listeners } = countingSignal();
  const body = new TestBody("a", "b");
  body.end();
  const reader = new BodyReader(body.stream, signal, 16_384);
  assertEquals(await reader.read(), bytes("a"));
  assertEquals(await reader.read(), bytes("b"));
  assertEquals(await reader.read(), undefined);
  reader.close();
  assertEquals(listeners(), 0);
});

Deno.test("BodyReader drops a body at once when the signal is aborted already", async () => {
  const reason = new Error("too late");
  const body = new TestBody("a");
  const reader = new BodyReader(body.stream, AbortSignal.abort(reason), 16_384);
  assertEquals(body.cancelled, true);
  assertStrictEquals(await assertRejects(() => reader.read(), Error), reason);
  reader.close();
});

Deno.test("BodyReader ends a read under way with the signal's reason", async () => {
  const { signal, controller, listeners } = countingSignal();
  const body = new TestBody();
  const reader = new BodyReader(body.stream, signal, 16_384);
  const pending = reader.read();
  pending.catch(() => {});
  const reason = new Error("stop");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => pending, Error), reason);
  reader.close();
  reader.close();
  assertEquals([body.cancelled, listeners()], [true, 0]);
});

Deno.test("BodyReader passes a broken body's own error on", async () => {
  const { signal, listeners } = countingSignal();
  const body = new TestBody();
  body.break();
  const reader = new BodyReader(body.stream, signal, 16_384);
  await assertRejects(() => reader.read(), TypeError, "error reading a body");
  reader.close();
  assertEquals(listeners(), 0);
});

Deno.test("readText() drops what is too large before it is all there", async () => {
  const { signal, listeners } = countingSignal();
  const body = new TestBody("12345", "67890", "never needed");
  const options = { signal, maxBytes: 9 };
  await assertRejects(() => readText(new Response(body.stream), options), BodyTooLargeError);
  assertEquals([body.cancelled, listeners()], [true, 0]);
});

Deno.test("readText() takes no body for an empty one", async () => {
  const { signal, listeners } = countingSignal();
  assertEquals(await readText(new Response(null), { signal, maxBytes: 0 }), "");
  assertEquals(listeners(), 0);
});

Deno.test("discardBody() lets go of a body, and leaves one alone that is being read", () => {
  const free = new TestBody("a");
  discardBody(new Response(free.stream));
  assertEquals(free.cancelled, true);

  const taken = new TestBody("a");
  const response = new Response(taken.stream);
  const reader = response.body?.getReader();
  discardBody(response);
  assertEquals(taken.cancelled, false);
  reader?.releaseLock();
  discardBody(new Response(null));
});

/** A byte stream that records the sizes of the buffers it is given, and fills each from `parts`. */
function byteSource(parts: Uint8Array[]) {
  const sizes: number[] = [];
  const stream = new ReadableStream({
    type: "bytes",
    pull(controller) {
      const view = controller.byobRequest?.view;
      sizes.push(view?.byteLength ?? -1);
      const part = parts.shift();
      if (part === undefined) {
        controller.close();
        controller.byobRequest?.respond(0);
      } else if (view) {
        const length = Math.min(part.length, view.byteLength);
        new Uint8Array(view.buffer, view.byteOffset).set(part.subarray(0, length));
        if (length < part.length) parts.unshift(part.subarray(length));
        controller.byobRequest?.respond(length);
      }
    },
  });
  return { stream, sizes };
}

Deno.test("BodyReader waits with a small buffer, and grows it while bytes flow", async () => {
  const { signal, listeners } = countingSignal();
  const long = new Uint8Array(10_000).fill(7);
  const { stream, sizes } = byteSource([bytes("a"), long, bytes("b")]);
  const reader = new BodyReader(stream, signal, 1_024);
  const lengths: number[] = [];
  for (let chunk = await reader.read(); chunk; chunk = await reader.read()) {
    lengths.push(chunk.byteLength);
  }
  assertEquals(lengths, [1, 1_024, 8_976, 1]);
  assertEquals(sizes, [1_024, 1_024, 65_536, 1_024, 1_024]);
  reader.close();
  assertEquals(listeners(), 0);
});

for (const type of ["bytes", undefined] as const) {
  Deno.test(`BodyReader cancels a body with the signal's reason: ${type ?? "plain"}`, async () => {
    const { signal, controller } = countingSignal();
    let told: unknown;
    const cancel = (why: unknown) => void (told = why);
    const stream: ReadableStream<Uint8Array> = type
      ? new ReadableStream({ type, cancel })
      : new ReadableStream({ cancel });
    const reader = new BodyReader(stream, signal, 1_024);
    const pending = reader.read();
    pending.catch(() => {});
    const reason = new Error("stop");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => pending, Error), reason);
    reader.close();
    assertStrictEquals(told, reason);
  });
}

Deno.test("BodyReader takes bodies as they are that bring their own buffers", async () => {
  const { signal } = countingSignal();
  const body = new TestBody("a");
  body.end();
  const reader = new BodyReader(body.stream, signal, 1_024);
  assertEquals(await reader.read(), bytes("a"));
  assertEquals(await reader.read(), undefined);
  reader.close();
});

const SECRET = 'k"ey/0123<456789>é';
const MARK = "[redacted]";

/** The ways of different servers to write the same JSON. */
const WRITERS: Readonly<Record<string, (value: unknown) => string>> = {
  JavaScript: (value) => JSON.stringify(value),
  Go: (value) =>
    JSON.stringify(value).replace(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`),
  PHP: (value) => JSON.stringify(value).replaceAll("/", "\\/"),
  Python: (value) =>
    JSON.stringify(value, null, 1)
      .replace(
        /[\x80-\uffff]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
      ),
};

for (const [name, write] of Object.entries(WRITERS)) {
  Deno.test(`parseClean() knows a secret as ${name} writes it`, () => {
    const redact = createRedact([SECRET]);
    const text = `a ${SECRET} b`;
    const value = { data: [{ id: "e", text, [SECRET]: [text, 1, null] }], next_page: null };
    assertEquals(parseClean(write(value), redact), {
      data: [{ id: "e", text: `a ${MARK} b`, [MARK]: [`a ${MARK} b`, 1, null] }],
      next_page: null,
    });
  });
}

Deno.test("parseClean() knows a secret that begins in one text block and ends in another", () => {
  const redact = createRedact([SECRET]);
  for (let at = 1; at < SECRET.length; at++) {
    const blocks = [`x ${SECRET.slice(0, at)}`, `${SECRET.slice(at)} y`]
      .map((text) => ({ type: "text", text }));
    const event = { type: "agent.message", content: [{ type: "image" }, ...blocks, "z"] };
    const asPhp = { ...event, content: { ...event.content } };
    for (const value of [event, { data: [event] }, { data: { 0: event } }, asPhp]) {
      const clean = JSON.stringify(parseClean(JSON.stringify(value), redact));
      assert(clean.includes(`"x ${MARK} yz"`), clean);
      assert(clean.includes('"image"'));
    }
  }
});

Deno.test("parseClean() hides what looks like a credential in errors that sessions report, only there", () => {
  const text = "mcp https://bob:pa55@mcp.example: Authorization: Basic dXNlcjpwYXNz";
  const events = [
    { type: "session.error", error: { type: "mcp_error", message: text } },
    { type: "agent.message", content: [{ type: "text", text }], error: text },
    { type: "workflow_run.error", error: text },
  ];
  const hidden = "mcp https://[redacted]@mcp.example: Authorization: Basic [redacted]";
  assertEquals(parseClean(JSON.stringify({ data: events }), createRedact([])), {
    data: [
      { type: "session.error", error: { type: "mcp_error", message: hidden } },
      events[1],
      { type: "workflow_run.error", error: hidden },
    ],
  });
});

Deno.test("parseClean() changes nothing where there is no secret", () => {
  const redact = createRedact([SECRET, "another-secret"]);
  const value = jsonValue({ maxDepth: 5 });
  fc.assert(
    fc.property(value, fc.constantFrom(...Object.values(WRITERS)), (value, write) => {
      const json = write(value);
      assertEquals(parseClean(json, redact), JSON.parse(json));
    }),
    fuzzRuns(1_000),
  );
});

Deno.test("parseClean() comes to an end however deep a value is", () => {
  const deep = `${'{"a":['.repeat(20_000)}"${SECRET.replaceAll('"', '\\"')}"${"]}".repeat(20_000)}`;
  const value = parseClean(
    `{"data":[{"id":"e","a":${deep},"text":"\\u003c"}]}`,
    createRedact([SECRET]),
  );
  assert(JSON.stringify(value).includes("nested too deeply"));
  assert(JSON.stringify(value).endsWith('"text":"<"}]}'));
});
