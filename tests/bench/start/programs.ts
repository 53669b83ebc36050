/**
 * Builds the programs whose start is measured: ours, and servers with one tool, as executables and
 * from source.
 *
 * @module
 */

import {
  buildBundle,
  buildExecutable,
  type BuildOptions,
  readManifest,
  readParts,
  toolsOf,
} from "../../../scripts/compile/build.ts";
import { selectTargets } from "../../../scripts/compile/targets.ts";
import { run } from "../../../scripts/compile/tools.ts";
import { pagePart } from "../../helpers/page_part.ts";
import { EXECUTABLE } from "../../helpers/spawned.ts";
import { type InstalledPackage, installPackage } from "./package.ts";
import type { Startable } from "./process.ts";

const ONE_TOOL = "tests/bench/start/one_tool.ts";
const ONE_TOOL_PLAIN = "tests/bench/start/one_tool_plain.ts";
const RUNTIME = "tests/bench/start/runtime.ts";
/** A host's settings; nothing is sent to this API before the first call of a tool. */
const WITH_KEY = { ANTHROPIC_API_KEY: "bench-key", ANTHROPIC_BASE_URL: "http://127.0.0.1:9" };

/** The programs by the names that they have in the figures' ids. */
export type Side =
  | "executable"
  | "executable_simulated"
  | "one_tool"
  | "one_tool_plain"
  | "node"
  | "npx"
  | "source_simulated"
  | "source_one_tool";

/** One of the programs, as it was built. */
export interface Program {
  /** Size of all of its code. */
  readonly bundleBytes: number;
  /** Size of the page that it serves; absent where it serves none. */
  readonly pageBytes?: number;
  /** Path of its executable. */
  readonly executable?: string;
  /** Why it has none. */
  readonly failure?: string;
}

/** The programs, as they were built. */
export interface Programs {
  readonly ours: Program;
  /** Built exactly as ours is. */
  readonly oneTool: Program;
  /** With the build of the SDK that whoever asks for nothing else gets. */
  readonly oneToolPlain: Program;
  /** Ours, from the npm package. */
  readonly npm: InstalledPackage;
  /** Versions of the compiler and of the runtime in its executables, as far as they are known. */
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * Builds all of them with the same flags; ours is the executable that `CMA_MCP_EXECUTABLE` names
 * where there is one.
 *
 * @param folder for all that is made; ends without a slash
 */
export async function buildPrograms(folder: string): Promise<Programs> {
  const options = {
    manifest: await readManifest(),
    source: { epoch: 1_700_000_000 },
    ...toolsOf((name) => Deno.env.get(name)),
  };
  const npm = await installPackage(folder);
  const compiler = await executableVersions({ ...options, folder: `${folder}/runtime` });
  return {
    ours: await build({ ...options, folder: `${folder}/cma-mcp` }, {
      given: EXECUTABLE,
      hasPage: true,
    }),
    oneTool: await build({ ...options, folder: `${folder}/one-tool`, entry: ONE_TOOL }),
    oneToolPlain: await build({
      ...options,
      folder: `${folder}/one-tool-plain`,
      entry: ONE_TOOL_PLAIN,
      conditions: "",
    }),
    npm,
    versions: { ...compiler, ...("version" in npm && { node: npm.version }) },
  };
}

/** The compiler as it says itself, and the runtime as something says that was compiled. */
export async function executableVersions(options: BuildOptions): Promise<Record<string, string>> {
  const { executable } = await build({ ...options, entry: RUNTIME });
  if (executable === undefined) return {};
  const compiler = await run(options.compiler ?? Deno.execPath(), ["--version"]);
  const compiled = await run(executable, []);
  const version = /^deno (\S+)/.exec(compiler.stdout)?.[1];
  if (version === undefined || !compiled.success) throw new Error("No version was told");
  return { "deno compile": version, denort: compiled.stdout };
}

async function build(
  options: BuildOptions,
  { given, hasPage = false }: { readonly given?: string; readonly hasPage?: boolean } = {},
): Promise<Program> {
  const { folder } = options;
  const parts = await readParts(await buildBundle(options));
  const pageBytes = hasPage ? new Blob([parts.get(pagePart(parts)) ?? ""]).size : undefined;
  const bundleBytes = new Blob([...parts.values()]).size - (pageBytes ?? 0);
  const sizes = { bundleBytes, pageBytes };
  if (given !== undefined) return { ...sizes, executable: await Deno.realPath(given) };
  const [target] = selectTargets([], Deno.build.target);
  if (!target) return { ...sizes, failure: `nothing is built for ${Deno.build.target}` };
  const built = await buildExecutable(target, `${folder}/program${target.extension}`, options);
  return "path" in built
    ? { ...sizes, executable: built.path }
    : { ...sizes, failure: built.failure };
}

/** Everything that can be started here. */
export function startables({ ours, oneTool, oneToolPlain, npm }: Programs): Map<Side, Startable> {
  const command = Deno.execPath();
  const flags = ["run", "--quiet", "--no-prompt", "-P=serve"];
  const sides = new Map<Side, Startable>();
  if (ours.executable) {
    sides.set("executable", { command: ours.executable, args: [], env: WITH_KEY });
    sides.set("executable_simulated", { command: ours.executable, args: ["--simulate"] });
  }
  if (oneTool.executable) sides.set("one_tool", { command: oneTool.executable, args: [] });
  if (oneToolPlain.executable) {
    sides.set("one_tool_plain", { command: oneToolPlain.executable, args: [] });
  }
  if ("node" in npm) {
    sides.set("node", { ...npm.node, env: WITH_KEY });
    sides.set("npx", { ...npm.npx, env: WITH_KEY });
  }
  sides.set("source_simulated", { command, args: [...flags, "src/main.ts", "--simulate"] });
  sides.set("source_one_tool", { command, args: [...flags, ONE_TOOL] });
  return sides;
}
