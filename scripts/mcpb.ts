/**
 * `deno task mcpb [--target <name>|all|node] [--repository <owner>/<name>]`: makes bundles for Claude
 * Desktop in `dist/`, one per target; by default one for this machine. `node` makes the one of the
 * npm package, which any system can run.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildExecutables } from "./compile/all.ts";
import { distFolder, readManifest, ROOT } from "./compile/build.ts";
import { selectTargets } from "./compile/targets.ts";
import { print, readSource } from "./compile/tools.ts";
import { makePackage } from "./npm/make.ts";
import { findRepository, readReleaseInput } from "./release/input.ts";
import { bundle } from "./release/make.ts";
import { binaryServer, type BundledServer, nodeServer } from "./release/mcpb_manifest.ts";
import { bundleName, nodeBundleName } from "./release/names.ts";
import { readNodePackage } from "./release/node_package.ts";

async function main(): Promise<boolean> {
  const { target: named, repository } = parseArgs(Deno.args, { string: ["target", "repository"] });
  const env = (name: string) => Deno.env.get(name);
  const [manifest, source] = [await readManifest(), await readSource(ROOT, env)];
  const place = await findRepository(repository, env);
  const input = await readReleaseInput(manifest, source, place);
  const write = async (name: string, server: BundledServer) => {
    const output = `${distFolder()}/${name}`;
    await Deno.writeFile(output, bundle(input, server));
    print(output);
  };
  if (named === "node") {
    const folder = `${distFolder()}/npm`;
    await makePackage(folder, { version: input.version, source, repository: place });
    await write(nodeBundleName(input.version), nodeServer(await readNodePackage(folder)));
    return true;
  }
  const targets = selectTargets(named ? [named] : [], Deno.build.target);
  const { paths, failures } = await buildExecutables(targets, { manifest, source });
  for (const target of targets) {
    const path = paths.get(target.name);
    if (path === undefined) continue;
    await write(bundleName(input.version, target), binaryServer(target, await Deno.readFile(path)));
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
