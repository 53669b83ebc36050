import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  buildBundle,
  buildExecutable,
  type BuildOptions,
  readManifest,
  readParts,
  toolsOf,
} from "../../scripts/compile/build.ts";
import { BUNDLE_NAME } from "../../scripts/compile/plan.ts";
import { type Target, TARGETS } from "../../scripts/compile/targets.ts";
import { type Ran, readSource, type Run, run, sha256 } from "../../scripts/compile/tools.ts";
import { ENV_NAMES } from "../../src/config/settings.ts";

const OK: Ran = { success: true, stdout: "", stderr: "" };
const EPOCH = 1_700_000_000;
const own: Target | undefined = TARGETS.find(({ triple }) => triple === Deno.build.target);

function options(folder: string, fake: Run): BuildOptions {
  return {
    folder,
    manifest: { version: "1.2.3", unstable: [], permissions: { net: true } },
    source: { commit: "0123abcd", epoch: EPOCH },
    run: fake,
  };
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A bundler that writes these files. */
function bundler(files: Readonly<Record<string, string>>): Run {
  return async (_, args, { env } = {}) => {
    assertEquals(env?.DENO_CONDITIONS, "browser");
    const folder = args[args.indexOf("--outdir") + 1] ?? "";
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    return OK;
  };
}

Deno.test("buildBundle() bakes the commit in and gives the files the time of the source", async () => {
  await inFolder(async (folder) => {
    const fake = bundler({
      "main.js": 'import("./a-XYZ.js")',
      "a-XYZ.js": 'print("commit-of-the-build")',
    });
    const bundle = await buildBundle(options(folder, fake));
    const parts = { [BUNDLE_NAME]: 'import("./1.mjs")', "1.mjs": 'print("0123abcd")' };
    assertEquals(Object.fromEntries(await readParts(bundle)), parts);
    for (const name of Object.keys(parts)) {
      assertEquals((await Deno.stat(`${bundle}/${name}`)).mtime?.getTime(), EPOCH * 1000);
    }
  });
});

Deno.test("buildBundle() leaves nothing of an earlier one", async () => {
  await inFolder(async (folder) => {
    const main = "run('commit-of-the-build')";
    await buildBundle(
      options(folder, bundler({ "main.js": `import"./a.js";${main}`, "a.js": "" })),
    );
    const bundle = await buildBundle(options(folder, bundler({ "main.js": main })));
    assertEquals([...(await readParts(bundle)).keys()], [BUNDLE_NAME]);
  });
});

Deno.test("buildBundle() fails with the words of the tool", async () => {
  await inFolder(async (folder) => {
    const fake: Run = () => Promise.resolve({ success: false, stdout: "", stderr: "no esbuild\n" });
    await assertRejects(() => buildBundle(options(folder, fake)), Error, "no esbuild");
  });
});

Deno.test("buildExecutable() runs the compiler that was named, beside the bundle", async () => {
  const calls: [string, unknown, boolean][] = [];
  const fake: Run = (command, _, { cwd, env } = {}) => {
    calls.push([command, cwd, env?.OTEL_DENO === "true"]);
    return Promise.resolve(OK);
  };
  assert(own);
  const named = { ...options("/folder", fake), compiler: "/other/deno" };
  assertEquals(await buildExecutable(own, "/out", named), { target: own, path: "/out" });
  await buildExecutable(own, "/out", { ...named, traces: true });
  assertEquals(calls, [["/other/deno", "/folder/bundle", false], [
    "/other/deno",
    "/folder/bundle",
    true,
  ]]);
});

Deno.test("buildExecutable() fails with the compiler's words, and for a base of another target without compiling", async () => {
  let runs = 0;
  const fake: Run = () => {
    runs++;
    return Promise.resolve({
      success: false,
      stdout: "",
      stderr: "error: Setting up base binary.",
    });
  };
  assert(own);
  const failed = await buildExecutable(own, "/out", options("/folder", fake));
  assert("failure" in failed && failed.failure.includes("runtime base"));
  const other = TARGETS.find(({ triple }) => triple !== Deno.build.target);
  assert(other);
  const withBase = { ...options("/folder", fake), denort: "/denort" };
  const refused = await buildExecutable(other, "/out", withBase);
  assert("failure" in refused && refused.failure.includes("DENORT_BIN"));
  assertEquals(runs, 1);
});

Deno.test("readManifest() has the permissions of the server: network, reading, the settings' names", async () => {
  const { permissions, unstable } = await readManifest();
  assertEquals(Object.keys(permissions).sort(), ["env", "net", "read"]);
  assertEquals([permissions.env].flat(), [...ENV_NAMES]);
  assertEquals([...unstable], ["no-legacy-abort"]);
});

Deno.test("toolsOf() treats empty variables as unset", () => {
  const env: Record<string, string> = { DENO_COMPILE: "/deno", DENORT_BIN: "" };
  assertEquals(toolsOf((name) => env[name]), { compiler: "/deno", denort: undefined });
});

const root = new URL("file:///project/");
const git = (status: string): Run => (_, [command]) => {
  const stdout = { "rev-parse": "0123456789ab\n", status, log: `${EPOCH}\n` }[command ?? ""];
  return Promise.resolve({ success: true, stdout: stdout ?? "", stderr: "" });
};
const noGit: Run = () => Promise.resolve({ success: false, stdout: "", stderr: "no git" });

Deno.test("readSource() gives commit and time, and marks a commit that files differ from", async () => {
  const none = () => undefined;
  const clean = await readSource(root, none, git(""));
  assertEquals(clean, { commit: "0123456789ab", epoch: EPOCH });
  assertEquals((await readSource(root, none, git(" M a.ts\n"))).commit, "0123456789ab+");
});

Deno.test("readSource() prefers the environment to git, and needs no git", async () => {
  const env: Record<string, string> = { CMA_MCP_COMMIT: "feedbeef", SOURCE_DATE_EPOCH: "12" };
  for (const runs of [noGit, git("")]) {
    const source = await readSource(root, (name) => env[name], runs);
    assertEquals(source, { commit: "feedbeef", epoch: 12 });
  }
});

Deno.test("readSource() gives no commit without git and environment", async () => {
  assertEquals(await readSource(root, () => undefined, noGit), { epoch: 0 });
  assertEquals(await readSource(root, () => "", noGit), { epoch: 0 });
});

Deno.test("run() gives what a program wrote, and a failure for one that is not there", async () => {
  const ran = await run(Deno.execPath(), ["eval", "console.log(Deno.env.get('A'))"], {
    env: { A: "b", NO_COLOR: "1", HOME: Deno.env.get("HOME") ?? "" },
  });
  assertEquals([ran.success, ran.stdout.trim()], [true, "b"]);
  assertEquals((await run("./no-such-program", [])).success, false);
});

Deno.test("sha256() is that of the standard's example", async () => {
  assertEquals(
    await sha256(new TextEncoder().encode("abc")),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});
