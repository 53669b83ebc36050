import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../../src/config/commands.ts";
import { SETTING_VARIABLES } from "../../../src/config/settings.ts";
import { HOST_NAMES } from "../../../src/hosts/names.ts";
import { helpText, settingLines } from "../../../src/config/help.ts";

const TOPICS = [
  undefined,
  "serve",
  "http",
  "oauth",
  "variables",
  "network",
  ...Object.keys(COMMANDS),
];

Deno.test("helpText() names every flag and every variable under some topic", () => {
  const help = TOPICS.map((topic) => helpText(topic)).join("\n");
  for (const { flag } of settingLines()) assertStringIncludes(help, flag);
  for (const name of SETTING_VARIABLES) assertStringIncludes(help, name);
});

for (const topic of TOPICS) {
  Deno.test(`helpText() of ${topic ?? "everything"} fits a screen of 36 lines by 80 columns`, () => {
    const lines = helpText(topic).split("\n");
    assert(lines.length <= 36, `${lines.length} lines`);
    assertEquals(lines.filter((line) => line.length > 80), []);
    // A flag that is as wide as its column runs into its help.
    assertEquals(lines.filter((line) => /^ {2}-.*>\S/.test(line)), []);
  });
}

Deno.test("helpText() names every command, and under a command only what applies to it", () => {
  const help = helpText();
  for (const name of Object.keys(COMMANDS)) assertStringIncludes(help, `cma-mcp ${name}`);
  const config = helpText("config");
  for (const host of HOST_NAMES) assertStringIncludes(config, host);
  assertStringIncludes(config, "--merge");
  assert(!config.includes("--seed") && !helpText("doctor").includes("--merge"));
});

Deno.test("settingLines() gives each setting a way to be set and a line of help", () => {
  for (const { flag, env, help } of settingLines()) {
    assert(flag !== "" || env.length > 0, help);
    assert(help.length > 5 && !help.endsWith("."), help);
  }
});

Deno.test("helpText() says where the variables for proxies and certificates stand", () => {
  assertStringIncludes(helpText(), "'cma-mcp help network'");
  const help = helpText("network");
  for (const name of ["HTTPS_PROXY", "NO_PROXY", "DENO_CERT", "DENO_TLS_CA_STORE"]) {
    assertStringIncludes(help, name);
  }
});
