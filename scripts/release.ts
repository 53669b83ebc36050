/**
 * `deno task release [--target <name>|all] [--repository <owner>/<name>]`: makes everything that a
 * release has, in `dist/release`; by default for all targets. When one cannot be built, it makes no
 * release.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { buildExecutables } from "./compile/all.ts";
import { distFolder, readManifest, ROOT } from "./compile/build.ts";
import { selectTargets } from "./compile/targets.ts";
import { print, readSource } from "./compile/tools.ts";
import { makePackage, pack } from "./npm/make.ts";
import { findRepository, readReleaseInput } from "./release/input.ts";
import { makeRelease } from "./release/make.ts";
import { readNodePackage } from "./release/node_package.ts";

async function main(): Promise<boolean> {
  const { target, repository: named } = parseArgs(Deno.args, { string: ["target", "repository"] });
  const targets = selectTargets([target || "all"], Deno.build.target);
  const env = (name: string) => Deno.env.get(name);
  const repository = await findRepository(named, env);
  const [manifest, source] = [await readManifest(), await readSource(ROOT, env)];
  const packed = `${distFolder()}/npm`;
  await makePackage(packed, { version: manifest.version, source, repository });
  const nodePackage = {
    files: await readNodePackage(packed),
    archive: await Deno.readFile(await pack(packed)),
  };
  const input = { ...await readReleaseInput(manifest, source, repository), nodePackage };
  const folder = `${distFolder()}/release`;
  await Deno.mkdir(folder, { recursive: true });
  // Empties the folder first: after a failure it must not hold files of an earlier release.
  for await (const { name } of Deno.readDir(folder)) await Deno.remove(`${folder}/${name}`);
  const { paths, failures } = await buildExecutables(targets, { manifest, source });
  failures.forEach((failure) => print(`not built: ${failure}`));
  if (failures.length > 0) return false;
  const hashes = await makeRelease(
    input,
    targets,
    ({ name }) => Deno.readFile(paths.get(name) ?? ""),
    (name, bytes) => Deno.writeFile(`${folder}/${name}`, bytes),
  );
  for (const [name, hash] of hashes) print(`${hash}  ${name}`);
  if (!repository) {
    print(
      "made no server.json and no install scripts: for these, type --repository <owner>/<name>",
    );
  }
  return true;
}

if (import.meta.main) {
  try {
    Deno.exit(await main() ? 0 : 1);
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    Deno.exit(2);
  }
}
