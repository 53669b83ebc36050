/**
 * Makes the bundle, and executables of it for several targets.
 *
 * @module
 */

import { buildBundle, buildExecutable, type BuildOptions, distFolder, toolsOf } from "./build.ts";
import type { Target } from "./targets.ts";

/** The executables that could be made, and why others could not. */
export interface BuiltExecutables {
  /** Absolute paths by the name of the target. */
  readonly paths: ReadonlyMap<string, string>;
  /** One line for each target without an executable. */
  readonly failures: readonly string[];
}

/**
 * Makes executables in `dist/<target>/`, with the compiler that the environment names.
 *
 * @param output path of the executable, instead; only with one target
 * @throws Error when the bundle cannot be made
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
