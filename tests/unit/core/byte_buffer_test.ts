import { assert, assertEquals } from "@std/assert";
import { ByteBuffer } from "../../../src/core/byte_buffer.ts";

Deno.test("a ByteBuffer puts pieces of any size together, without touching them", () => {
  const buffer = new ByteBuffer();
  const first = Uint8Array.of(1, 2);
  buffer.add(first.subarray(0, 0));
  buffer.add(first.subarray(0, 1));
  for (let i = 0; i < 5_000; i++) buffer.add(Uint8Array.of(i % 256));
  assertEquals(buffer.byteLength, 5_001);
  assertEquals([...buffer.bytes()], [1, ...Array.from({ length: 5_000 }, (_, i) => i % 256)]);
  assertEquals([...first], [1, 2]);
  assert(buffer.bytes().buffer.byteLength <= 4 * 5_001);
});
