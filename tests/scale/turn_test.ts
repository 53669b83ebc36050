import { assertEquals } from "@std/assert";
import { readEvent } from "../../src/session/event_types.ts";
import { turnOf } from "../../src/session/turn.ts";
import { eventMaker } from "../helpers/events.ts";

Deno.test("Turn.add() takes 50,000 events in time that grows no faster than their number", () => {
  const e = eventMaker();
  const events = Array.from({ length: 50_000 }, () => e.text("x"));
  const turn = turnOf([e.running(), ...events].map(readEvent));
  assertEquals(turn.collected.texts.length, 50_000);
  assertEquals(turn.collected.textLength, 50_000);
});
