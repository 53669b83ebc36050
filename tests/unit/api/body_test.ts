import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { BodyTooLargeError, discardBody, openReader, readText } from "../../../src/api/body.ts";
import { countingSignal, TestBody } from "./support.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("openReader() gives the chunks, then nothing, and leaves no listener", async () => {
  const { signal, listeners } = countingSignal();
  const body = new TestBody("a", "b");
  body.end();
  const reader = openReader(body.stream, signal);
  assertEquals(await reader.read(), bytes("a"));
  assertEquals(await reader.read(), bytes("b"));
  assertEquals(await reader.read(), undefined);
  reader.close();
  assertEquals(listeners(), 0);
});

Deno.test("openReader() drops a body at once when the signal is aborted already", async () => {
  const reason = new Error("too late");
  const body = new TestBody("a");
  const reader = openReader(body.stream, AbortSignal.abort(reason));
  assertEquals(body.cancelled, true);
  assertStrictEquals(await assertRejects(() => reader.read(), Error), reason);
  reader.close();
});

Deno.test("openReader() ends a read under way with the signal's reason", async () => {
  const { signal, controller, listeners } = countingSignal();
  const body = new TestBody();
  const reader = openReader(body.stream, signal);
  const pending = reader.read();
  pending.catch(() => {});
  const reason = new Error("stop");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => pending, Error), reason);
  reader.close();
  reader.close();
  assertEquals([body.cancelled, listeners()], [true, 0]);
});

Deno.test("openReader() passes a broken body's own error on", async () => {
  const { signal, listeners } = countingSignal();
  const body = new TestBody();
  body.break();
  const reader = openReader(body.stream, signal);
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

Deno.test("openReader() of a stream waits with a small buffer, and grows it while bytes flow", async () => {
  const { signal, listeners } = countingSignal();
  const long = new Uint8Array(10_000).fill(7);
  const { stream, sizes } = byteSource([bytes("a"), long, bytes("b")]);
  const reader = openReader(stream, signal, { stream: true });
  const lengths: number[] = [];
  for (let chunk = await reader.read(); chunk; chunk = await reader.read()) {
    lengths.push(chunk.byteLength);
  }
  assertEquals(lengths, [1, 1_024, 8_976, 1]);
  assertEquals(sizes, [1_024, 1_024, 65_536, 1_024, 1_024]);
  reader.close();
  assertEquals(listeners(), 0);
});

Deno.test("openReader() of a stream ends a read under way with the signal's reason", async () => {
  const { signal, controller } = countingSignal();
  let cancelled = false;
  const stream = new ReadableStream({ type: "bytes", cancel: () => void (cancelled = true) });
  const reader = openReader(stream, signal, { stream: true });
  const pending = reader.read();
  pending.catch(() => {});
  const reason = new Error("stop");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => pending, Error), reason);
  reader.close();
  assertEquals(cancelled, true);
});

Deno.test("openReader() of a stream takes bodies as they are that bring their own buffers", async () => {
  const { signal } = countingSignal();
  const body = new TestBody("a");
  body.end();
  const reader = openReader(body.stream, signal, { stream: true });
  assertEquals(await reader.read(), bytes("a"));
  assertEquals(await reader.read(), undefined);
  reader.close();
});
