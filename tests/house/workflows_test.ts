import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runPackage } from "../helpers/run_deno.ts";

/** Knows what GitHub accepts; that the steps do what they should, it cannot tell. */
const VALIDATOR = "npm:@action-validator/cli@0.6.0";

const ROOT = new URL("../../", import.meta.url);
const FOLDER = new URL(".github/workflows/", ROOT);
const NAMES = ["ci.yml", "release.yml"];

/** A permission that GitHub has had since 2024, which the validator's own list of them lacks. */
const NEWER = /^ {6}attestations: write\n/gm;

async function validate(text: string): Promise<{ code: number; output: string }> {
  const path = await Deno.makeTempFile({ suffix: ".yml" });
  await Deno.writeTextFile(path, text.replace(NEWER, ""));
  const { code, stdout, stderr } = await runPackage(VALIDATOR, [path]);
  await Deno.remove(path);
  return { code, output: stdout + stderr };
}

Deno.test("every workflow is known to these tests", async () => {
  const found = await Array.fromAsync(Deno.readDir(FOLDER), ({ name }) => name);
  assertEquals(found.sort(), NAMES);
});

for (const name of NAMES) {
  Deno.test(`the workflow ${name} is one that GitHub accepts`, async () => {
    const { code, output } = await validate(await Deno.readTextFile(new URL(name, FOLDER)));
    assertEquals(code, 0, output);
  });

  Deno.test(`the workflow ${name} would be refused with a word misspelt`, async () => {
    const text = await Deno.readTextFile(new URL(name, FOLDER));
    assert((await validate(text.replace("runs-on:", "run-on:"))).code !== 0);
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

/** The jobs of a workflow: name, the jobs that it waits for, and its text. */
function jobsOf(
  workflow: string,
): Map<string, { readonly needs: string[]; readonly text: string }> {
  const [, jobs = ""] = workflow.split(/^jobs:\n/m);
  const parts = jobs.split(/^ {2}(?=[\w-]+:\n)/m).filter((part) => /^[\w-]+:\n/.test(part));
  return new Map(parts.map((text) => {
    const needs = /^ {4}needs: (.+)$/m.exec(text)?.[1]?.match(/[\w-]+/g) ?? [];
    return [text.slice(0, text.indexOf(":")), { needs: [...needs], text }];
  }));
}

for (const name of NAMES) {
  Deno.test(`the workflow ${name} uses actions by their commit, with the version beside it`, async () => {
    const text = await Deno.readTextFile(new URL(name, FOLDER));
    const uses = [...text.matchAll(/^\s*(?:- )?uses: (.*)$/gm)].map(([, what]) => what ?? "");
    assert(uses.length > 0);
    for (const what of uses) {
      const pinned = what.startsWith("./") ||
        /^[\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(what);
      assert(pinned, `${what} can be changed by whoever owns it`);
    }
  });
}

Deno.test("the workflows use the same version of an action", async () => {
  const texts = await Promise.all(NAMES.map((name) => Deno.readTextFile(new URL(name, FOLDER))));
  const uses = texts.flatMap((text) => text.match(/[\w-]+\/[\w/-]+@[0-9a-f]{40}/g) ?? []);
  assertEquals(new Set(uses).size, new Set(uses.map((what) => what.split("@")[0])).size);
});

Deno.test("nothing is published before the tag is known to be the version and all has passed", async () => {
  const jobs = jobsOf(await Deno.readTextFile(new URL("release.yml", FOLDER)));
  const waitsFor = (name: string): string[] =>
    (jobs.get(name)?.needs ?? []).flatMap((needed) => [needed, ...waitsFor(needed)]);
  const checks = [...jobs].filter(([, { text }]) =>
    text.includes("- name: the tag is the version")
  );
  assertEquals(checks.map(([name]) => name), ["version"]);
  const publishers = [...jobs].filter(([, { text }]) =>
    /^ {6}(contents|packages): write$/m.test(text)
  );
  assertEquals(publishers.map(([name]) => name), ["release", "image"]);
  for (const [name, { text }] of publishers) {
    for (const needed of ["version", "ci"]) assert(waitsFor(name).includes(needed), name);
    // Whoever gets it can see that it was made here.
    assertStringIncludes(text, "uses: actions/attest-build-provenance@");
    assertStringIncludes(text, "      id-token: write\n      attestations: write\n");
  }
});
