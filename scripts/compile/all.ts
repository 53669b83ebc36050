/**
 * The bundle, and executables of it for several targets, with the tools that the environment names.
 *
 * @module
 */

import { buildBundle, buildExecutable, type BuildOptions, distFolder, toolsOf } from "./build.ts";
import type { Target } from "./targets.ts";

/** What came out. */
export interface BuiltExecutables {
  /** Absolute paths by the name of the target. */
  readonly paths: ReadonlyMap<string, string>;
  /** One line for each target that has none. */
  readonly failures: readonly string[];
}

/**
 * Makes executables in `dist/<target>/`.
 *
 * @param output path of the executable where only one is wanted elsewhere
 * @throws Error when there is not even a bundle
 */
export async function buildExecutables(
  targets: readonly Target[],
  what: Pick<BuildOptions, "manifest" | "source" | "traces">,
  output?: string,
): Promise<BuiltExecutables> {
  const options: BuildOptions = {
    folder: `${distFolder()}/build`,
    ...what,
    ...toolsOf((name) => Deno.env.get(name)),
  };
  await buildBundle(options);
  const paths = new Map<string, string>();
  const failures: string[] = [];
  for (const target of targets) {
    const path = output ?? `${distFolder()}/${target.name}/cma-mcp${target.extension}`;
    const built = await buildExecutable(target, path, options);
    if ("path" in built) paths.set(target.name, built.path);
    else failures.push(built.failure);
  }
  return { paths, failures };
}
