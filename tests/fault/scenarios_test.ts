import { assert, assertEquals } from "@std/assert";
import { Rig } from "./rig.ts";
import { SCENARIOS } from "./scenarios.ts";

for (const scenario of SCENARIOS) {
  Deno.test(`wait() answers ${scenario.name}`, async () => {
    const rig = new Rig(scenario.habits);
    scenario.plan(rig);
    const { result, requests, elapsedMs, leaked } = await rig.wait(scenario.timeoutMs);
    assertEquals(result.status, scenario.status);
    assertEquals(result.reply, scenario.reply);
    const { fromMs, toMs } = scenario;
    assert(elapsedMs >= fromMs && elapsedMs <= toMs, `${elapsedMs} ms`);
    assert(requests <= scenario.requests, `${requests} requests`);
    assertEquals(leaked, []);
    rig.close();
    assertEquals(rig.clock.pendingTimers, 0);
  });
}
