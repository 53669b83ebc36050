/**
 * `deno task flood`: floods the program in every known way, and prints how it withstood.
 *
 * @module
 */

import { playFlood } from "../tests/flood/runner.ts";
import { SCENARIOS } from "../tests/flood/scenarios.ts";
import { type Instrument, type Options, runInstrument } from "./instrument.ts";
import { printLines, right, tableLines } from "./table.ts";

const MAX_HEALTH_MS = 1_000;
const FLAGS = { scale: 4 } as const;

function scenariosNamed(words: readonly string[]) {
  return SCENARIOS.filter(({ name }) => words.every((word) => name.includes(word)));
}

async function run({ scale }: Options<typeof FLAGS>, words: readonly string[]): Promise<boolean> {
  const rows: (string | number)[][] = [];
  let wrong = 0;
  for (const scenario of scenariosNamed(words)) {
    const report = await playFlood(scenario, scale);
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
      report.responses,
      report.worstHealthMs,
      report.megabytes,
      report.recoveryMs,
      complaints.length === 0 ? "withstood" : `WRONG: ${complaints.join(", ")}`,
    ]);
  }
  const numbers = ["/health", "slowest ms", "MB grown", "recovered after ms"].map(right);
  printLines(tableLines(["flood", ...numbers, ""], rows));
  return wrong === 0;
}

const instrument: Instrument<typeof FLAGS> = {
  usage: `deno task flood [--scale 4] [words of a flood's name]

  --scale     how hard it floods; the tests flood at 1

With words, only floods run whose name has all of them.`,
  flags: FLAGS,
  complaints: (_options, words) =>
    scenariosNamed(words).length > 0 ? [] : [`No flood has '${words.join(" ")}' in its name.`],
  run,
};

if (import.meta.main) await runInstrument(instrument);
