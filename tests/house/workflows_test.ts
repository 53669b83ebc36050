import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";

/** Knows what GitHub accepts; that the steps do what they should, it cannot tell. */
const VALIDATOR = "npm:@action-validator/cli@0.6.0";

const ROOT = new URL("../../", import.meta.url);
const FOLDER = new URL(".github/workflows/", ROOT);
const NAMES = ["ci.yml", "release.yml"];

async function validate(path: string): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--no-config", "--no-lock", VALIDATOR, path],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test("every workflow is known to these tests", async () => {
  const found = await Array.fromAsync(Deno.readDir(FOLDER), ({ name }) => name);
  assertEquals(found.sort(), NAMES);
});

for (const name of NAMES) {
  Deno.test(`the workflow ${name} is one that GitHub accepts`, async () => {
    const { code, output } = await validate(fileURLToPath(new URL(name, FOLDER)));
    assertEquals(code, 0, output);
  });

  Deno.test(`the workflow ${name} would be refused with a word misspelt`, async () => {
    const path = await Deno.makeTempFile({ suffix: ".yml" });
    const text = await Deno.readTextFile(new URL(name, FOLDER));
    await Deno.writeTextFile(path, text.replace("runs-on:", "run-on:"));
    assert((await validate(path)).code !== 0);
    await Deno.remove(path);
  });

  Deno.test(`the workflow ${name} has the Deno that the project is tested with`, async () => {
    const ci = await Deno.readTextFile(new URL(".ci/run", ROOT));
    const version = /deno@(\d+\.\d+\.\d+)/.exec(ci)?.[1] ?? "none";
    const text = await Deno.readTextFile(new URL(name, FOLDER));
    assertStringIncludes(text, `deno-version: ${version}`);
    // A token that nobody needs is not left in the clone, and nothing may be written by default.
    assertStringIncludes(text, "permissions:\n  contents: read\n");
    const checkouts = text.split("uses: actions/checkout@").length - 1;
    assertEquals(text.split("persist-credentials: false").length - 1, checkouts);
  });
}
