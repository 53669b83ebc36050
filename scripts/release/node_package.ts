/**
 * Reads the npm package, for a bundle that Node runs.
 *
 * @module
 */

import type { Entry } from "./archive.ts";

/** What the package has for compilers and registries, and a program that runs does not need. */
const NOT_RUN = /\.(d\.ts|d\.mts|map|tgz)$|^README\.md$/;

/** Reads the files of the package that a program needs to run. */
export async function readNodePackage(folder: string): Promise<Entry[]> {
  const names = (await listFiles(folder, "")).filter((name) => !NOT_RUN.test(name)).sort();
  return await Promise.all(
    names.map(async (name) => ({ name, bytes: await Deno.readFile(`${folder}/${name}`) })),
  );
}

async function listFiles(folder: string, prefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${prefix}`)) {
    if (name === "node_modules") continue;
    if (isDirectory) names.push(...await listFiles(folder, `${prefix}${name}/`));
    else names.push(prefix + name);
  }
  return names;
}
