import { assert, assertEquals } from "@std/assert";
import { pdfOf, pngOf } from "../../../../src/simulator/scripts/documents.ts";

/** The parts of a PNG, by their types. */
function chunksOf(png: Uint8Array<ArrayBuffer>): Map<string, Uint8Array<ArrayBuffer>> {
  const view = new DataView(png.buffer);
  const chunks = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let at = 8; at < png.byteLength;) {
    const length = view.getUint32(at);
    chunks.set(
      new TextDecoder().decode(png.subarray(at + 4, at + 8)),
      png.slice(at + 8, at + 8 + length),
    );
    at += 12 + length;
  }
  return chunks;
}

Deno.test("pngOf() draws bars that a reader of PNGs sees", async () => {
  const png = pngOf([1, 2, 4]);
  assertEquals([...png.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const chunks = chunksOf(png);
  assertEquals([...chunks.keys()], ["IHDR", "PLTE", "IDAT", "IEND"]);
  const stream = new Blob([chunks.get("IDAT") ?? ""]).stream()
    .pipeThrough(new DecompressionStream("deflate"));
  const pixels = new Uint8Array(await new Response(stream).arrayBuffer());
  assertEquals(pixels.byteLength, 180 * 81);
  const colorAt = (x: number, y: number) =>
    (pixels[y * 81 + 1 + (x >> 2)] ?? 0) >> 6 - x % 4 * 2 & 3;
  // The highest bar is the third, and the first a quarter of it.
  assertEquals([colorAt(220, 15), colorAt(20, 15), colorAt(20, 160)], [1, 0, 1]);
});

Deno.test("pngOf() draws nothing for nothing, and no line for zeros", () => {
  for (const values of [[], [0, 0]]) assert(pngOf(values).byteLength > 100);
});

Deno.test("pdfOf() writes a document whose table leads to its objects", () => {
  const text = new TextDecoder().decode(pdfOf(["One (1)", "Two"]));
  assert(text.startsWith("%PDF-1.4\n") && text.endsWith("%%EOF\n"));
  assert(text.includes("(One \\(1\\)) '\n(Two) '"));
  const start = Number(/startxref\n(\d+)/.exec(text)?.[1]);
  assert(text.slice(start).startsWith("xref\n0 6\n"));
  const places = [...text.matchAll(/^(\d{10}) 00000 n/gm)].map(([, place]) => Number(place));
  for (const [index, place] of places.entries()) {
    assert(text.slice(place).startsWith(`${index + 1} 0 obj\n`));
  }
  const [, length = "", stream = ""] = /\/Length (\d+) >>\nstream\n([^]*?)\nendstream/.exec(text) ??
    [];
  assertEquals(stream.length, Number(length));
});
