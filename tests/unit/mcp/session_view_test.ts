import { assert, assertEquals } from "@std/assert";
import { declaresView, PAGE_URI, sessionPage } from "../../../src/mcp/session_view.ts";

Deno.test("a client shows the view if it declares the extension with the type of our page", () => {
  const declared = (extension: unknown) =>
    declaresView({ extensions: { "io.modelcontextprotocol/ui": extension } });
  assert(declared({ mimeTypes: ["text/html;profile=mcp-app"] }));
  assert(declared({ mimeTypes: ["text/plain", "text/html;profile=mcp-app"], elicitation: {} }));
  const others = [undefined, null, {}, [], "", { mimeTypes: "text/html;profile=mcp-app" }, {
    mimeTypes: ["text/html"],
  }];
  for (const other of others) assertEquals(declared(other), false, JSON.stringify(other));
  const without = [undefined, null, {}, { extensions: null }, { extensions: [] }];
  for (const none of without) assertEquals(declaresView(none), false, JSON.stringify(none));
});

Deno.test("the page is one content of the type that hosts compare, with no connection allowed", async () => {
  const [page, ...others] = await sessionPage();
  assertEquals(others, []);
  assertEquals(page?.uri, PAGE_URI);
  assertEquals(page?.mimeType, "text/html;profile=mcp-app");
  assertEquals(page?._meta, { ui: { prefersBorder: true } });
  assert(page && "text" in page && page.text.startsWith("<!doctype html>"));
});
