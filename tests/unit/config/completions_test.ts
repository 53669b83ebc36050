import { assert, assertStringIncludes } from "@std/assert";
import { COMMANDS, SHELLS } from "../../../src/config/commands.ts";
import { completionScript } from "../../../src/config/completions.ts";
import { ALL_SETTINGS } from "../../../src/config/settings.ts";

for (const shell of SHELLS) {
  Deno.test(`completionScript() names every command and flag for ${shell}`, () => {
    const script = completionScript(shell);
    for (const name of Object.keys(COMMANDS)) {
      assert(new RegExp(`\\b${name}\\b`).test(script), name);
    }
    for (const { flag } of ALL_SETTINGS) {
      if (flag !== undefined) assertStringIncludes(script, flag);
    }
  });
}
