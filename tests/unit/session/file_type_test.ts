import { assertEquals } from "@std/assert";
import {
  fileTypeOf,
  HEAD_BYTES,
  isTextType,
  plainMimeType,
} from "../../../src/session/file_type.ts";

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const utf8 = (text: string) => new TextEncoder().encode(text);

/** Beginnings of files, with what servers say of them, and the type that they have. */
const TYPES: readonly [string, Uint8Array, { mime_type?: string; filename?: string }, string][] = [
  ["a PNG", bytes("\x89PNG\r\n\x1a\n\0\0"), { mime_type: "text/html" }, "image image/png"],
  ["a JPEG", bytes("\xff\xd8\xff\xe0"), {}, "image image/jpeg"],
  ["a GIF", bytes("GIF89a\x01"), {}, "image image/gif"],
  ["an old GIF", bytes("GIF87a\x01"), {}, "image image/gif"],
  ["a WebP", bytes("RIFF\x10\n\0\0WEBPVP8 "), {}, "image image/webp"],
  ["a PDF", bytes("%PDF-1.7\n"), { mime_type: "image/png" }, "pdf application/pdf"],
  ["a sound", bytes("RIFF\x10\xff\0\0WAVEfmt "), {}, "binary application/octet-stream"],
  [
    "an archive",
    bytes("PK\x03\x04\0\0\xff"),
    { mime_type: "application/zip" },
    "binary application/zip",
  ],
  ["no PNG", bytes("\x89NOT\0"), { mime_type: "image/png" }, "binary application/octet-stream"],
  ["no text", bytes("caf\xe9,1"), { mime_type: "text/csv" }, "binary application/octet-stream"],
  ["UTF-16", bytes("\xff\xfea\0"), { mime_type: "text/plain" }, "binary application/octet-stream"],
  ["a NUL", bytes("a\0b"), { mime_type: "text/plain" }, "binary application/octet-stream"],
  ["a CSV", utf8("a,ü\n1,2"), { mime_type: "Text/CSV; charset=utf-8" }, "text text/csv"],
  ["a CSV by its name", utf8("a,b"), { filename: "DATA.CSV" }, "text text/csv"],
  ["JSON", utf8("{}"), { mime_type: "application/json" }, "text application/json"],
  ["a page", utf8("<html>"), { mime_type: "text/html" }, "text text/html"],
  ["an SVG", utf8("<svg/>"), { mime_type: "image/svg+xml" }, "text image/svg+xml"],
  ["text that is called an image", utf8("hello"), { mime_type: "image/png" }, "text text/plain"],
  ["an odd hint", utf8("hello"), { mime_type: "text/\u202ehtml" }, "text text/plain"],
  ["a name of the runtime", utf8("hello"), { filename: "a.constructor" }, "text text/plain"],
  ["nothing", new Uint8Array(), {}, "text text/plain"],
];

for (const [what, head, hints, expected] of TYPES) {
  Deno.test(`fileTypeOf() tells the type of ${what} by its bytes`, () => {
    const { kind, mimeType } = fileTypeOf(head, hints);
    assertEquals(`${kind} ${mimeType}`, expected);
  });
}

Deno.test("fileTypeOf() takes a character that the head cuts off for text, and looks no further", () => {
  const text = utf8(`${"a".repeat(HEAD_BYTES - 1)}ü`);
  assertEquals(fileTypeOf(text.subarray(0, HEAD_BYTES)).kind, "text");
  assertEquals(fileTypeOf(Uint8Array.of(...text.subarray(0, HEAD_BYTES), 0)).kind, "text");
});

Deno.test("fileTypeOf() takes a short file that ends within a character for no text", () => {
  assertEquals(fileTypeOf(utf8("aü").subarray(0, 2)).kind, "binary");
});

Deno.test("plainMimeType() and isTextType() read types", () => {
  assertEquals(plainMimeType(" IMAGE/PNG ;q=1"), "image/png");
  for (const odd of [undefined, "", "png", "a/b c", `a/${"b".repeat(200)}`, "text/\nhtml"]) {
    assertEquals(plainMimeType(odd), undefined);
  }
  for (
    const type of ["text/x-python", "application/x-ndjson", "image/svg+xml", "application/yaml"]
  ) {
    assertEquals(isTextType(type), true, type);
  }
  for (const type of ["application/zip", "image/png", "application/x-xmlish"]) {
    assertEquals(isTextType(type), false, type);
  }
});
