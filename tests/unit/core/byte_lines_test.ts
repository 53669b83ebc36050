import { assert, assertEquals } from "@std/assert";
import { type ByteLine, byteLines } from "../../../src/core/byte_lines.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(encoder.encode(text));
}

async function linesOf(source: AsyncIterable<Uint8Array>, maxBytes = 10): Promise<unknown[]> {
  const shown = (line: ByteLine) =>
    line.kind === "line"
      ? decoder.decode(line.bytes)
      : [line.byteLength, decoder.decode(line.head), decoder.decode(line.tail)];
  const lines: unknown[] = [];
  for await (const line of byteLines(source, maxBytes)) lines.push(shown(line));
  return lines;
}

const cases: readonly [string, string[], unknown[]][] = [
  ["nothing", [], []],
  ["a line in one piece", ["ab\n"], ["ab"]],
  ["a line in pieces", ["a", "", "b", "\n"], ["ab"]],
  ["several lines in one piece", ["a\nb\n\nc\n"], ["a", "b", "", "c"]],
  ["line ends of Windows", ["a\r\nb\r", "\n"], ["a", "b"]],
  ["a line at the bound", ["0123456789\n"], ["0123456789"]],
  ["a line that is too long, and the next", ["0123456789a\nb\n"], [
    [11, "0123456789a", "0123456789a"],
    "b",
  ]],
  ["a long line in pieces", ["01234567", "89", "ab", "c\nd\n"], [
    [13, "0123456789ab", "0123456789abc"],
    "d",
  ]],
  ["no line end at the end", ["a\nb", "c"], ["a", "bc"]],
  ["half a line end of Windows", ["a\r"], ["a"]],
  ["a line that is too long without an end", ["0123456789a"], [[11, "0123456789a", "0123456789a"]]],
];
for (const [name, texts, expected] of cases) {
  Deno.test(`byteLines() of ${name}`, async () => {
    assertEquals(await linesOf(chunks(...texts)), expected);
  });
}

Deno.test("byteLines() keeps both ends of a line that is too long, in little memory", async () => {
  async function* long() {
    yield encoder.encode('{"id":7,');
    for (let i = 0; i < 2_000; i++) yield await Promise.resolve(new Uint8Array(65_536).fill(0x78));
    yield encoder.encode(' the end"}\nshort\n');
  }
  const [edges, next] = await linesOf(long(), 1024 * 1024);
  assert(Array.isArray(edges));
  const [byteLength, head, tail] = edges;
  assertEquals(byteLength, 8 + 2_000 * 65_536 + 10);
  assert(head.startsWith('{"id":7,xx') && tail.endsWith('xx the end"}'));
  assertEquals([head.length, tail.length, next], [1_024, 1_024, "short"]);
});
