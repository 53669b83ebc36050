import { assert, assertEquals } from "@std/assert";
import { createRedact, MARK } from "../../../src/core/redact.ts";
import { type FileRequest, readFilePart } from "../../../src/session/file_reader.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const SECRET = `sk-ant-api03-${"AbC1_-".repeat(7)}`;

/** A file that comes in pieces of so many bytes, in memory that the next piece overwrites. */
async function* pieces(content: Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < content.byteLength; at += size) {
    const piece = content.subarray(at, at + size);
    buffer.set(piece);
    yield buffer.subarray(0, piece.byteLength);
    buffer.fill(0);
    await Promise.resolve();
  }
}

const BOUNDS = {
  hints: {},
  maxBytes: 100,
  maxChars: 40,
  redact: (text: string) => text,
};

function read(content: Uint8Array | string, request: Partial<FileRequest> = {}, size?: number) {
  const bytes = typeof content === "string" ? utf8(content) : content;
  return readFilePart(pieces(bytes, size), { ...BOUNDS, ...request });
}

/** Reads on until nothing follows. */
async function walk(content: string, request: Partial<FileRequest> = {}) {
  const pages: string[] = [];
  for (let offset = 0;;) {
    const { page } = await read(content, { ...request, offset }, 1_000);
    assert(page && page.from === offset, JSON.stringify(page));
    pages.push(page.text);
    if (page.rest === "nothing") return pages;
    assert(page.to > offset);
    offset = page.to;
  }
}

Deno.test("readFilePart() reads a short text whole", async () => {
  const { type, page, bytesRead, isWhole } = await read("grün\n");
  assertEquals(type, { kind: "text", mimeType: "text/plain" });
  assertEquals(page, { text: "grün\n", from: 0, to: 6, rest: "nothing" });
  assertEquals([bytesRead, isWhole], [6, true]);
  assertEquals((await read("")).page, { text: "", from: 0, to: 0, rest: "nothing" });
});

Deno.test("readFilePart() ends a page after a line, after a word, or within one", async () => {
  const lines = Array.from({ length: 20 }, (_, n) => `${n},"${n * n}"\n`).join("");
  const pages = await walk(lines);
  assertEquals(pages.join(""), lines);
  assert(pages.every((page) => page.endsWith("\n") && JSON.stringify(page).length <= 42));
  const words = "word ".repeat(30);
  assert((await walk(words)).every((page) => page.endsWith("word ")));
  const long = "x".repeat(100);
  assertEquals((await walk(long)).map(({ length }) => length), [40, 40, 20]);
});

Deno.test("readFilePart() cuts no character in two, wherever a page is to begin", async () => {
  const text = "🙂é\n".repeat(30);
  assertEquals((await walk(text, { maxChars: 21 })).join(""), text);
  const begins = [];
  for (let offset = 0; offset < 8; offset++) begins.push((await read(text, { offset })).page?.from);
  assertEquals(begins, [0, 0, 0, 0, 4, 4, 6, 7]);
});

Deno.test("readFilePart() hides no secret in two parts, also where a caller asks for the second", async () => {
  const redact = createRedact([]).thorough;
  for (let before = 0; before < 60; before++) {
    const text = `${"a".repeat(before)} ${SECRET} ${"b".repeat(40)}`;
    const pages = await walk(text, { redact, maxChars: 80 });
    assertEquals(pages.join(""), text);
    assertEquals(pages.map(redact).join(""), redact(text));
  }
  const text = `key: ${SECRET} end`;
  for (let offset = 6; offset < 5 + SECRET.length; offset++) {
    const { page } = await read(text, { redact, offset, maxChars: 200 });
    assertEquals(page?.text, " end");
  }
});

Deno.test("readFilePart() shows nothing of a secret that fills a page", async () => {
  const redact = createRedact([]).thorough;
  assertEquals(await walk(`${SECRET} end`, { redact }), [MARK, " end"]);
});

Deno.test("readFilePart() tries few places for the borders of a page among nothing but secrets", async () => {
  const { thorough } = createRedact([]);
  const secrets = SECRET.repeat(2_000);
  for (const offset of [0, 50_000, 50_007]) {
    let calls = 0;
    const redact = (text: string) => {
      calls++;
      return thorough(text);
    };
    const { page } = await read(secrets, { redact, offset, maxChars: 20_000 }, 60_000);
    assertEquals(page?.text.slice(0, 100), MARK);
    assert(calls <= 2_500, `${calls} calls at ${offset}`);
  }
});

Deno.test("readFilePart() ends a page before a long secret, also among characters of two units", async () => {
  const { thorough: redact } = createRedact([]);
  const long = `sk-ant-api03-${"AbC1_-".repeat(200)}`;
  for (const before of ["🙂".repeat(150), `x${"🙂".repeat(150)}`]) {
    const pages = await walk(`${before} ${long} end`, { redact, maxChars: 900 });
    assert(`${before} `.startsWith(pages[0] ?? "") && (pages[0] ?? "").length > 200, pages[0]);
    assertEquals(pages.map(redact).join("").slice(-4), " end");
  }
});

Deno.test("readFilePart() shows the text before other bytes, and none after them", async () => {
  const mixed = Uint8Array.of(...utf8("good\n".repeat(1_000)), 0xff, ...utf8("more"));
  const first = await read(mixed, { maxChars: 20_000 });
  assertEquals([first.page?.text.length, first.page?.rest], [5_000, "other"]);
  assertEquals((await read(mixed, { offset: 5_000 })).page, undefined);
  const nul = Uint8Array.of(...utf8("x".repeat(5_000)), 0, 65);
  assertEquals((await read(nul, { maxChars: 20_000 })).page?.rest, "other");
  const half = utf8("x".repeat(5_000) + "é").subarray(0, 5_001);
  assertEquals((await read(half, { maxChars: 20_000 })).page?.rest, "other");
});

Deno.test("readFilePart() has no page beyond the end, and an empty one at it", async () => {
  assertEquals((await read("text", { offset: 4 })).page?.text, "");
  const beyond = await read("text", { offset: 5 });
  assertEquals([beyond.page, beyond.bytesRead, beyond.isWhole], [undefined, 4, true]);
});

const png = (length: number) => {
  const bytes = new Uint8Array(length);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return bytes;
};

Deno.test("readFilePart() has an image whole, up to the bound", async () => {
  assertEquals((await read(png(100))).bytes, png(100));
  assertEquals((await read(png(101))).bytes, undefined);
  const large = await read(png(20_000), { maxBytes: 5_000 }, 100);
  assertEquals([large.type.kind, large.bytes, large.isWhole], ["image", undefined, false]);
  assert(large.bytesRead <= 5_100);
});

Deno.test("readFilePart() reads of a binary file no more than tells its type", async () => {
  const { type, bytesRead, isWhole } = await read(new Uint8Array(100_000), {}, 1_000);
  assertEquals([type.kind, bytesRead, isWhole], ["binary", 5_000, false]);
});

Deno.test("readFilePart() reads what cannot be shown whole where any kind is asked for", async () => {
  const zip = new Uint8Array(90).fill(0);
  const { type, bytes, isWhole } = await read(zip, { anyKind: true });
  assertEquals([type.kind, bytes, isWhole], ["binary", zip, true]);
  assertEquals((await read(new Uint8Array(9_000), { anyKind: true })).bytes, undefined);
});
