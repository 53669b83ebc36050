import { assert, assertEquals } from "@std/assert";
import { instructions } from "../../../src/mcp/server.ts";

Deno.test("instructions() say whose tools they name, since hosts have some of the same name", () => {
  for (const simulated of [false, true]) {
    const text = instructions(simulated);
    assert(text.indexOf("this server's tools") < text.indexOf("list_agents"), text);
    assert(text.includes("this server's tools"));
    assertEquals(text.length < 2_048, true);
  }
});
