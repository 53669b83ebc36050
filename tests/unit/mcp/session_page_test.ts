import { assert, assertEquals } from "@std/assert";
import { MAX_PAGE_BYTES } from "../../../scripts/sizes/limits.ts";
import { SESSION_PAGE } from "../../../src/mcp/session_page.ts";

Deno.test("the page of the session view is small", () => {
  const bytes = new TextEncoder().encode(SESSION_PAGE).length;
  assert(bytes <= MAX_PAGE_BYTES, `It has ${bytes} bytes.`);
});

Deno.test("the page has one style and one script, and names nothing to load", () => {
  // The script is text to the parser of HTML: what begins a tag there is none.
  const markup = SESSION_PAGE.replace(/<script>[\s\S]*<\/script>/, "<script></script>")
    .replace(/<style>[\s\S]*<\/style>/, "<style></style>");
  assertEquals(markup.match(/<(?:script|style)\b[^>]*>/g), ["<style>", "<script>"]);
  assertEquals(markup.match(/\b(?:src|href|action|data|poster|srcset)\s*=/g), null);
  const style = SESSION_PAGE.match(/<style>([\s\S]*?)<\/style>/)?.[1] ?? "";
  assertEquals(style.match(/url\(|@import|image-set\(/g), null);
});

Deno.test("the script closes itself only once, and reads nothing as HTML or code", () => {
  assertEquals(SESSION_PAGE.match(/<\/script/gi)?.length, 1);
  const uses = /\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/g;
  assertEquals(SESSION_PAGE.match(uses), null);
});
