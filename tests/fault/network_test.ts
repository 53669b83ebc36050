import { assert, assertEquals } from "@std/assert";
import { arm, MOMENTS, NETWORK_FAULTS, playTurn, SAID } from "./network_faults.ts";
import { Rig } from "./rig.ts";

for (const fault of NETWORK_FAULTS) {
  for (const moment of MOMENTS) {
    Deno.test(`wait() survives ${fault.name} ${moment}`, async () => {
      const rig = new Rig();
      rig.pastTurn();
      playTurn(rig);
      arm(rig, fault, moment);
      const { result, requests, elapsedMs, leaked } = await rig.wait();
      assertEquals(result.status, "idle");
      assertEquals(result.reply, SAID.join("\n\n"));
      assertEquals(result.tool_activity, [{ name: "bash", status: "done" }]);
      assert(elapsedMs >= 5_000 && elapsedMs <= 45_000, `${elapsedMs} ms`);
      assert(requests <= 40, `${requests} requests`);
      assertEquals(leaked, []);
      rig.close();
      await rig.clock.advance(fault.lastsMs ?? 0);
      assertEquals(rig.clock.pendingTimers, 0);
    });
  }
}
