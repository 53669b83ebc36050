import { assertEquals } from "@std/assert";
import { RULES } from "../../scripts/house/rules.ts";
import { readTree } from "../../scripts/house/tree.ts";

const files = await readTree(new URL("../../", import.meta.url));

for (const [name, rule] of Object.entries(RULES)) {
  Deno.test(`the project keeps the rule: ${name}`, () => {
    assertEquals(rule(files), []);
  });
}
