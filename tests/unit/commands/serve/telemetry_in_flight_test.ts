import { assertEquals, assertRejects } from "@std/assert";
import { InFlight } from "../../../../src/commands/serve/telemetry.ts";
import { settle } from "../../../helpers/manual_clock.ts";

Deno.test("idle() resolves at once when nothing runs", async () => {
  await new InFlight().idle();
});

Deno.test("track() passes on what the work gives, and counts it until then", async () => {
  const calls = new InFlight();
  const gate = Promise.withResolvers<string>();
  const result = calls.track(() => gate.promise);
  assertEquals(calls.size, 1);
  gate.resolve("done");
  assertEquals([await result, calls.size], ["done", 0]);
});

Deno.test("track() passes on failures, and no longer counts what failed", async () => {
  const calls = new InFlight();
  await assertRejects(() => calls.track(() => Promise.reject(new Error("no"))), Error, "no");
  assertEquals(calls.size, 0);
});

Deno.test("idle() resolves when the last of the work is over, for everybody who asked", async () => {
  const calls = new InFlight();
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  for (const { promise } of gates) void calls.track(() => promise);
  let idle = 0;
  for (let i = 0; i < 2; i++) calls.idle().then(() => idle++);
  gates[0]?.resolve();
  await settle();
  assertEquals([idle, calls.size], [0, 1]);
  gates[1]?.resolve();
  await settle();
  assertEquals([idle, calls.size], [2, 0]);
});
