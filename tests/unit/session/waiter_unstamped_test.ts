// Turns on servers that never stamp what they take up: `processed_at` of a message stays null.
import { assert, assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import type { EventMaker } from "../../helpers/events.ts";
import { setUp } from "./waiter_support.ts";

const BETWEEN: Readonly<Record<string, (e: EventMaker) => SessionEvent[]>> = {
  "nothing": () => [],
  "session.error": (e) => [e.error("overloaded_error")],
  "session.status_rescheduled": (e) => [e.make("session.status_rescheduled")],
  "session.status_idle": (e) => [e.make("session.status_idle")],
  "session.updated": (e) => [e.make("session.updated")],
  "session.thread_created": (e) => [
    e.make("session.thread_created", { session_thread_id: "sthr_1" }),
  ],
  "session.thread_status_running": (e) => [
    e.make("session.thread_status_running", { session_thread_id: "sthr_1" }),
  ],
  "span.model_request_end": (e) => [e.make("span.model_request_end")],
  "agent.tool_result": (e) => [e.toolResult("sevt_old")],
  "a type nobody knows": (e) => [e.make("session.new_thing")],
  "two of them": (e) => [e.error("overloaded_error"), e.make("session.updated")],
};

for (const [name, between] of Object.entries(BETWEEN)) {
  for (const open of [true, false]) {
    const how = open ? "found over" : "over in mid-wait";
    Deno.test(`wait() ends for an unstamped message with ${name} before its turn, ${how}`, async () => {
      const t = setUp();
      t.session.nullsInPlace = true;
      const turn = [t.e.running(), t.e.text("REPLY"), t.e.endTurn()];
      t.session.emit(t.e.queuedUser("q"), ...between(t.e));
      if (open) t.session.emit(...turn);
      const waiting = t.wait();
      await t.clock.advance(500);
      if (!open) t.session.emit(...turn);
      const result = await t.clock.runUntil(waiting);
      assertEquals([result.status, result.reply], ["idle", "REPLY"]);
      assert(result.elapsed_sec < 10, `${result.elapsed_sec} s`);
      await t.assertClean();
    });
  }

  Deno.test(`wait() ends for an interrupted unstamped message with ${name} after it`, async () => {
    const t = setUp();
    t.session.nullsInPlace = true;
    t.session.emit(t.e.queuedUser("q"), ...between(t.e), t.e.running());
    t.session.emit(t.e.make("span.model_request_start"));
    t.session.emit(t.e.make("user.interrupt", { processed_at: null }), t.e.endTurn());
    const result = await t.clock.runUntil(t.wait());
    assertEquals([result.status, result.reply], ["idle", ""]);
    assert(result.elapsed_sec < 10, `${result.elapsed_sec} s`);
    await t.assertClean();
  });
}

Deno.test("wait() ends for an unstamped message that was interrupted before its turn", async () => {
  const t = setUp();
  t.session.nullsInPlace = true;
  t.session.emit(t.e.queuedUser("q"), t.e.make("user.interrupt", { processed_at: null }));
  t.session.emit(t.e.endTurn());
  const result = await t.clock.runUntil(t.wait());
  assertEquals([result.status, result.reply], ["idle", ""]);
  await t.assertClean();
});

// The newest page of a log holds 200 events: where it begins must not matter.
for (const count of [1, 195, 196, 197, 198, 199, 200, 201, 250, 1_197, 1_198, 1_199, 1_200]) {
  Deno.test(`wait() ends for an unstamped message with ${count} events after it`, async () => {
    const t = setUp();
    t.session.nullsInPlace = true;
    t.session.emit(t.e.queuedUser("q1"), t.e.running(), t.e.text("OLD"), t.e.endTurn());
    t.session.emit(t.e.queuedUser("q2"), t.e.running());
    for (let i = 0; i < count - 3; i++) t.session.emit(t.e.make("span.model_request_end"));
    t.session.emit(t.e.text("REPLY"), t.e.endTurn());
    const result = await t.clock.runUntil(t.wait());
    assertEquals([result.status, result.reply], ["idle", "REPLY"]);
    assert(result.elapsed_sec < 10, `${result.elapsed_sec} s`);
    await t.assertClean();
  });
}

Deno.test("wait() ends on a long log of unstamped messages", async () => {
  const t = setUp();
  t.session.nullsInPlace = true;
  for (let i = 0; i < 100; i++) {
    t.session.emit(t.e.queuedUser("q"), t.e.running(), t.e.text(`reply ${i}`), t.e.endTurn());
  }
  const result = await t.clock.runUntil(t.wait());
  assertEquals([result.status, result.reply], ["idle", "reply 99"]);
  assert(result.elapsed_sec < 10, `${result.elapsed_sec} s`);
  await t.assertClean();
});

Deno.test("wait() does not take a message that a list sorts to the front for answered", async () => {
  const t = setUp();
  t.session.nullsFirst = true;
  t.session.emit(t.e.error("overloaded_error"), t.e.user("q1"), t.e.running(), t.e.text("one"));
  t.session.emit(t.e.endTurn(), t.e.queuedUser("q2"));
  const result = await t.clock.runUntil(t.wait({ timeoutMs: 30_000 }));
  assertEquals([result.status, result.reply], ["timeout", ""]);
});
