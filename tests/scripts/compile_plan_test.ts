import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  bakeCommit,
  baseMismatch,
  BUNDLE_NAME,
  bundleArgs,
  bundlerEnv,
  compileArgs,
  compileFailure,
  compilerEnv,
  type Manifest,
  permissionFlags,
} from "../../scripts/compile/plan.ts";
import { selectTargets, type Target, TARGETS } from "../../scripts/compile/targets.ts";

const LINUX_TRIPLE = "x86_64-unknown-linux-gnu";

function target(name: string): Target {
  const found = TARGETS.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`There is no target ${name}`);
  return found;
}

const manifest: Manifest = {
  version: "1.2.3",
  unstable: ["no-legacy-abort"],
  permissions: { net: true, read: true, env: ["HOST", "PORT"] },
};

const selections: readonly [what: string, words: readonly string[], names: readonly string[]][] = [
  ["the machine's own without words", [], ["linux-x64"]],
  ["one by name", ["macos-arm64"], ["macos-arm64"]],
  ["several, each once", ["windows-x64,linux-arm64", "windows-x64"], [
    "windows-x64",
    "linux-arm64",
  ]],
  ["all", ["all"], [
    "linux-x64",
    "linux-arm64",
    "macos-x64",
    "macos-arm64",
    "windows-x64",
    "windows-arm64",
  ]],
];
for (const [what, words, names] of selections) {
  Deno.test(`selectTargets() takes ${what}`, () => {
    assertEquals(selectTargets(words, LINUX_TRIPLE).map(({ name }) => name), [...names]);
  });
}

Deno.test("selectTargets() names the targets when another is asked for", () => {
  assertThrows(
    () => selectTargets(["plan9"], LINUX_TRIPLE),
    Error,
    "one of linux-x64, linux-arm64",
  );
  assertThrows(() => selectTargets([], "riscv64-plan9"), Error, "type --target");
});

Deno.test("TARGETS differ in name and triple, and only Windows has an extension", () => {
  assertEquals(new Set(TARGETS.map(({ name }) => name)).size, TARGETS.length);
  assertEquals(new Set(TARGETS.map(({ triple }) => triple)).size, TARGETS.length);
  for (const { name, os, arch, extension } of TARGETS) {
    assertEquals(name, `${os}-${arch}`);
    assertEquals(extension, os === "windows" ? ".exe" : "");
  }
});

Deno.test("permissionFlags() names what is allowed, and neither asks nor imports", () => {
  assertEquals(permissionFlags(manifest.permissions), [
    "--no-prompt",
    "--deny-import",
    "--allow-net",
    "--allow-read",
    "--allow-env=HOST,PORT",
  ]);
});

for (const name of ["write", "run", "ffi", "sys", "all", "import"]) {
  Deno.test(`permissionFlags() refuses a set with ${name}`, () => {
    assertThrows(() => permissionFlags({ net: true, [name]: true }), Error, `--allow-${name}`);
  });
}

Deno.test("permissionFlags() refuses the whole environment", () => {
  assertThrows(() => permissionFlags({ env: true }), Error, "name its variables");
});

Deno.test("bundleArgs() minifies, so that no path of the machine stays in, into parts", () => {
  const args = bundleArgs("src/main.ts", "/out/bundle");
  for (const flag of ["--minify", "--frozen", "--code-splitting"]) {
    assert(args.includes(flag), flag);
  }
  assertEquals(args.slice(-3), ["--outdir", "/out/bundle", "src/main.ts"]);
});

Deno.test("bundlerEnv() leaves out variables that choose between builds of packages", () => {
  const env = { PATH: "/bin", DENO_CONDITIONS: "development" };
  assertEquals(bundlerEnv(env), { PATH: "/bin", DENO_CONDITIONS: "browser" });
  assertEquals(bundlerEnv(env, ""), { PATH: "/bin", DENO_CONDITIONS: "" });
});

Deno.test("compileArgs() embeds the bundle alone, for the target, with the permissions", () => {
  for (const each of TARGETS) {
    const args = compileArgs(each, manifest, `/out/cma-mcp${each.extension}`);
    assertEquals(args[0], "compile");
    assertEquals(args.at(-1), BUNDLE_NAME);
    assertEquals(args[args.indexOf("--target") + 1], each.triple);
    assertEquals(args[args.indexOf("--output") + 1], `/out/cma-mcp${each.extension}`);
    for (
      const flag of [
        "--no-prompt",
        "--no-config",
        "--no-npm",
        "--no-remote",
        "--no-code-cache",
        "--unstable-no-legacy-abort",
        "--allow-env=HOST,PORT",
      ]
    ) assert(args.includes(flag), flag);
    const allowed = args.filter((arg) => arg.startsWith("--allow"));
    assertEquals(allowed, ["--allow-net", "--allow-read", "--allow-env=HOST,PORT"]);
    assert(!args.includes("-A") && !args.some((arg) => arg.startsWith("--icon")));
  }
});

Deno.test("compileArgs() are the same for the same input", () => {
  const plan = () => compileArgs(target("linux-x64"), manifest, "/out/cma-mcp");
  assertEquals(plan(), plan());
});

Deno.test("compilerEnv() leaves out variables that would get into the executable", () => {
  const env = {
    PATH: "/bin",
    DENORT_BIN: "/denort",
    OTEL_DENO: "true",
    OTEL_SERVICE_NAME: "mine",
    DENO_V8_FLAGS: "--jitless",
  };
  assertEquals(compilerEnv(env, false), { PATH: "/bin", DENORT_BIN: "/denort" });
  assertEquals(compilerEnv(env, true), { PATH: "/bin", DENORT_BIN: "/denort", OTEL_DENO: "true" });
});

Deno.test("bakeCommit() puts the commit wherever the bundle wants it", () => {
  const bundle = new Map([["a", 'let a="commit-of-the-build";b("commit-of-the-build")'], [
    "b",
    "",
  ]]);
  const baked = new Map([["a", 'let a="0123abcd+";b("0123abcd+")'], ["b", ""]]);
  assertEquals(bakeCommit(bundle, "0123abcd+"), baked);
  assertEquals(bakeCommit(bundle, undefined), bundle);
});

Deno.test("bakeCommit() refuses what is no commit, and a bundle without a place for one", () => {
  const bake = (text: string, commit: string) => () => bakeCommit(new Map([["a", text]]), commit);
  assertThrows(bake("commit-of-the-build", '";evil("'), Error, "is not a commit");
  assertThrows(bake("let a=1", "0123abcd"), Error, "no place");
});

Deno.test("bakeCommit() finds the place that the program has", async () => {
  const source = new URL("../../src/commands/version.ts", import.meta.url);
  const baked = bakeCommit(new Map([["version", await Deno.readTextFile(source)]]), "0123abcd");
  assert(baked.get("version")?.includes('"0123abcd"'));
});

Deno.test("compileFailure() says in one line that the base cannot be had, and how to go on", () => {
  const output = "\x1b[31merror\x1b[0m: Writing\n\nCaused by:\n 0: Setting up base binary.\n" +
    " 1: dns error\n\nStack backtrace:\n 0: <unknown>";
  const line = compileFailure(target("macos-x64"), output);
  assert(/^macos-x64: .*cannot be downloaded.*DENORT_BIN$/.test(line), line);
});

Deno.test("compileFailure() repeats other words without colours, lines and stack", () => {
  const output = "\x1b[31merror\x1b[0m: Disk\n  full\n\nStack backtrace:\n 0: <unknown>";
  assertEquals(compileFailure(target("linux-x64"), output), "linux-x64: error: Disk full");
  assertEquals(compileFailure(target("linux-x64"), ""), "linux-x64: the compiler said nothing");
});

Deno.test("baseMismatch() refuses the base of another target", () => {
  assertEquals(baseMismatch(target("linux-x64"), LINUX_TRIPLE, "/denort"), undefined);
  assertEquals(baseMismatch(target("macos-x64"), LINUX_TRIPLE, undefined), undefined);
  assert(baseMismatch(target("macos-x64"), LINUX_TRIPLE, "/denort")?.includes("unset it"));
});
