/**
 * `deno task docs`: writes the generated parts of the README.
 *
 * @module
 */

import { parseRecord, recordText } from "./bench/record.ts";
import { missingFigures } from "./house/figures.ts";
import { readmeParts, renderReadme } from "./house/readme.ts";
import { printLines } from "./table.ts";

const README = new URL("../README.md", import.meta.url);

if (import.meta.main) {
  const before = await Deno.readTextFile(README);
  const record = await recordText();
  const after = renderReadme(before, readmeParts(record));
  if (after !== before) await Deno.writeTextFile(README, after);
  const run = parseRecord(record).at(-1);
  const missing = run ? missingFigures(run.figures) : [];
  if (missing.length > 0) {
    printLines([
      `The table of figures leaves out, because the last run of 'deno task bench' could not measure it:`,
      ...missing.map((what) => `  ${what}`),
      "That run says:",
      ...(run?.skipped ?? []).map((why) => `  ${why}`),
    ]);
  }
}
