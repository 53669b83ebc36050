import { assertEquals } from "@std/assert";
import { hostedHabits, present } from "../../../src/simulator/habits.ts";
import type { WireEvent } from "../../../src/simulator/wire.ts";

const IDLE: WireEvent = {
  id: "sevt_1",
  type: "session.status_idle",
  processed_at: "2026-11-23T09:00:00.000000Z",
  stop_reason: { type: "end_turn" },
  stop_details: null,
};

Deno.test("present() shows an event as it is under the hosted API's habits", () => {
  assertEquals(present(IDLE, hostedHabits), IDLE);
});

Deno.test("present() takes stop reasons from session idles only", () => {
  const habits = { ...hostedHabits, idleWithoutStopReason: true };
  const thread = { ...IDLE, type: "session.thread_status_idle" };
  assertEquals(present(thread, habits), thread);
  assertEquals("stop_reason" in present(IDLE, habits), false);
  assertEquals(IDLE.stop_reason, { type: "end_turn" });
});

Deno.test("present() takes ids away without touching the log's event", () => {
  const shown = present(IDLE, { ...hostedHabits, eventsWithoutIds: true });
  assertEquals(["id" in shown, IDLE.id], [false, "sevt_1"]);
});
