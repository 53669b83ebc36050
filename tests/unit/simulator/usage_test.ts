import { assertEquals } from "@std/assert";
import { UsageCounter } from "../../../src/simulator/usage.ts";

Deno.test("UsageCounter adds up tokens and prices them in whole cents", () => {
  const usage = new UsageCounter();
  usage.addRequest({ input_tokens: 1_000_000, output_tokens: 200_000 });
  usage.addRequest({ input_tokens: 1 });
  usage.addRequest("nonsense");
  assertEquals(usage.toWire(), {
    input_tokens: 1_000_001,
    output_tokens: 200_000,
    cache_read_input_tokens: 0,
    list_cost: { amount: "1000", currency: "USD" },
  });
});

Deno.test("UsageCounter counts the time spent running, also while it runs", () => {
  const usage = new UsageCounter();
  usage.setStatus("idle", 0);
  usage.setStatus("running", 1_000);
  usage.setStatus("running", 2_000);
  assertEquals(usage.activeSeconds(6_000), 5);
  usage.setStatus("idle", 6_000);
  usage.setStatus("idle", 7_000);
  assertEquals(usage.activeSeconds(60_000), 5);
  usage.setStatus("running", 60_000);
  usage.setStatus("terminated", 62_000);
  assertEquals(usage.activeSeconds(99_000), 7);
});
