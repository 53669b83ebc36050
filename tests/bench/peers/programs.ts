/**
 * Makes the programs of all servers, as far as this machine has what they need.
 *
 * @module
 */

import {
  buildBundle,
  buildExecutable,
  type BuildOptions,
  readManifest,
  toolsOf,
} from "../../../scripts/compile/build.ts";
import { bundleArgs, bundlerEnv } from "../../../scripts/compile/plan.ts";
import { selectTargets } from "../../../scripts/compile/targets.ts";
import { run } from "../../../scripts/compile/tools.ts";
import { makePackage } from "../../../scripts/npm/make.ts";
import { EXECUTABLE, IS_PACKAGE, SOURCE_ARGS } from "../../helpers/spawned.ts";
import { executableVersions } from "../start/programs.ts";
import { type SideName, SIDES } from "./rows.ts";

const ROOT = new URL("../../../", import.meta.url);
const SERVERS = "tests/bench/peers/servers";
/** Of the runtime that the quickstart server runs on. */
const BUN_VERSION = "1.4.5";
const SOURCE = { epoch: 1_700_000_000 } as const;

/** A program, and the arguments before its own. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

/** The programs that can be started here. */
export interface Programs {
  readonly programs: ReadonlyMap<SideName, Program>;
  /** A line for each that is missing, which begins with its title. */
  readonly skipped: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
}

/** A program, or why there is none. */
type Made = Program | { readonly missing: string };

/** Makes all of them. @param folder for what is made; ends without a slash */
export async function makePrograms(folder: string): Promise<Programs> {
  const options = {
    manifest: await readManifest(),
    source: SOURCE,
    folder: `${folder}/executable`,
    ...toolsOf((name) => Deno.env.get(name)),
  };
  const node = await versionOf("node");
  const bun = await findBun();
  const onNode = (make: () => Promise<Program>): Promise<Made> =>
    node === undefined ? Promise.resolve({ missing: "there is no node here" }) : make();
  const bundled = (name: string) => async (): Promise<Program> => ({
    command: "node",
    args: [await bundle(`${folder}/${name}`, name)],
  });
  const made: Readonly<Record<SideName, Made>> = {
    ours_deno: { command: Deno.execPath(), args: SOURCE_ARGS },
    sdk1_deno: onDeno("sdk1_deno"),
    sdk2_deno: onDeno("sdk2_deno"),
    ours_node: await onNode(() => ourPackage(`${folder}/npm`)),
    sdk1_node: await onNode(bundled("sdk1_node")),
    sdk2_node: await onNode(bundled("sdk2_node")),
    sdk1_bun: "missing" in bun
      ? bun
      : { ...bun, args: [await bundle(`${folder}/sdk1_bun`, "sdk1_bun")] },
    ours_executable: await ourExecutable(folder, options),
  };
  const programs = new Map<SideName, Program>();
  const skipped: string[] = [];
  for (const [side, program] of Object.entries(made) as [SideName, Made][]) {
    if ("missing" in program) skipped.push(`peers, ${SIDES[side].title}: ${program.missing}`);
    else programs.set(side, program);
  }
  const bunVersion = "missing" in bun ? undefined : await versionOf(bun.command);
  return {
    programs,
    skipped,
    versions: {
      ...(node && { node }),
      ...(bunVersion && { bun: bunVersion }),
      ...await executableVersions({ ...options, folder: `${folder}/runtime` }),
    },
  };
}

function onDeno(name: string): Program {
  const flags = ["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1"];
  return { command: Deno.execPath(), args: [...flags, `${SERVERS}/${name}.ts`] };
}

/** Bundles a peer, as our package is, with the packages as everybody gets them. @returns its path */
async function bundle(folder: string, name: string): Promise<string> {
  const args = bundleArgs(`${SERVERS}/${name}.ts`, folder);
  const env = bundlerEnv(Deno.env.toObject(), "");
  const { success, stderr } = await run(Deno.execPath(), args, { cwd: ROOT, env });
  if (!success) throw new Error(`Cannot bundle ${name}: ${stderr.trim()}`);
  await Deno.writeTextFile(`${folder}/package.json`, '{"type":"module"}');
  return `${folder}/${name}.js`;
}

async function ourPackage(folder: string): Promise<Program> {
  const { version } = await readManifest();
  await makePackage(folder, { version, source: SOURCE });
  return { command: "node", args: [`${folder}/bin/cma-mcp.cjs`] };
}

async function ourExecutable(folder: string, options: BuildOptions): Promise<Made> {
  if (EXECUTABLE !== undefined && !IS_PACKAGE) {
    return { command: await Deno.realPath(EXECUTABLE), args: [] };
  }
  const [target] = selectTargets([], Deno.build.target);
  if (!target) return { missing: `nothing is built for ${Deno.build.target}` };
  await buildBundle(options);
  const built = await buildExecutable(target, `${folder}/cma-mcp${target.extension}`, options);
  return "path" in built ? { command: built.path, args: [] } : { missing: built.failure };
}

/**
 * Returns the version of a runtime; undefined where it cannot be run. Where there is no Node, Deno
 * starts itself under that name, and says so.
 */
async function versionOf(command: string): Promise<string | undefined> {
  const { success, stdout } = await run(command, ["--version"]);
  return success ? /^v?(\d+\.\d+\.\d+)\s*$/.exec(stdout)?.[1] : undefined;
}

/** Finds Bun: that which `BUN` names, or installs it from npm into a cache, where the next run has it. */
async function findBun(): Promise<Made> {
  const given = Deno.env.get("BUN");
  if (given) {
    const isThere = await versionOf(given) !== undefined;
    return isThere ? { command: given, args: [] } : { missing: "what BUN names does not run" };
  }
  const os = { linux: "linux", darwin: "darwin", windows: "windows" }[String(Deno.build.os)];
  const arch = { x86_64: "x64", aarch64: "aarch64" }[Deno.build.arch];
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "."}/.cache`;
  const folder = `${cache}/cma-mcp-bench/bun-${BUN_VERSION}`;
  const name = `@oven/bun-${os}-${arch}`;
  const command = `${folder}/node_modules/${name}/bin/bun${os === "windows" ? ".exe" : ""}`;
  if (await versionOf(command) !== undefined) return { command, args: [] };
  const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
  await run(npm, [
    ...["install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"],
    `${name}@${BUN_VERSION}`,
  ]);
  if (await versionOf(command) !== undefined) return { command, args: [] };
  return { missing: `${name} ${BUN_VERSION} cannot be had from npm: name a Bun in BUN` };
}
