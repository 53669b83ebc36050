import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../../../src/config/commands.ts";
import { settingLines } from "../../../src/config/help.ts";
import { ALL_SETTINGS, type CommandName, ENV_NAMES } from "../../../src/config/settings.ts";

Deno.test("SETTINGS keeps secrets off the command line", () => {
  for (const setting of ALL_SETTINGS) {
    assert(!setting.secret || setting.flag === undefined, setting.help);
  }
});

Deno.test("SETTINGS has no flag and no variable twice", () => {
  for (const command of ["serve", ...Object.keys(COMMANDS)]) {
    const flags = settingLines(command as CommandName).map(({ flag }) => flag.split(" ")[0])
      .filter((flag) => flag !== "");
    assertEquals(new Set(flags).size, flags.length, command);
  }
  assertEquals(new Set(ENV_NAMES).size, ENV_NAMES.length);
});
