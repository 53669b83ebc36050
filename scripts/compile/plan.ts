/**
 * Chooses the arguments and the environment of bundler and compiler. There are two steps, so that
 * the same source gives the same bytes: one bundle for all targets, which holds no path of this
 * machine, and around it an executable per target. In one step, `deno compile --bundle` would put a
 * random name and the time into it, and make one part of everything: see {@linkcode bundleArgs}.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import type { Parts } from "./parts.ts";
import type { Target } from "./targets.ts";

/** A permission set as `deno.json` spells it. */
export type PermissionSet = Readonly<Record<string, boolean | readonly string[]>>;

/** The part of `deno.json` that matters here. */
export interface Manifest {
  readonly version: string;
  readonly unstable: readonly string[];
  /** The permission set of the server. */
  readonly permissions: PermissionSet;
}

/** Name of the bundle's entry, in the folder in which the compiler runs. */
export const BUNDLE_NAME = "cma-mcp.mjs";

/** The only permissions that an executable may get. */
const PERMITTED: readonly string[] = ["net", "env", "read"];

/**
 * Returns the flags for a permission set. The executable refuses everything else without asking.
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
 * Returns the bundler's arguments. The few files of a bundle are smaller and start faster than the
 * program's many modules. Each dynamic `import()` gets a part of its own: in one file, every start
 * would read the code of every command, and load the built-in modules that any of it imports.
 *
 * @param folder for the parts; the entry's part has the entry's name
 */
export function bundleArgs(entry: string, folder: string): string[] {
  return [
    "bundle",
    ...["--quiet", "--frozen", "--platform", "deno"],
    // Without it, the bundle would hold paths of this machine's package cache.
    "--minify",
    "--code-splitting",
    ...["--outdir", folder],
    entry,
  ];
}

/**
 * Export conditions of packages beside the usual ones. Only the MCP SDK has something under this
 * one: a validator of JSON schemas that generates no code, in place of ajv, which takes a tenth of
 * a start and a sixth of the bundle. Neither is ever called, but every server of the SDK makes one.
 * The SDK's process streams are missing under it, so `src/stdio.ts` gets its own.
 */
const CONDITIONS = "browser";

/**
 * Returns the environment of the bundler. Variables that happen to be set must not change the
 * bundle.
 *
 * @param conditions export conditions, separated by commas; those of the program when absent
 */
export function bundlerEnv(
  env: Readonly<Record<string, string>>,
  conditions: string = CONDITIONS,
): Record<string, string> {
  return { ...env, DENO_CONDITIONS: conditions };
}

/**
 * Returns the compiler's arguments, which put the bundle into an executable.
 *
 * @param manifest with the permissions that are baked in
 * @param output absolute path of the executable
 */
export function compileArgs(target: Target, manifest: Manifest, output: string): string[] {
  return [
    "compile",
    "--quiet",
    // The bundle has everything; no other file near it may get in.
    ...["--no-config", "--no-lock", "--no-remote", "--no-npm", "--no-check"],
    // The executable would write it to a fixed name in the folder for all users' temporary files.
    "--no-code-cache",
    ...manifest.unstable.map((feature) => `--unstable-${feature}`),
    ...permissionFlags(manifest.permissions),
    ...["--target", target.triple],
    ...["--output", output],
    BUNDLE_NAME,
  ];
}

/** Variables that the compiler writes into an executable if they are set. */
const BAKED_IN = /^(OTEL_.*|DENO_V8_FLAGS)$/;

/**
 * Returns the environment of the compiler. Variables that happen to be set must not change the
 * executable.
 *
 * @param traces makes the executable export OpenTelemetry traces. Deno decides that while it
 *   compiles (denoland/deno#28839), so such an executable always exports them
 */
export function compilerEnv(
  env: Readonly<Record<string, string>>,
  traces: boolean,
): Record<string, string> {
  const kept = Object.entries(env).filter(([name]) => !BAKED_IN.test(name));
  return { ...Object.fromEntries(kept), ...(traces && { OTEL_DENO: "true" }) };
}

/** The text that stands for the commit in `src/commands/version.ts`; both must be the same. */
const NO_COMMIT = "commit-of-the-build";

/**
 * Returns the bundle with the commit in it from which it was made.
 *
 * @param commit hexadecimal, followed by `+` if files differed from it; undefined when unknown
 * @throws Error when the bundle has no place for it, or the commit is not one
 */
export function bakeCommit(bundle: Parts, commit: string | undefined): Parts {
  if (commit === undefined) return bundle;
  if (![...bundle.values()].some((text) => text.includes(NO_COMMIT))) {
    throw new Error("The bundle has no place for the commit");
  }
  if (!/^[0-9a-f]{7,40}\+?$/.test(commit)) throw new Error(`'${commit}' is not a commit`);
  return new Map([...bundle].map(([name, text]) => [name, text.replaceAll(NO_COMMIT, commit)]));
}

/** Returns one line that says why the compiler made no executable, and what to do. */
export function compileFailure(target: Target, output: string): string {
  const plain = stripVTControlCharacters(output);
  if (/base binary|denort/i.test(plain)) {
    return `${target.name}: its runtime base (denort) cannot be downloaded here; ` +
      "compile where Deno's own host can be reached, or name such a file in DENORT_BIN";
  }
  const words = plain.replace(/\s*Stack backtrace:[\s\S]*/, "").replace(/\s+/g, " ").trim();
  return `${target.name}: ${words.slice(0, 500) || "the compiler said nothing"}`;
}

/** Returns why `DENORT_BIN` cannot serve a target; undefined if it can. */
export function baseMismatch(
  target: Target,
  hostTriple: string,
  denort: string | undefined,
): string | undefined {
  if (!denort || target.triple === hostTriple) return undefined;
  return `${target.name}: DENORT_BIN names a base for this machine only; unset it to build others`;
}
