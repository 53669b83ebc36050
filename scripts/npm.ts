/**
 * `deno task npm [--repository <owner>/<name>]`: makes the npm package in `dist/npm`, packs it, and
 * prints its sizes.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { distFolder, readManifest, ROOT } from "./compile/build.ts";
import { print, readSource } from "./compile/tools.ts";
import { makePackage, pack } from "./npm/make.ts";
import { findRepository } from "./release/input.ts";
import { sizeOfFolder } from "./sizes/measure.ts";

const kilobytes = (bytes: number) => `${Math.round(bytes / 1_000)} kB`;

async function main(): Promise<void> {
  const { repository } = parseArgs(Deno.args, { string: ["repository"] });
  const env = (name: string) => Deno.env.get(name);
  const folder = `${distFolder()}/npm`;
  await makePackage(folder, {
    version: (await readManifest()).version,
    source: await readSource(ROOT, env),
    repository: await findRepository(repository, env),
  });
  const archive = await pack(folder);
  print(`${archive}  ${kilobytes((await Deno.stat(archive)).size)}`);
  for (const part of ["lib", "types"]) {
    print(`${part}: ${kilobytes(await sizeOfFolder(`${folder}/${part}`))} unpacked`);
  }
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    Deno.exit(2);
  }
}
