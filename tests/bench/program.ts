import { parseArgs } from "@std/cli";
import { figureLines } from "../../scripts/bench/report.ts";
import { printLines } from "../../scripts/table.ts";
import { type Bench, exceeded } from "./figure.ts";

/**
 * A bench as a program of its own: `[--quick] [--json]`. Ends with 1, and without figures, when
 * anything failed; with them, when one that is exact is beyond its limit.
 */
export async function runAsProgram(bench: Bench): Promise<never> {
  const { quick, json } = parseArgs(Deno.args, { boolean: ["quick", "json"] });
  try {
    const result = await bench.run({ quick });
    printLines(json ? [JSON.stringify(result)] : figureLines(result));
    const beyond = exceeded(result.figures);
    if (beyond.length > 0) {
      printLines(beyond.map((what) => `BEYOND ITS LIMIT: ${what}`), Deno.stderr);
      Deno.exit(1);
    }
  } catch (error) {
    const shown = error instanceof Error ? error.stack ?? error.message : String(error);
    printLines([`${bench.name} FAILED, so there are no figures: ${shown}`], Deno.stderr);
    Deno.exit(1);
  }
  Deno.exit(0);
}
