import { assert, assertEquals } from "@std/assert";
import { playFlood } from "./runner.ts";
import { SCENARIOS } from "./scenarios.ts";

/**
 * The machine may be busy with other tests: the faults that these floods found kept the program
 * silent for good, or as long as the flood went on. `deno task flood` wants one second.
 */
const MAX_HEALTH_MS = 5_000;

for (const scenario of SCENARIOS) {
  Deno.test(`the program survives a flood of ${scenario.name}`, async () => {
    const report = await playFlood(scenario);
    const shown = JSON.stringify(report);
    assertEquals(report.complaints, [], shown);
    assert(report.worstHealthMs <= MAX_HEALTH_MS, shown);
    assert(report.megabytes <= report.maxMegabytes, shown);
  });
}
