/**
 * `deno task compile [--target <name>|all] [--output <path>] [--traces]`: executables in `dist/`,
 * one per target; with `--traces` such that always export OpenTelemetry traces. `DENO_COMPILE` and
 * `DENORT_BIN` name another compiler and its runtime base.
 *
 * @module
 */

import { resolve } from "node:path";
import { parseArgs } from "@std/cli/parse-args";
import {
  buildBundle,
  buildExecutable,
  type BuildOptions,
  distFolder,
  readManifest,
  ROOT,
  toolsOf,
} from "./compile/build.ts";
import { selectTargets } from "./compile/targets.ts";
import { print, readSource, sha256 } from "./compile/tools.ts";

async function describe(path: string): Promise<string> {
  const bytes = await Deno.readFile(path);
  return `${path}  ${(bytes.length / 1e6).toFixed(1)} MB  sha256 ${await sha256(bytes)}`;
}

async function main(): Promise<boolean> {
  const { target, output, traces } = parseArgs(Deno.args, {
    string: ["target", "output"],
    boolean: ["traces"],
  });
  const targets = selectTargets(target ? [target] : [], Deno.build.target);
  const env = (name: string) => Deno.env.get(name);
  const options: BuildOptions = {
    folder: `${distFolder()}/build`,
    manifest: await readManifest(),
    source: await readSource(ROOT, env),
    traces: Boolean(traces),
    ...toolsOf(env),
  };
  await buildBundle(options);
  let complete = true;
  for (const target of targets) {
    const path = output
      ? resolve(output)
      : `${distFolder()}/${target.name}/cma-mcp${target.extension}`;
    const built = await buildExecutable(target, path, options);
    complete &&= "path" in built;
    print("path" in built ? await describe(built.path) : `not built: ${built.failure}`);
  }
  return complete;
}

if (import.meta.main) {
  try {
    Deno.exit(await main() ? 0 : 1);
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    Deno.exit(2);
  }
}
