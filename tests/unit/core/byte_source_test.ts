import { assertEquals, assertRejects } from "@std/assert";
import { openByteSource } from "../../../src/core/byte_source.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("openByteSource() reads a stream that brings its own buffers, and ends", async () => {
  const source = openByteSource(ReadableStream.from([bytes("a"), bytes("b")]), 16);
  assertEquals(await source.read(), bytes("a"));
  assertEquals(await source.read(), bytes("b"));
  assertEquals(await source.read(), undefined);
  source.cancel();
});

Deno.test("openByteSource() brings a buffer of the size that it was told", async () => {
  const sizes: number[] = [];
  const stream = new ReadableStream({
    type: "bytes",
    pull(controller) {
      const view = controller.byobRequest?.view;
      sizes.push(view?.byteLength ?? -1);
      if (view) new Uint8Array(view.buffer, view.byteOffset).set(bytes("x"));
      controller.byobRequest?.respond(1);
    },
  });
  const source = openByteSource(stream, 4_096);
  assertEquals(await source.read(), bytes("x"));
  assertEquals(sizes, [4_096]);
  source.cancel();
});

for (const type of ["bytes", undefined] as const) {
  Deno.test(`openByteSource() ends a read under way when cancelled: ${type ?? "plain"}`, async () => {
    let reason: unknown;
    const cancel = (why: unknown) => void (reason = why);
    const stream: ReadableStream<Uint8Array> = type
      ? new ReadableStream({ type, cancel })
      : new ReadableStream({ cancel });
    const source = openByteSource(stream, 16);
    const pending = source.read();
    source.cancel("enough");
    assertEquals(await pending, undefined);
    assertEquals(reason, "enough");
  });
}

Deno.test("openByteSource() passes a broken stream's own error on, and can be cancelled then", async () => {
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.error(new TypeError("broken")),
  });
  const source = openByteSource(stream, 16);
  await assertRejects(() => source.read(), TypeError, "broken");
  source.cancel();
});
