// Whatever bytes a file has, whatever it is called and wherever one begins to read: the result fits,
// a text comes out whole, and no secret does.
import { assert, assertEquals } from "@std/assert";
import { createRedact } from "../../src/core/redact.ts";
import { MAX_RESULT_CHARS } from "../../src/core/text.ts";
import { readFilePart } from "../../src/session/file_reader.ts";
import { MAX_CONTENT_CHARS } from "../../src/tools/content.ts";
import { listSessionFiles } from "../../src/tools/list_session_files.ts";
import { readSessionFile } from "../../src/tools/read_session_file.ts";
import { callTool } from "../helpers/call_tool.ts";
import { anyCharacter, assertAsync, fc, fuzzRuns } from "../helpers/fuzz.ts";
import { fakeFile, filesWorld, SESSION_ID } from "../unit/tools/files_support.ts";

const KNOWN = "Kp3x-Qz9w_Rt5y.Ln8m~Vb2c-Hd6f_Js4g";
const KEY = `sk-ant-api03-${"AbC1_-".repeat(16)}`;
const REDACT = createRedact([KNOWN]);

const beginnings = fc.constantFrom(
  ...["", "\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "GIF89a", "RIFF0000WEBP", "%PDF-1.7", "\xff\xfe"],
  ...["\xef\xbb\xbf", "PK\x03\x04", "<svg>", "<html>", "{"],
);
const names = fc.string({ unit: anyCharacter, maxLength: 300 });
const anyFile = fc.record({
  beginning: beginnings,
  content: fc.oneof(
    fc.uint8Array({ maxLength: 20_000 }),
    fc.string({ unit: anyCharacter, maxLength: 5_000 }).map((text) =>
      new TextEncoder().encode(text)
    ),
  ),
  repeats: fc.integer({ min: 1, max: 40 }),
  filename: names,
  mime_type: names,
  offset: fc.nat({ max: 100_000 }),
});

Deno.test("read_session_file shows any bytes within the budget, or says why not", async () => {
  await assertAsync(
    fc.asyncProperty(anyFile, async (given) => {
      const { beginning, content, repeats, filename, mime_type, offset } = given;
      const head = Uint8Array.from(beginning, (char) => char.charCodeAt(0));
      const bytes = new Uint8Array(head.byteLength + content.byteLength * repeats);
      bytes.set(head);
      for (let n = 0; n < repeats; n++) {
        bytes.set(content, head.byteLength + n * content.byteLength);
      }
      const world = filesWorld([fakeFile("file_1", bytes, { filename, mime_type })]);
      const args = { session_id: SESSION_ID, file_id: "file_1", offset };
      const result = await callTool(readSessionFile, args, world.call());
      const [text, block] = result.content;
      assert(text?.type === "text" && text.text.length <= MAX_RESULT_CHARS);
      if (result.isError) {
        assert(text.text.includes("offset is beyond the end"), text.text);
        assert(offset > bytes.byteLength);
      }
      const data = block?.type === "image"
        ? block.data
        : block?.type === "resource" && "blob" in block.resource
        ? block.resource.blob
        : "";
      assert(String(data).length <= MAX_CONTENT_CHARS);
      assertEquals(world.closed, 1);
      const shown = String(Reflect.get(Object(result.structuredContent), "filename") ?? "");
      assert(!/[\p{Cc}\u2028-\u202e\u2066-\u2069/\\]/u.test(shown), shown);
      const listed = await callTool(listSessionFiles, { session_id: SESSION_ID }, world.call());
      assert(JSON.stringify(listed.structuredContent).length <= MAX_RESULT_CHARS);
    }),
    fuzzRuns(150),
  );
});

const pieces = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.string({ unit: anyCharacter, maxLength: 30 }).map((text) => text.replaceAll("\0", "")),
  fc.constantFrom("\n", " ", ",", '"', "\\", "🙂", "é", "x".repeat(90), " \t"),
  fc.constantFrom(KNOWN, KEY, `=${KEY}`, `"${KNOWN}"`, KNOWN.slice(0, 16), KEY + KNOWN),
);
const walks = fc.record({
  parts: fc.array(pieces, { maxLength: 60 }),
  maxChars: fc.integer({ min: 16, max: 600 }),
  chunk: fc.integer({ min: 1, max: 500 }),
});

/** Every part of 12 characters, the shortest that is hidden. */
function partsOf(secret: string): string[] {
  return Array.from({ length: secret.length - 11 }, (_, at) => secret.slice(at, at + 12));
}

/** A file that comes in pieces, in memory that is used again. */
async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.byteLength; at += size) {
    const piece = bytes.subarray(at, at + size);
    buffer.set(piece);
    yield buffer.subarray(0, piece.byteLength);
    await Promise.resolve();
  }
}

Deno.test("the parts of a text make the whole of it, without its secrets", async () => {
  await assertAsync(
    fc.asyncProperty(walks, async ({ parts, maxChars, chunk }) => {
      const bytes = new TextEncoder().encode(parts.join(""));
      const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
      let shown = "";
      let hidden = false;
      for (let offset = 0, count = 0;; count++) {
        assert(count <= bytes.byteLength, "the walk does not end");
        const { page, type } = await readFilePart(inChunks(bytes, chunk), {
          ...{ hints: {}, offset, maxBytes: 1_000, maxChars },
          redact: REDACT.thorough,
        });
        if (type.kind !== "text") return;
        assert(page && page.from === offset, "a part begins elsewhere");
        assert(JSON.stringify(page.text).length <= maxChars + 2);
        hidden ||= page.text === "[redacted]";
        shown += REDACT.thorough(page.text);
        if (page.rest === "nothing") break;
        assertEquals(page.rest, "text");
        assert(page.to > offset);
        offset = page.to;
      }
      assert(partsOf(KNOWN).every((part) => !shown.includes(part)), shown);
      // Only a secret that is longer than a part hides what stands around it.
      if (!hidden) assertEquals(shown, REDACT.thorough(text));
    }),
    fuzzRuns(300),
  );
});

Deno.test("no place of a file shows a part of a secret, wherever one begins to read", async () => {
  const place = fc.record({
    before: fc.string({ unit: "grapheme", maxLength: 40 }),
    secret: fc.constantFrom(KNOWN, KEY),
    into: fc.double({ min: 0, max: 1, noNaN: true }),
    maxChars: fc.integer({ min: 16, max: 300 }),
  });
  await assertAsync(
    fc.asyncProperty(place, async ({ before, secret, into, maxChars }) => {
      const bytes = new TextEncoder().encode(`${before} ${secret} after it`);
      const start = new TextEncoder().encode(before).byteLength + 1;
      const { page } = await readFilePart(inChunks(bytes, 64), {
        ...{ hints: {}, offset: start + Math.floor(into * secret.length), maxBytes: 0, maxChars },
        redact: REDACT.thorough,
      });
      if (!page) return;
      const shown = REDACT.thorough(page.text);
      assert(partsOf(secret).every((part) => !shown.includes(part)), shown);
    }),
    fuzzRuns(300),
  );
});
