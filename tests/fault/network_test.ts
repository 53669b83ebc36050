import { assertEquals } from "@std/assert";
import { playNetworkCase } from "./cases.ts";
import { MOMENTS, NETWORK_FAULTS } from "./network_faults.ts";

for (const fault of NETWORK_FAULTS) {
  for (const moment of MOMENTS) {
    Deno.test(`wait() survives ${fault.name} ${moment}`, async () => {
      const { complaints } = await playNetworkCase(fault, moment);
      assertEquals(complaints, []);
    });
  }
}
