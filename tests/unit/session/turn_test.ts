import { assert, assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { newestFirst } from "../../../src/session/chain.ts";
import { readEvent } from "../../../src/session/log_event.ts";
import { standing } from "../../../src/session/standing.ts";
import { initialTurn, reduceTurn, type TurnState } from "../../../src/session/turn.ts";
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
  const { name, build, after, verdict: expected, reply: text } of [...INPUT_CASES, ...END_CASES]
) {
  Deno.test(`reduceTurn(): ${name}`, () => {
    const events = build(eventMaker());
    const state = fold(events, after === undefined ? undefined : events[after]?.id ?? undefined);
    assertEquals(verdict(state), expected);
    assertEquals(reply(state), text);
  });
}

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
  const seen = ({ asking, answered, ...others }: TurnState) =>
    structuredClone({ ...others, asking: [...asking.keys()], answered: [...answered.keys()] });
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
