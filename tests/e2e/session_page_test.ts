// The page of the session view in every form in which the program is shipped; the npm package has a
// test of its own in npm_test.ts.
import { assert, assertEquals } from "@std/assert";
import { buildBundle, readManifest, readParts } from "../../scripts/compile/build.ts";
import { BUNDLE_NAME } from "../../scripts/compile/plan.ts";
import { callMethod } from "../../src/commands/mcp_call.ts";
import { SESSION_PAGE } from "../../src/mcp/session_page.ts";
import { startHttp } from "../helpers/http_program.ts";
import { pagePart } from "../helpers/page_part.ts";
import { Spawned } from "../helpers/spawned.ts";
import { inFolder } from "./compiled.ts";

const READ = { uri: "ui://cma-mcp/session.html" };

const CONTENTS = [{
  ...READ,
  mimeType: "text/html;profile=mcp-app",
  text: SESSION_PAGE,
  _meta: { ui: { prefersBorder: true } },
}];

Deno.test("the program serves the page on stdio", async () => {
  const program = new Spawned(["--simulate"]);
  await program.initialize();
  const { result } = await program.request("resources/read", READ);
  assertEquals(result, { contents: CONTENTS });
  await program.closeStdin();
  assertEquals((await program.ending()).code, 0);
});

Deno.test("the program serves the page over HTTP", async () => {
  await using http = await startHttp(["--simulate"]);
  assertEquals((await callMethod(http.endpoint, "resources/read", READ)).contents, CONTENTS);
});

Deno.test("the page is a part of the bundle that no start reads", () =>
  inFolder(async (folder) => {
    const manifest = await readManifest();
    const parts = await readParts(await buildBundle({ folder, manifest, source: { epoch: 0 } }));
    const page = pagePart(parts);
    const loaded = new Set<string>();
    const load = (name: string) => {
      if (loaded.has(name)) return;
      loaded.add(name);
      const text = parts.get(name) ?? "";
      for (const [, to = ""] of text.matchAll(/(?:\bfrom|\bimport)"\.\/([\w.-]+)"/g)) load(to);
    };
    // With all that any command or the server loads later, and without what the page's reader loads.
    for (const [name, text] of parts) {
      for (const [, to = ""] of text.matchAll(/\bimport\("\.\/([\w.-]+)"\)/g)) {
        if (to !== page) load(to);
      }
      if (name === BUNDLE_NAME) load(name);
    }
    assert(loaded.size > parts.size / 2, `${loaded.size} of ${parts.size} parts`);
    assert(!loaded.has(page), `${page} is loaded with other code`);
  }));
