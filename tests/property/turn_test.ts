import { assert, assertEquals } from "@std/assert";
import { fc } from "../helpers/fuzz.ts";
import type { SessionEvent } from "../../src/api/events.ts";
import { EventHistory } from "../../src/session/event_history.ts";
import { readEvent } from "../../src/session/event_types.ts";
import { TurnReader } from "../../src/session/turn.ts";
import { verdictOf } from "../../src/session/verdict.ts";
import { cutsArbitrary, historyAt, logOfHistory, play, stepsArbitrary } from "./played_sessions.ts";

const RUNS = { numRuns: 400 };

/** What a wait would answer, without what only a stream can know. */
function answer(log: EventHistory, afterId?: string) {
  const reader = new TurnReader(log, afterId);
  reader.update();
  const { turn } = reader;
  return {
    verdict: verdictOf(turn, undefined),
    reply: turn.collected.texts.map((part) => part.text),
    tools: turn.collected.tools.length,
    lastEventId: turn.lastEventId,
    openRuns: [...turn.openRuns.keys()],
  };
}

Deno.test("any order-preserving split of events over list, stream and reconnects gives one result", () => {
  fc.assert(
    fc.property(stepsArbitrary, fc.boolean(), cutsArbitrary, (steps, ends, cuts) => {
      const world = play(steps, ends);
      const log = new EventHistory();
      const size = world.stream.length;
      const places = cuts.map(({ from, to }) => [from % (size + 1), to % (size + 1)]);
      places.sort(([a], [b]) => (a ?? 0) - (b ?? 0));
      for (const [from = 0, to = 0] of places) {
        log.merge(historyAt(world, from).map(readEvent));
        // The stream may replay what history showed, and overlaps with other connections.
        for (const event of world.stream.slice(Math.max(0, from - 3), to)) {
          log.add(readEvent(event));
        }
      }
      log.merge(world.history.map(readEvent));
      assertEquals(answer(log), answer(logOfHistory(world.history)));
    }),
    RUNS,
  );
});

Deno.test("a reader of the stream and a reader of the list work out the same turn", () => {
  fc.assert(
    fc.property(stepsArbitrary, fc.boolean(), (steps, ends) => {
      const world = play(steps, ends);
      const log = new EventHistory();
      for (const event of world.stream) log.add(readEvent(event));
      assertEquals(answer(log), answer(logOfHistory(world.history)));
    }),
    RUNS,
  );
});

Deno.test("no prefix of an unfinished session's events counts as ended", () => {
  fc.assert(
    fc.property(stepsArbitrary, fc.boolean(), (steps, ends) => {
      const world = play(steps, ends);
      const log = new EventHistory();
      for (const [index, event] of world.stream.entries()) {
        log.add(readEvent(event));
        const { over } = answer(log).verdict;
        const blocked = event.type === "session.status_idle" && asksForAction(event);
        if (over && !blocked) assert(world.done[index], `over after event ${index}: ${event.type}`);
      }
    }),
    RUNS,
  );
});

function asksForAction(event: SessionEvent): boolean {
  return JSON.stringify(event.stop_reason).includes("requires_action");
}

Deno.test("waits chained by cursor return all text once", () => {
  fc.assert(
    fc.property(stepsArbitrary, fc.array(fc.nat(200), { maxLength: 4 }), (steps, stops) => {
      const world = play(steps, true);
      const stamped = world.history.filter((event) => event.processed_at);
      if (stamped.length === 0) return;
      const first = stamped[0]?.id ?? "";
      const said: string[] = [];
      let cursor = first;
      const places = [...stops.map((stop) => stop % stamped.length), stamped.length - 1];
      for (const place of places.sort((a, b) => a - b)) {
        const seen = answer(logOfHistory(stamped.slice(0, place + 1)), cursor);
        said.push(...seen.reply);
        cursor = seen.lastEventId ?? cursor;
      }
      assertEquals(said, answer(logOfHistory(stamped), first).reply);
    }),
    RUNS,
  );
});

Deno.test("older pages that arrive later do not change the result", () => {
  fc.assert(
    fc.property(stepsArbitrary, fc.nat(200), (steps, at) => {
      const world = play(steps, true);
      const events = world.history.map(readEvent);
      const cut = events.length === 0 ? 0 : at % events.length;
      const log = new EventHistory();
      log.merge(events.slice(cut));
      log.prepend(events.slice(0, cut));
      assertEquals(answer(log), answer(logOfHistory(world.history)));
    }),
    RUNS,
  );
});
