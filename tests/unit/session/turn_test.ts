import { assert, assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { readEvent } from "../../../src/session/event_types.ts";
import { verdictOf } from "../../../src/session/verdict.ts";
import { Turn, turnOf } from "../../../src/session/turn.ts";
import { eventMaker } from "../../helpers/events.ts";
import { END_CASES } from "./turn_end_cases.ts";
import { INPUT_CASES } from "./turn_input_cases.ts";
import { setUp } from "./waiter_support.ts";

function read(events: SessionEvent[], afterId?: string): Turn {
  return turnOf(events.map(readEvent), afterId);
}

function reply(turn: Turn): string {
  return turn.collected.texts.map((part) => part.text).join("|");
}

function verdict(turn: Turn): string {
  const stands = verdictOf(turn, undefined);
  return stands.over ? stands.status : `waits:${stands.waitingFor}`;
}

for (
  const { name, build, after, verdict: expected, reply: text, errors } of [
    ...INPUT_CASES,
    ...END_CASES,
  ]
) {
  Deno.test(`Turn.add(): ${name}`, () => {
    const events = build(eventMaker());
    const turn = read(events, after === undefined ? undefined : events[after]?.id ?? undefined);
    assertEquals(verdict(turn), expected);
    assertEquals(reply(turn), text);
    const types = turn.collected.errors.map(({ type }) => type);
    if (errors) assertEquals(types, errors);
  });
}

/** A wait comes in after so many events. */
function readWatched(events: SessionEvent[], from: number): Turn {
  const turn = read(events.slice(0, from));
  const last = events[from - 1];
  turn.watchFrom(last && readEvent(last).key, true);
  for (const event of events.slice(from)) turn.add(readEvent(event));
  return turn;
}

Deno.test("Turn.add() counts the text of an earlier turn that a wait saw as earlierText", () => {
  const e = eventMaker();
  const [first, begin, second] = [e.user("q1"), e.running(), e.queuedUser("q2")];
  const rest = [e.text("one"), e.endTurn(), e.stamped(second), e.running(), e.text("two")];
  const events = [first, begin, second, ...rest, e.endTurn()];
  const turn = readWatched(events, 2);
  assertEquals(reply(turn), "two");
  assertEquals(turn.earlierText, { characters: 3, cursorBefore: begin.id ?? "" });
  // From the beginning again, as after older pages came.
  const again = new Turn();
  again.watchFrom(readEvent(begin).key, false);
  for (const event of events) again.add(readEvent(event));
  assertEquals(again.earlierText, turn.earlierText);
});

Deno.test("Turn.add() counts no text of turns that ended before the wait", () => {
  const e = eventMaker();
  const old = [e.user("q1"), e.running(), e.text("one"), e.endTurn()];
  const turn = readWatched([...old, e.user("q2"), e.running(), e.text("two"), e.endTurn()], 4);
  assertEquals([reply(turn), turn.earlierText], ["two", undefined]);
});

Deno.test("Turn.add() counts text between a queued cursor and its own turn as earlierText", () => {
  const e = eventMaker();
  const [first, begin, second] = [e.user("q1"), e.running(), e.queuedUser("q2")];
  const rest = [e.text("one"), e.endTurn(), e.stamped(second), e.running(), e.text("two")];
  const turn = read([first, begin, second, ...rest, e.endTurn()], second.id ?? "");
  assertEquals(reply(turn), "two");
  assertEquals(turn.earlierText, { characters: 3, cursorBefore: begin.id ?? "" });
});

Deno.test("Turn.add() takes a cursor with a suffix for its event", () => {
  const e = eventMaker();
  const one = e.text("one");
  const events = [e.user("q"), e.running(), one, e.text("two"), e.endTurn()];
  for (const cursor of [`${one.id}w1`, `${one.id}w12`, `${one.id}w1w3`]) {
    assertEquals(reply(read(events, cursor)), "two");
  }
  assertEquals(reply(read(events, "startw2")), "one|two");
});

Deno.test("Turn.add() keeps the newest stamped event as cursor, never a queued one", () => {
  const e = eventMaker();
  const text = e.text("a");
  const turn = read([e.user("q"), e.running(), text, e.queuedUser("later")]);
  assertEquals(turn.lastEventId, text.id);
});

Deno.test("Turn.sawTurnStart says whether the events reach back to the turn's start", () => {
  const e = eventMaker();
  const tail = [e.text("a"), e.endTurn()];
  assert(!read(tail).sawTurnStart);
  assert(read([...tail, e.user("q"), e.running(), e.text("b")]).sawTurnStart);
});

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

Deno.test("wait() of a session whose 300 calls were all answered waits for the end of the turn", async () => {
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
