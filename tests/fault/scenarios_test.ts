import { assertEquals } from "@std/assert";
import { playScenario } from "./cases.ts";
import { SCENARIOS } from "./scenarios.ts";

for (const scenario of SCENARIOS) {
  Deno.test(`wait() answers ${scenario.name}`, async () => {
    const { complaints } = await playScenario(scenario);
    assertEquals(complaints, []);
  });
}
