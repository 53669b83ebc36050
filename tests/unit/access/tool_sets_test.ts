import { assert, assertEquals } from "@std/assert";
import { DEFAULT_SETS, TOOL_SET_NAMES } from "../../../src/access/tool_sets.ts";
import { TOOL_SETS } from "../../../src/tools/registry.ts";

Deno.test("TOOL_SET_NAMES are the registry's sets, in the order of tools/list", () => {
  assertEquals(Object.keys(TOOL_SETS), [...TOOL_SET_NAMES]);
  assert(DEFAULT_SETS.every((name) => TOOL_SET_NAMES.includes(name)));
});
