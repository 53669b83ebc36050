/**
 * `deno task mcpb [--target <name>|all] [--repository <owner>/<name>]`: makes bundles for Claude
 * Desktop in `dist/`, one per target; by default one for this machine.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildExecutables } from "./compile/all.ts";
import { distFolder, readManifest, ROOT } from "./compile/build.ts";
import { selectTargets } from "./compile/targets.ts";
import { print, readSource } from "./compile/tools.ts";
import { findRepository, readReleaseInput } from "./release/input.ts";
import { bundle } from "./release/make.ts";
import { bundleName } from "./release/names.ts";

async function main(): Promise<boolean> {
  const { target: named, repository } = parseArgs(Deno.args, { string: ["target", "repository"] });
  const targets = selectTargets(named ? [named] : [], Deno.build.target);
  const env = (name: string) => Deno.env.get(name);
  const [manifest, source] = [await readManifest(), await readSource(ROOT, env)];
  const input = await readReleaseInput(manifest, source, await findRepository(repository, env));
  const { paths, failures } = await buildExecutables(targets, { manifest, source });
  for (const target of targets) {
    const path = paths.get(target.name);
    if (path === undefined) continue;
    const output = `${distFolder()}/${bundleName(input.version, target)}`;
    await Deno.writeFile(output, bundle(input, target, await Deno.readFile(path)));
    print(output);
  }
  for (const failure of failures) print(`not built: ${failure}`);
  return failures.length === 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main() ? 0 : 1);
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    Deno.exit(2);
  }
}
