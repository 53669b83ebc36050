import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ENV_NAMES, SETTINGS } from "../../../src/config/flags.ts";
import { helpText, settingLines } from "../../../src/config/help.ts";

Deno.test("helpText() names every flag and every variable, within 80 columns", () => {
  const help = helpText();
  for (const { flag } of settingLines()) assertStringIncludes(help, flag);
  for (const name of ENV_NAMES) assertStringIncludes(help, name);
  const tooWide = help.split("\n").filter((line) => line.length > 80);
  assertEquals(tooWide, []);
});

Deno.test("settingLines() gives each setting a way to be set and a line of help", () => {
  for (const { flag, env, help } of settingLines()) {
    assert(flag !== "" || env.length > 0, help);
    assert(help.length > 5 && !help.endsWith("."), help);
  }
});

Deno.test("SETTINGS keeps secrets off the command line", () => {
  for (const setting of Object.values(SETTINGS)) {
    assert(!setting.secret || setting.flag === undefined, setting.help);
  }
});

Deno.test("SETTINGS has no flag and no variable twice", () => {
  const flags = Object.values(SETTINGS).flatMap(({ flag }) => flag ?? []);
  assertEquals(new Set(flags).size, flags.length);
  assertEquals(new Set(ENV_NAMES).size, ENV_NAMES.length);
});
