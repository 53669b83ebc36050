import { assert, assertEquals } from "@std/assert";
import {
  declaredView,
  declaresView,
  PAGE_URI,
  readsPage,
  sessionPage,
  viewMeta,
} from "../../../src/mcp/session_view.ts";

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

const SHOWN = {
  extensions: { "io.modelcontextprotocol/ui": { mimeTypes: ["text/html;profile=mcp-app"] } },
};

function modern(capabilities: unknown) {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": capabilities,
  };
  return { method: "tools/list", params: { _meta } };
}

Deno.test("a message says if its client shows the view when it initializes, and in each envelope", () => {
  const opening = (capabilities: unknown) => ({ method: "initialize", params: { capabilities } });
  assertEquals(declaredView(opening(SHOWN)), true);
  assertEquals(declaredView(opening({})), false);
  assertEquals(declaredView(modern(SHOWN)), true);
  assertEquals(declaredView(modern({})), false);
  assertEquals(declaredView(modern(undefined)), false);
  const list = { method: "tools/list", params: { capabilities: SHOWN } };
  for (const silent of [list, { method: "tools/list" }, {}, null, [], [list], "initialize"]) {
    assertEquals(declaredView(silent), undefined, JSON.stringify(silent));
  }
  assertEquals(declaredView([list, opening(SHOWN)]), true);
  assertEquals(declaredView([list, opening({})]), false);
});

Deno.test("the page is read by its own address only", () => {
  const read = (uri: unknown) => ({ method: "resources/read", params: { uri } });
  assert(readsPage(read(PAGE_URI)));
  const others = [
    read("ui://cma-mcp/session.htm"),
    read(undefined),
    { method: "resources/read" },
    [
      read(PAGE_URI),
    ],
    { method: "tools/call", params: { uri: PAGE_URI } },
    null,
  ];
  for (const other of others) assertEquals(readsPage(other), false, JSON.stringify(other));
});

Deno.test("tools say their part in the view by both keys, and app-only ones nothing of the page", () => {
  assertEquals(viewMeta({ view: "shown" }), {
    "ui": { resourceUri: PAGE_URI },
    "ui/resourceUri": PAGE_URI,
  });
  assertEquals(viewMeta({ view: "app_only" }), { ui: { visibility: ["app"] } });
  assertEquals(viewMeta({}), {});
});
