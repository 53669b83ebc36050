/**
 * Collects the licences of the packages inside the executables.
 *
 * @module
 */

import { join } from "node:path";
import { z } from "zod";
import type { Package } from "./packages.ts";

/** A package's licence. */
export interface Licence {
  /** SPDX expression. */
  readonly expression: string;
  /** The text that must go with copies. */
  readonly text: string;
}

const manifestSchema = z.object({ license: z.string() });

const FILE = /^licen[cs]e(\.(md|txt))?$/i;

/**
 * Reads the licence of an unpacked package.
 *
 * @throws Error when it has none, so that no release goes out without
 */
export async function readLicence(folder: string): Promise<Licence> {
  const manifest = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
  const { license } = manifestSchema.parse(manifest);
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || !FILE.test(name)) continue;
    const text = await Deno.readTextFile(join(folder, name));
    return { expression: license, text: text.replaceAll("\r\n", "\n").trim() };
  }
  throw new Error(`${folder} has no file with its licence`);
}

const DENO = `The executables contain the Deno runtime, which is under the MIT licence. It and the
licences of what is inside it are at https://github.com/denoland/deno.`;

/**
 * Returns one text with the licences of all packages.
 *
 * @param preface what is said before them
 */
export function licencesText(
  packages: readonly Package[],
  licences: ReadonlyMap<string, Licence>,
  preface: string = DENO,
): string {
  const sections = packages.map(({ id, name, version }) => {
    const licence = licences.get(id);
    if (!licence) throw new Error(`${id} has no licence`);
    return `${name} ${version} (${licence.expression})\n\n${licence.text}`;
  });
  return [preface, ...sections].join(`\n\n${"-".repeat(80)}\n\n`) + "\n";
}
