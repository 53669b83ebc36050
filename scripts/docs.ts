/**
 * `deno task docs`: writes the generated parts of the README.
 *
 * @module
 */

import { recordText } from "./bench/record.ts";
import { readmeParts, renderReadme } from "./house/readme.ts";

const README = new URL("../README.md", import.meta.url);

if (import.meta.main) {
  const before = await Deno.readTextFile(README);
  const after = renderReadme(before, readmeParts(await recordText()));
  if (after !== before) await Deno.writeTextFile(README, after);
}
