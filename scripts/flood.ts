/**
 * `deno task flood [scale] [words of a name]`: floods the program in every known way, and prints
 * how it withstood. A larger scale floods harder; with words, only floods run whose name has all of
 * them.
 *
 * @module
 */

import { playFlood } from "../tests/flood/runner.ts";
import { SCENARIOS } from "../tests/flood/scenarios.ts";
import { printLines, tableLines } from "./table.ts";

const DEFAULT_SCALE = 4;
const MAX_HEALTH_MS = 1_000;

const [scale, ...words] = Deno.args;
const factor = Number(scale ?? DEFAULT_SCALE);
if (!(factor > 0)) {
  throw new RangeError(`Cannot use '${scale}' as the scale: type a number above 0`);
}

const rows: (string | number)[][] = [];
let wrong = 0;
for (const scenario of SCENARIOS) {
  if (!words.every((word) => scenario.name.includes(word))) continue;
  const report = await playFlood(scenario, factor);
  const complaints = [...report.complaints];
  if (report.worstHealthMs > MAX_HEALTH_MS) {
    complaints.push(`/health took more than ${MAX_HEALTH_MS} ms`);
  }
  if (report.megabytes > report.maxMegabytes) {
    complaints.push(`memory grew by more than ${report.maxMegabytes} MB`);
  }
  if (complaints.length > 0) wrong++;
  rows.push([
    report.name,
    report.answers,
    report.worstHealthMs,
    report.megabytes,
    report.recoveryMs,
    complaints.length === 0 ? "withstood" : `WRONG: ${complaints.join(", ")}`,
  ]);
}
printLines(tableLines([
  { title: "flood" },
  { title: "/health", align: "right" },
  { title: "slowest ms", align: "right" },
  { title: "MB grown", align: "right" },
  { title: "recovered after ms", align: "right" },
  { title: "" },
], rows));
Deno.exit(wrong === 0 ? 0 : 1);
