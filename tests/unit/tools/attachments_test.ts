import { assertEquals } from "@std/assert";
import * as z from "zod";
import {
  ATTACHMENT_REACHES,
  attachmentShape,
  attachmentsOf,
} from "../../../src/tools/attachments.ts";

Deno.test("attachmentsOf() puts images first, and of each kind those by URL", () => {
  const blocks = attachmentsOf({
    document_file_ids: ["file_3"],
    image_file_ids: ["file_1", "file_2"],
    document_urls: ["https://example.com/b.pdf"],
    image_urls: ["https://example.com/a.png"],
  });
  assertEquals(blocks, [
    { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
    { type: "image", source: { type: "file", file_id: "file_1" } },
    { type: "image", source: { type: "file", file_id: "file_2" } },
    { type: "document", source: { type: "url", url: "https://example.com/b.pdf" } },
    { type: "document", source: { type: "file", file_id: "file_3" } },
  ]);
  assertEquals(attachmentsOf({}), []);
});

Deno.test("every argument that takes file ids is one whose files are checked", () => {
  const names = Object.keys(attachmentShape());
  assertEquals(
    names.filter((name) => name.endsWith("_ids")).sort(),
    Object.keys(ATTACHMENT_REACHES).sort(),
  );
});

const URL_START = "https://a.example/";
const LISTS: readonly [string, Record<string, readonly string[]>, boolean][] = [
  ["ten addresses", { image_urls: Array(10).fill(URL_START) }, true],
  ["eleven addresses", { image_urls: Array(11).fill(URL_START) }, false],
  ["the longest address", { document_urls: [URL_START.padEnd(2_048, "b")] }, true],
  ["a longer address", { document_urls: [URL_START.padEnd(2_049, "b")] }, false],
  ["an address without TLS", { document_urls: ["http://a.example/"] }, false],
  ["ten files", { document_file_ids: Array(10).fill("file_1") }, true],
  ["eleven files", { document_file_ids: Array(11).fill("file_1") }, false],
  ["a path as a file id", { image_file_ids: ["../files"] }, false],
];

for (const [what, args, expected] of LISTS) {
  Deno.test(`attachmentShape() ${expected ? "takes" : "refuses"} ${what}`, () => {
    assertEquals(z.strictObject(attachmentShape()).safeParse(args).success, expected);
  });
}
