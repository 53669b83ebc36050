import { assert, assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { newestFirst } from "../../../src/session/chain.ts";
import { readEvent } from "../../../src/session/event_types.ts";
import { standing } from "../../../src/session/verdict.ts";
import { initialTurn, reduceTurn, type TurnState, watchFrom } from "../../../src/session/turn.ts";
import { eventMaker } from "../../helpers/events.ts";
import { END_CASES } from "./turn_end_cases.ts";
import { INPUT_CASES } from "./turn_input_cases.ts";

function fold(events: SessionEvent[], afterId?: string): TurnState {
  return events.map(readEvent).reduce(reduceTurn, initialTurn(afterId));
}

function reply(state: TurnState): string {
  return [...newestFirst(state.collected.texts)].reverse().map((part) => part.text).join("|");
}

function verdict(state: TurnState): string {
  const stands = standing(state, undefined);
  return stands.over ? stands.status : `waits:${stands.waitingFor}`;
}

for (
  const { name, build, after, verdict: expected, reply: text, errors } of [
    ...INPUT_CASES,
    ...END_CASES,
  ]
) {
  Deno.test(`reduceTurn(): ${name}`, () => {
    const events = build(eventMaker());
    const state = fold(events, after === undefined ? undefined : events[after]?.id ?? undefined);
    assertEquals(verdict(state), expected);
    assertEquals(reply(state), text);
    const types = [...newestFirst(state.collected.errors)].reverse().map(({ type }) => type);
    if (errors) assertEquals(types, errors);
  });
}

/** A wait comes in after so many events. */
function foldWatched(events: SessionEvent[], from: number): TurnState {
  const log = events.map(readEvent);
  const before = log.slice(0, from).reduce(reduceTurn, initialTurn());
  return log.slice(from).reduce(reduceTurn, watchFrom(before, log[from - 1]?.key, true));
}

Deno.test("reduceTurn() tells of the words that a wait saw pass", () => {
  const e = eventMaker();
  const [first, begin, second] = [e.user("q1"), e.running(), e.queuedUser("q2")];
  const rest = [e.text("one"), e.endTurn(), e.stamped(second), e.running(), e.text("two")];
  const events = [first, begin, second, ...rest, e.endTurn()];
  const state = foldWatched(events, 2);
  assertEquals(reply(state), "two");
  assertEquals(state.passed, { characters: 3, cursorBefore: begin.id ?? "" });
  // From the beginning again, as after older pages came.
  const again = events.map(readEvent).reduce(
    reduceTurn,
    watchFrom(initialTurn(), readEvent(begin).key, false),
  );
  assertEquals(again.passed, state.passed);
});

Deno.test("reduceTurn() tells nothing of turns that were over when the wait came in", () => {
  const e = eventMaker();
  const old = [e.user("q1"), e.running(), e.text("one"), e.endTurn()];
  const state = foldWatched([...old, e.user("q2"), e.running(), e.text("two"), e.endTurn()], 4);
  assertEquals([reply(state), state.passed], ["two", undefined]);
});

Deno.test("reduceTurn() tells of what passes between a queued cursor and its own turn", () => {
  const e = eventMaker();
  const [first, begin, second] = [e.user("q1"), e.running(), e.queuedUser("q2")];
  const rest = [e.text("one"), e.endTurn(), e.stamped(second), e.running(), e.text("two")];
  const state = fold([first, begin, second, ...rest, e.endTurn()], second.id ?? "");
  assertEquals(reply(state), "two");
  assertEquals(state.passed, { characters: 3, cursorBefore: begin.id ?? "" });
});

Deno.test("reduceTurn() takes a cursor with a suffix for its event", () => {
  const e = eventMaker();
  const one = e.text("one");
  const events = [e.user("q"), e.running(), one, e.text("two"), e.endTurn()];
  for (const cursor of [`${one.id}w1`, `${one.id}w12`, `${one.id}w1w3`]) {
    assertEquals(reply(fold(events, cursor)), "two");
  }
  assertEquals(reply(fold(events, "startw2")), "one|two");
});

Deno.test("reduceTurn() keeps the newest stamped event as cursor, never a queued one", () => {
  const e = eventMaker();
  const text = e.text("a");
  const state = fold([e.user("q"), e.running(), text, e.queuedUser("later")]);
  assertEquals(state.cursor, text.id);
});

Deno.test("reduceTurn() does not change the state that it is given", () => {
  const e = eventMaker();
  const asked = { ...e.tool("bash"), evaluated_permission: "ask" };
  const before = fold([e.user("q"), e.running(), e.text("a"), asked]);
  const seen = ({ asking, answered, childThreads, ...others }: TurnState) =>
    structuredClone({
      ...others,
      asking: [...asking.keys()],
      answered: [...answered.keys()],
      childThreads: [...childThreads.keys()],
    });
  const copy = seen(before);
  assertEquals(copy.asking, [asked.id]);
  const allowed = { type: "user.tool_confirmation", id: "sevt_yes", tool_use_id: asked.id };
  const askedMore = { ...e.tool("x"), evaluated_permission: "ask" };
  for (const event of [e.text("b"), e.queuedUser("c"), askedMore, allowed, e.endTurn()]) {
    reduceTurn(before, readEvent(event));
  }
  assertEquals(seen(before), copy);
});

Deno.test("reduceTurn() knows whether it saw the beginning of the turn", () => {
  const e = eventMaker();
  const tail = [e.text("a"), e.endTurn()];
  assert(!fold(tail).sawTurnStart);
  assert(fold([...tail, e.user("q"), e.running(), e.text("b")]).sawTurnStart);
});

Deno.test("reduceTurn() costs the same per event however long the log is", () => {
  const e = eventMaker();
  const events = Array.from({ length: 50_000 }, () => readEvent(e.text("x")));
  let state = reduceTurn(initialTurn(), readEvent(e.running()));
  for (const event of events) state = reduceTurn(state, event);
  assertEquals(state.collected.texts?.size, 50_000);
  assertEquals(state.collected.textLength, 50_000);
});
