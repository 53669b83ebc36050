/**
 * Hosts without session views: nothing is different for them.
 */

import { assert, assertEquals } from "@std/assert";
import { closeStage, inBrowser } from "./stage.ts";

Deno.test.afterAll(closeStage);

const args = ["--tools=core,ask,files,actions"];

for (const way of ["http", "stdio"] as const) {
  for (const era of ["auto", "legacy"] as const) {
    Deno.test(inBrowser(
      `a host without the extension shows no page (${way}, ${era})`,
      { way, args, host: { era, declares: false } },
      async ({ host, page, simulator, tools }) => {
        const session_id = simulator.createSession({ agent: "script" });
        const call = await host.call("ask_agent", { session_id, message: "say Hello there." });
        const { structuredContent, _meta } = await host.result(call);
        assert(JSON.stringify(structuredContent).includes("Hello there."));
        assertEquals(Object.keys(_meta ?? {}).filter((key) => key.includes("view")), []);
        assertEquals(await page.locator("iframe").count(), 0);
        const appOnly = ["watch_session", "answer_tool_use"];
        assertEquals(tools.filter((name) => appOnly.includes(name)), []);
      },
    ));
  }
}
