import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
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

const stepSchema = z.object({
  name: z.string().optional(),
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
});
const jobSchema = z.object({ steps: z.array(stepSchema).default([]) });

/** The steps of a job in release.yml. */
async function stepsOf(job: string): Promise<z.output<typeof stepSchema>[]> {
  const text = await Deno.readTextFile(new URL("release.yml", FOLDER));
  const { jobs } = z.object({ jobs: z.record(z.string(), jobSchema) }).parse(parseYaml(text));
  return jobs[job]?.steps ?? [];
}

Deno.test("an image is pushed with its provenance and what it is made of", async () => {
  const [build, ...more] = (await stepsOf("image")).filter(({ uses }) =>
    uses?.startsWith("docker/build-push-action@")
  );
  assertEquals(more, []);
  assertEquals([build?.with?.provenance, build?.with?.sbom], ["mode=max", true]);
  assertEquals(build?.with?.tags, "${{ steps.tags.outputs.tags }}");
  // What has no digest yet cannot be attested.
  const steps = (await stepsOf("image")).map(({ uses = "" }) => uses.split("@")[0]);
  const attest = "actions/attest-build-provenance";
  assert(steps.indexOf(attest) > steps.indexOf("docker/build-push-action"));
});

/** Version and suffix of an image, and the tags that it is to have. */
const TAGS: readonly (readonly [string, string, readonly string[]])[] = [
  ["1.2.3", "", ["1.2.3", "latest"]],
  ["1.2.3", "-traces", ["1.2.3-traces"]],
  ["1.2.3-rc.1", "", ["1.2.3-rc.1"]],
  ["1.2.3-rc.1", "-traces", ["1.2.3-rc.1-traces"]],
];

for (const [version, suffix, tags] of TAGS) {
  Deno.test({
    name: `an image ${version}${suffix} is tagged ${tags.join(" and ")}`,
    // The workflow runs on Linux.
    ignore: Deno.build.os === "windows",
    async fn() {
      const script = (await stepsOf("image")).find(({ name }) => name === "its tags")?.run ?? "";
      const output = await Deno.makeTempFile();
      const { success } = await new Deno.Command("sh", {
        args: ["-euc", script],
        env: { IMAGE: "x", VERSION: version, SUFFIX: suffix, GITHUB_OUTPUT: output },
      }).output();
      assert(success);
      const expected = ["tags<<END", ...tags.map((tag) => `x:${tag}`), "END", ""].join("\n");
      assertEquals(await Deno.readTextFile(output), expected);
      await Deno.remove(output);
    },
  });
}

Deno.test({
  name: "a release is the latest only where its version is no pre-release",
  ignore: Deno.build.os === "windows",
  async fn() {
    const script = (await stepsOf("release")).find(({ name }) => name === "publish")?.run ?? "";
    for (const [tag, kind] of [["v1.2.3", "--latest"], ["v1.2.3-rc.1", "--prerelease"]]) {
      const { success, stdout } = await new Deno.Command("sh", {
        args: ["-euc", `mv() { :; }; gh() { echo "$@"; }\n${script}`],
        env: { TAG: tag ?? "", GITHUB_REPOSITORY: "example/cma-mcp" },
      }).output();
      assert(success);
      assertStringIncludes(new TextDecoder().decode(stdout), `release create ${tag} ${kind} `);
    }
  },
});
