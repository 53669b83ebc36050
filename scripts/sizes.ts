/**
 * `deno task sizes`: builds what is shipped, prints the size of it and of what models pay for beside
 * the limits, and complains of what is beyond. The executable is built where `DENORT_BIN` is set.
 *
 * @module
 */

import { bench as modelCost } from "../tests/bench/model_cost.ts";
import { distFolder } from "./compile/build.ts";
import { runInstrument } from "./instrument.ts";
import { shippedSizes } from "./sizes/measure.ts";
import { sizeComplaints, type Sizes, sizeTable } from "./sizes/report.ts";
import { printLines } from "./table.ts";

async function measure(): Promise<Sizes> {
  const { figures } = await modelCost.run({ quick: false });
  await Deno.mkdir(distFolder(), { recursive: true });
  const folder = await Deno.makeTempDir({ dir: distFolder(), prefix: "sizes-" });
  try {
    const shipped = await shippedSizes(folder);
    return { ...shipped, figures: [...figures, ...shipped.figures] };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  await runInstrument({
    usage: `deno task sizes

Builds what is shipped, and prints its sizes and those of tools/list beside their limits.
DENORT_BIN names a runtime base, with which it builds the executable as well.`,
    flags: {},
    async run() {
      const sizes = await measure();
      printLines(sizeTable(sizes));
      const complaints = sizeComplaints(sizes);
      if (complaints.length > 0) printLines(complaints, Deno.stderr);
      return complaints.length === 0;
    },
  });
}
