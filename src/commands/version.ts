/**
 * Gives the version of this program, from `deno.json`, and the commit of an executable.
 *
 * @module
 */

import manifest from "../../deno.json" with { type: "json" };

/** Semantic version of this program. */
export const VERSION: string = manifest.version;

/** Placeholder that scripts/compile.ts replaces with the commit, where that is known. */
const BAKED: string = "commit-of-the-build";

/**
 * The commit that an executable was made from, followed by `+` where files differed from it;
 * undefined when the program runs from source.
 */
export const COMMIT: string | undefined = /^[0-9a-f]{7,40}\+?$/.test(BAKED) ? BAKED : undefined;

/** Makes the text of `--version`: the version, and the commit of an executable. */
export function versionText(
  version: string = VERSION,
  commit: string | undefined = COMMIT,
): string {
  return commit === undefined ? version : `${version} (${commit})`;
}
