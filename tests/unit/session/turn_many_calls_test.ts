import { assertEquals } from "@std/assert";
import { readEvent } from "../../../src/session/event_types.ts";
import { turnOf } from "../../../src/session/turn.ts";
import { setUp } from "./waiter_support.ts";

type WireEvent = Record<string, unknown> & { type: string };

const AT = "2026-11-23T09:00:00Z";
const idOf = (index: number) => `sevt_call_${index}`;

/** Custom tools that a session is blocked on, all at once, and their answers. */
function blockedOn(count: number): { asked: WireEvent[]; answers: WireEvent[] } {
  const ids = Array.from({ length: count }, (_, index) => idOf(index));
  const calls = ids.map((id) => ({
    ...{ type: "agent.custom_tool_use", id, processed_at: AT },
    name: "ask",
    input: {},
  }));
  const stop_reason = { type: "requires_action", event_ids: ids };
  const idle = { type: "session.status_idle", id: "sevt_idle", processed_at: AT, stop_reason };
  const answers = ids.map((id) => ({
    ...{ type: "user.custom_tool_result", id: `${id}_answer`, processed_at: AT },
    custom_tool_use_id: id,
  }));
  return { asked: [...calls, idle], answers };
}

for (const count of [10, 300, 5_000]) {
  Deno.test(`Turn.openActions() knows all answers of a session that is blocked on ${count} calls`, () => {
    const { asked, answers } = blockedOn(count);
    const turn = turnOf(asked.map(readEvent));
    assertEquals(turn.openActions().length, count);
    for (const event of answers.slice(0, -1)) turn.add(readEvent(event));
    assertEquals(turn.openActions(), [idOf(count - 1)]);
    for (const event of answers.slice(-1)) turn.add(readEvent(event));
    assertEquals(turn.openActions(), []);
  });
}

Deno.test("wait() of a session whose 300 calls were all answered waits for what comes of it", async () => {
  const t = setUp();
  const { asked, answers } = blockedOn(300);
  t.session.emit(t.e.user("q"), t.e.running(), ...asked, ...answers);
  const waiting = t.wait();
  await t.clock.advance(1_500);
  t.session.emit(t.e.running(), t.e.text("all done"), t.e.endTurn());
  const result = await t.clock.runUntil(waiting);
  assertEquals([result.status, result.reply, result.pending_actions.length], [
    "idle",
    "all done",
    0,
  ]);
  await t.assertClean();
});
