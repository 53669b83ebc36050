/**
 * `deno task docs`: writes the generated parts of the documents, and their pictures.
 *
 * @module
 */

import { parseRecord, recordText } from "./bench/record.ts";
import { APPROVAL_PATH, approvalSvg } from "./docs/approval.ts";
import { DEMO_PATH, demoSvg, recordDemo } from "./docs/demo.ts";
import { GENERATED_DOCUMENTS, renderDocument } from "./house/documents.ts";
import { missingFigures } from "./house/figures.ts";
import { printLines } from "./table.ts";

const ROOT = new URL("../", import.meta.url);

if (import.meta.main) {
  const record = await recordText();
  for (const path of GENERATED_DOCUMENTS) {
    const file = new URL(path, ROOT);
    const before = await Deno.readTextFile(file);
    const after = renderDocument(path, before, record);
    if (after !== before) await Deno.writeTextFile(file, after);
  }
  await Deno.writeTextFile(new URL(DEMO_PATH, ROOT), demoSvg(await recordDemo()));
  await Deno.writeTextFile(new URL(APPROVAL_PATH, ROOT), approvalSvg());
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
