import { assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import {
  renderReadme,
  settingTable,
  toolSetTables,
  toolTable,
} from "../../scripts/house/readme.ts";

Deno.test("toolTable() marks optional parameters and gives the first sentence", () => {
  const tool = {
    name: "get_thing",
    description: "Gets a thing | or two. Then more.",
    annotations: { readOnlyHint: true },
    input: z.object({
      thing_id: z.string(),
      limit: z.number().default(5),
      all: z.boolean().optional(),
    }),
  };
  assertEquals(
    toolTable([tool]).split("\n").at(-1),
    "| `get_thing` | `thing_id`, `limit?`, `all?` | reads | Gets a thing \\| or two. |",
  );
});

Deno.test("toolSetTables() puts opt-in sets below the tools that are always there", () => {
  const tables = toolSetTables({ core: [], extra: [] }).split("\n\n");
  assertEquals([tables[1], tables[0] === tables[2]], ["Set `extra`, opt-in:", true]);
});

Deno.test("settingTable() leaves empty what a setting does not have", () => {
  const line = { flag: "", env: ["A", "B"], fallback: "none", help: "Sets it" };
  assertEquals(
    settingTable([line]).split("\n").at(-1),
    "|      | `A`, `B`    | none    | Sets it |",
  );
});

Deno.test("renderReadme() replaces what is between the markers and nothing else", () => {
  const text = "before\n<!-- generated:a -->\nold $& text\n<!-- end -->\nafter\n";
  const rendered = renderReadme(text, { a: "new $& text" });
  assertEquals(rendered, "before\n<!-- generated:a -->\n\nnew $& text\n\n<!-- end -->\nafter\n");
  assertEquals(renderReadme(rendered, { a: "new $& text" }), rendered);
});

Deno.test("renderReadme() fails for unknown and for missing parts", () => {
  const text = "<!-- generated:a -->\n<!-- end -->\n";
  assertThrows(() => renderReadme(text, {}), Error, "unknown part: a");
  assertThrows(() => renderReadme(text, { a: "", b: "" }), Error, "no place for: b");
});
