/**
 * From a target to the arguments of the tools. Two steps, so that the same input gives the same
 * bytes: one bundle for all targets, which holds no path of this machine, and a file per target
 * around it. In one step, `deno compile --bundle` would put a random name and the time into it, and
 * it would be one part: see {@linkcode bundleArgs}.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import type { Parts } from "./parts.ts";
import type { Target } from "./targets.ts";

/** A permission set as `deno.json` spells it. */
export type PermissionSet = Readonly<Record<string, boolean | readonly string[]>>;

/** What `deno.json` says about the program. */
export interface Manifest {
  readonly version: string;
  readonly unstable: readonly string[];
  /** Those of the server. */
  readonly permissions: PermissionSet;
}

/** The part of the bundle that is compiled, in the folder in which the compiler runs. */
export const BUNDLE_NAME = "cma-mcp.mjs";

/** What the program may have at all; the compiler refuses to bake in more. */
const PERMITTED: readonly string[] = ["net", "env", "read"];

/**
 * The flags for a permission set. Everything that is not in it is refused without a question.
 *
 * @throws Error for a permission that the program must not have
 */
export function permissionFlags(permissions: PermissionSet): string[] {
  const flags = Object.entries(permissions).map(([name, value]) => {
    if (!PERMITTED.includes(name)) throw new Error(`The program must not have --allow-${name}`);
    if (name === "env" && value === true) throw new Error("The program must name its variables");
    return value === true ? `--allow-${name}` : `--allow-${name}=${[value].flat().join(",")}`;
  });
  return ["--no-prompt", "--deny-import", ...flags];
}

/**
 * Arguments that turn the program into a few files; smaller and faster to start than its many
 * modules. What a dynamic `import()` asks for is a part of its own: in one file with the rest, every
 * start would read the code of every command, and load the built-in modules that any of it imports.
 *
 * @param folder for the parts; that of the entry is called like the entry
 */
export function bundleArgs(entry: string, folder: string): string[] {
  return [
    "bundle",
    ...["--quiet", "--frozen", "--platform", "deno"],
    // Otherwise the names of modules stay in: the paths of this machine's package cache.
    "--minify",
    "--code-splitting",
    ...["--outdir", folder],
    entry,
  ];
}

/**
 * The export conditions by which packages are bundled, beside the usual ones. Only the MCP SDK has
 * something else under this one: a validator of JSON schemas that makes no code while it runs,
 * instead of ajv, which takes a tenth of a start and a sixth of the bundle. Neither is ever called,
 * but every server of the SDK holds one; and streams of a process, which `src/stdio.ts`
 * therefore names itself.
 */
const CONDITIONS = "browser";

/**
 * The environment of the bundler: what happens to be set must not change what comes out.
 *
 * @param conditions separated by commas; the program's where absent
 */
export function bundlerEnv(
  env: Readonly<Record<string, string>>,
  conditions: string = CONDITIONS,
): Record<string, string> {
  return { ...env, DENO_CONDITIONS: conditions };
}

/**
 * Arguments that put the bundle into an executable.
 *
 * @param manifest with the permissions that are baked in
 * @param output absolute path of the executable
 */
export function compileArgs(target: Target, manifest: Manifest, output: string): string[] {
  return [
    "compile",
    "--quiet",
    // The bundle has everything: what else is near it must not get in.
    ...["--no-config", "--no-lock", "--no-remote", "--no-npm", "--no-check"],
    // It would be written to a fixed name in the folder for temporary files of all users.
    "--no-code-cache",
    ...manifest.unstable.map((feature) => `--unstable-${feature}`),
    ...permissionFlags(manifest.permissions),
    ...["--target", target.triple],
    ...["--output", output],
    BUNDLE_NAME,
  ];
}

/** Variables that get into an executable when they are set while it is made. */
const BAKED_IN = /^(OTEL_.*|DENO_V8_FLAGS)$/;

/**
 * The environment of the compiler: what happens to be set must not change what comes out.
 *
 * @param traces whether the executable exports OpenTelemetry traces. Deno decides that while it
 * compiles (denoland/deno#28839): with it, they are on for good
 */
export function compilerEnv(
  env: Readonly<Record<string, string>>,
  traces: boolean,
): Record<string, string> {
  const kept = Object.entries(env).filter(([name]) => !BAKED_IN.test(name));
  return { ...Object.fromEntries(kept), ...(traces && { OTEL_DENO: "true" }) };
}

/** The commit that the source takes for "none"; exactly what `src/commands/version.ts` has. */
const NO_COMMIT = "commit-of-the-build";

/**
 * The bundle with the commit in it that it was made from.
 *
 * @param commit hexadecimal, with `+` behind it where files differed from it; undefined where there
 * is none
 * @throws Error when the bundle has no place for it
 */
export function bakeCommit(bundle: Parts, commit: string | undefined): Parts {
  if (commit === undefined) return bundle;
  if (![...bundle.values()].some((text) => text.includes(NO_COMMIT))) {
    throw new Error("The bundle has no place for the commit");
  }
  if (!/^[0-9a-f]{7,40}\+?$/.test(commit)) throw new Error(`'${commit}' is not a commit`);
  return new Map([...bundle].map(([name, text]) => [name, text.replaceAll(NO_COMMIT, commit)]));
}

/** What went wrong when no executable came out, in one line, and how to go on. */
export function compileFailure(target: Target, output: string): string {
  const plain = stripVTControlCharacters(output);
  if (/base binary|denort/i.test(plain)) {
    return `${target.name}: its runtime base (denort) cannot be downloaded here; ` +
      "compile where Deno's own host can be reached, or name such a file in DENORT_BIN";
  }
  const words = plain.replace(/\s*Stack backtrace:[\s\S]*/, "").replace(/\s+/g, " ").trim();
  return `${target.name}: ${words.slice(0, 500) || "the compiler said nothing"}`;
}

/** Why a target is not even tried where `DENORT_BIN` names a base; undefined where it is. */
export function baseMismatch(
  target: Target,
  hostTriple: string,
  denort: string | undefined,
): string | undefined {
  if (!denort || target.triple === hostTriple) return undefined;
  return `${target.name}: DENORT_BIN names a base for this machine only; unset it to build others`;
}
