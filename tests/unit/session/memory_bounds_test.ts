// What a wait keeps in memory is bounded, whatever a session or its callers do.
import { assert, assertEquals } from "@std/assert";
import { silentLogger } from "../../../src/core/log.ts";
import { EventLog } from "../../../src/session/event_log.ts";
import { FeedHub } from "../../../src/session/feed_hub.ts";
import { readEvent } from "../../../src/session/log_event.ts";
import { initialTurn, reduceTurn } from "../../../src/session/turn.ts";
import { eventMaker } from "../../helpers/events.ts";
import { FakeSession } from "../../helpers/fake_api.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";
import { createPace } from "../../../src/core/pace.ts";

/** Entries of the largest collection that a value holds directly. */
function largest(value: object): number {
  const sizes = Object.values(value).map((field) =>
    field instanceof Map || field instanceof Set ? field.size : 0
  );
  return Math.max(0, ...sizes);
}

Deno.test("a turn forgets the oldest of very many calls whose results name others", () => {
  const e = eventMaker();
  let turn = initialTurn();
  turn = reduceTurn(turn, readEvent(e.user("go")));
  for (let i = 0; i < 5_000; i++) {
    turn = reduceTurn(turn, readEvent(e.make("agent.tool_use", { name: `tool_${i}`, input: {} })));
    turn = reduceTurn(turn, readEvent(e.toolResult("sevt_of_another")));
  }
  assert(largest(turn) <= 1_000, `${largest(turn)} entries`);
  // What it is doing now is known all the same.
  assertEquals([...turn.toolsInFlight.values()].at(-1), "tool_4999");
});

Deno.test("a process forgets the oldest of very many sends that no log ever shows", () => {
  const clock = new ManualClock();
  const { api } = new FakeSession();
  const hub = new FeedHub({
    api,
    clock,
    log: silentLogger,
    pace: createPace({ clock, perMinute: 60, burst: 10 }),
    random: () => 0.5,
  });
  const log = new EventLog();
  const sessions = Array.from({ length: 20_000 }, (_, i) => `sesn_${i}`);
  for (const id of sessions) hub.expect(id, "sevt_never");
  const kept = sessions.filter((id) => hub.isExpecting(id, log));
  assertEquals(kept.length, 10_000);
  assertEquals(kept, sessions.slice(-10_000));
});
