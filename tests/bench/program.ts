import { figureLines } from "../../scripts/bench/report.ts";
import { type Instrument, runInstrument } from "../../scripts/instrument.ts";
import { printLines } from "../../scripts/table.ts";
import { type Bench, exceeded } from "./figure.ts";

const FLAGS = { quick: false, json: false } as const;

/**
 * Runs a bench as a program of its own: `[--quick] [--json]`. It ends with 1, and without figures,
 * when anything failed; with 1 and its figures when one that is exact is beyond its limit.
 */
export async function runAsProgram({ name, what, run }: Bench): Promise<never> {
  const instrument: Instrument<typeof FLAGS> = {
    usage:
      `${name}: ${what}\n\n  --quick  show that it works; measures nothing\n  --json   print JSON`,
    flags: FLAGS,
    async run({ quick, json }) {
      try {
        const result = await run({ quick });
        printLines(json ? [JSON.stringify(result)] : figureLines(result));
        const beyond = exceeded(result.figures);
        for (const figure of beyond) printLines([`BEYOND ITS LIMIT: ${figure}`], Deno.stderr);
        return beyond.length === 0;
      } catch (error) {
        const shown = error instanceof Error ? error.stack ?? error.message : String(error);
        printLines([`${name} FAILED, so there are no figures: ${shown}`], Deno.stderr);
        return false;
      }
    },
  };
  return await runInstrument(instrument);
}
