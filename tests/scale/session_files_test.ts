// Reading a file takes memory and time by what is shown of it, however large the file is.
import { assert, assertEquals } from "@std/assert";
import { createRedact } from "../../src/core/redact.ts";
import { readFilePart } from "../../src/session/file_reader.ts";
import { workedMs } from "../helpers/work_time.ts";

const MB = 1024 * 1024;

/** A file of so many bytes in the memory of one piece; counts the bytes that were taken. */
function largeFile(size: number, beginning: string, fill = "row,value\n") {
  const pattern = new TextEncoder().encode(fill.repeat(64 * 1024));
  const buffer = new Uint8Array(64 * 1024);
  const file = { taken: 0, ended: false, content };
  async function* content(): AsyncGenerator<Uint8Array> {
    try {
      const head = Uint8Array.from(beginning, (char) => char.charCodeAt(0));
      for (let at = 0; at < size; at += buffer.byteLength) {
        const from = at % fill.length;
        buffer.set(pattern.subarray(from, from + buffer.byteLength));
        if (at === 0) buffer.set(head);
        file.taken += buffer.byteLength;
        yield buffer;
        await Promise.resolve();
      }
    } finally {
      file.ended = true;
    }
  }
  return file;
}

const BOUNDS = {
  hints: {},
  maxBytes: 525_000,
  maxChars: 34_000,
  redact: createRedact([]).thorough,
};

Deno.test("a page of a text of 500 MB takes as much as one of a short text", async () => {
  const file = largeFile(500 * MB, "");
  const { page, bytesRead } = await readFilePart(file.content(), BOUNDS);
  assert(page && page.text.length > 25_000 && page.rest === "text");
  assertEquals([file.taken, file.ended], [bytesRead, true]);
  assert(file.taken <= 256 * 1024, `${file.taken} bytes`);
});

Deno.test("a page far into a text holds no more than one at its beginning", async () => {
  const file = largeFile(500 * MB, "");
  const before = Deno.memoryUsage();
  const { page } = await readFilePart(file.content(), { ...BOUNDS, offset: 15 * MB });
  const { external, heapUsed } = Deno.memoryUsage();
  assert(page && page.from === 15 * MB && page.text.length > 25_000);
  assert(file.taken <= 15 * MB + 256 * 1024 && file.ended, `${file.taken} bytes`);
  const held = external - before.external + heapUsed - before.heapUsed;
  assert(held < 12 * MB, `${held} bytes`);
});

Deno.test("of an image and of a binary file that are too large, the beginning is read", async () => {
  const image = largeFile(500 * MB, "\x89PNG\r\n\x1a\n");
  assertEquals((await readFilePart(image.content(), BOUNDS)).bytes, undefined);
  assert(image.taken <= 600_000 && image.ended, `${image.taken} bytes`);
  const binary = largeFile(500 * MB, "\x00\x01");
  assertEquals((await readFilePart(binary.content(), BOUNDS)).type.kind, "binary");
  assert(binary.taken <= 64 * 1024 && binary.ended);
});

Deno.test("a text that looks like one endless key takes no longer than a second", async () => {
  const file = largeFile(500 * MB, "sk-ant-api03-", "A1b2C3d4E5");
  const startedAt = workedMs();
  const { page } = await readFilePart(file.content(), { ...BOUNDS, offset: MB });
  const later = workedMs() - startedAt;
  assert(page && later < 1_000, `${later} ms`);
  const again = largeFile(500 * MB, "sk-ant-api03-", "A1b2C3d4E5");
  const first = await readFilePart(again.content(), { ...BOUNDS, offset: 100 });
  assert(workedMs() - startedAt < 2_500);
  assert(first.page);
});
