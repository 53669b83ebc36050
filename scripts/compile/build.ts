/**
 * Makes the bundle, and an executable of it for one target.
 *
 * @module
 */

import { basename } from "node:path";
import { fileURLToPath } from "node:url";
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
} from "./plan.ts";
import { type Parts, renameParts, requireApart } from "./parts.ts";
import type { Target } from "./targets.ts";
import { type Run, run, type Source } from "./tools.ts";

/** The folder of this project. */
export const ROOT: URL = new URL("../../", import.meta.url);

/** An executable, or one line that says why there is none. */
export type Built =
  | { readonly target: Target; readonly path: string }
  | { readonly target: Target; readonly failure: string };

/** How a bundle and executables are made. */
export interface BuildOptions {
  /** Absolute path of the folder for intermediate files. */
  readonly folder: string;
  readonly manifest: Manifest;
  readonly source: Source;
  /** Path of the entry module; `src/main.ts` when absent. */
  readonly entry?: string;
  /** Export conditions of packages; see `bundlerEnv`. */
  readonly conditions?: string;
  /** Path of the Deno that compiles; its version must be that of the runtime base. */
  readonly compiler?: string;
  /** Makes an executable that always exports OpenTelemetry traces; see `compilerEnv`. */
  readonly traces?: boolean;
  /** Path of a runtime base for this machine; Deno downloads one when absent. */
  readonly denort?: string;
  readonly run?: Run;
}

/** Reads the part of `deno.json` that matters here. */
export async function readManifest(): Promise<Manifest> {
  const { version, unstable, permissions } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  return { version, unstable: unstable ?? [], permissions: permissions.serve };
}

/** Returns the compiler and the base that `DENO_COMPILE` and `DENORT_BIN` name. */
export function toolsOf(
  env: (name: string) => string | undefined,
): Pick<BuildOptions, "compiler" | "denort"> {
  return { compiler: env("DENO_COMPILE") || undefined, denort: env("DENORT_BIN") || undefined };
}

/**
 * Makes the bundle that all targets share.
 *
 * @returns the folder that holds it and nothing else
 * @throws Error when the bundler fails
 */
export async function buildBundle(options: BuildOptions): Promise<string> {
  const { source, entry = "src/main.ts" } = options;
  const runs = options.run ?? run;
  const folder = bundleFolder(options);
  await emptyFolder(folder);
  // In the project's folder, so that the paths in the bundle are relative to it.
  const { success, stderr } = await runs(Deno.execPath(), bundleArgs(entry, folder), {
    cwd: ROOT,
    env: bundlerEnv(Deno.env.toObject(), options.conditions),
  });
  if (!success) throw new Error(`Cannot make the bundle: ${stderr.trim()}`);
  const bundled = basename(entry).replace(/\.ts$/, ".js");
  const parts = renameParts(
    requireApart(await readParts(folder)),
    new Map([[bundled, BUNDLE_NAME]]),
  );
  await emptyFolder(folder);
  for (const [name, text] of bakeCommit(parts, source.commit)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
    // The compiler writes the time of each file into the executable.
    await Deno.utime(`${folder}/${name}`, source.epoch, source.epoch);
  }
  return folder;
}

function bundleFolder({ folder }: BuildOptions): string {
  return `${folder}/bundle`;
}

async function emptyFolder(folder: string): Promise<void> {
  // Makes it first: removing a folder that does not exist would fail.
  await Deno.mkdir(folder, { recursive: true });
  await Deno.remove(folder, { recursive: true });
  await Deno.mkdir(folder);
}

/** Reads the files of a folder, in no particular order. */
export async function readParts(folder: string): Promise<Parts> {
  const parts = new Map<string, string>();
  for await (const { name } of Deno.readDir(folder)) {
    parts.set(name, await Deno.readTextFile(`${folder}/${name}`));
  }
  return parts;
}

/**
 * Makes an executable of the bundle that {@linkcode buildBundle} made for the same options.
 *
 * @param output absolute path of the executable
 */
export async function buildExecutable(
  target: Target,
  output: string,
  options: BuildOptions,
): Promise<Built> {
  const { manifest, compiler = Deno.execPath(), denort } = options;
  const mismatch = baseMismatch(target, Deno.build.target, denort);
  if (mismatch) return { target, failure: mismatch };
  const args = compileArgs(target, manifest, output);
  const { success, stdout, stderr } = await (options.run ?? run)(compiler, args, {
    cwd: bundleFolder(options),
    env: compilerEnv(Deno.env.toObject(), options.traces ?? false),
  });
  return success
    ? { target, path: output }
    : { target, failure: compileFailure(target, `${stdout}\n${stderr}`) };
}

/** Returns the absolute path of `dist`, without a slash at its end. */
export function distFolder(): string {
  return fileURLToPath(new URL("dist", ROOT));
}
