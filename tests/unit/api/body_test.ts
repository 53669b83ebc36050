import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { BodyReader, BodyTooLargeError, discardBody, readText } from "../../../src/api/body.ts";
import { countingSignal, TestBody } from "./support.ts";

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
