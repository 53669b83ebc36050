import { assert, assertEquals } from "@std/assert";
import { fc } from "../helpers/fuzz.ts";
import type { SessionEvent } from "../../src/api/events.ts";
import { jsonLength } from "../../src/core/text.ts";
import { EventHistory } from "../../src/session/event_history.ts";
import { readEvent } from "../../src/session/event_types.ts";
import { turnOf } from "../../src/session/turn.ts";
import { TurnTimeline } from "../../src/session/turn_timeline.ts";
import type { Timeline, TimelineEntry } from "../../src/session/watched_session.ts";
import { KnownTimeline } from "../../src/view/timeline.ts";
import { cutsArbitrary, historyAt, logOfHistory, play, stepsArbitrary } from "./played_sessions.ts";

const RUNS = { numRuns: 300 };
const UNBOUNDED = 1_000_000_000;

function look(timeline: TurnTimeline, cursor?: string, room = UNBOUNDED): Timeline {
  timeline.read();
  const { turn } = timeline.newest;
  const isAtRest = turn.phase === "ended";
  timeline.settle({ isAtRest, waiting: turn.phase === "blocked" ? turn.openActions() : [] });
  return timeline.since(cursor, room);
}

/** Somebody who looks from time to time, and puts together what each look brings. */
class Viewer {
  readonly known = new KnownTimeline();

  look(timeline: TurnTimeline, room: number): void {
    const { known } = this;
    const brought = look(timeline, known.cursor || undefined, room);
    assert(jsonLength(brought.entries) <= Math.max(2, room + 2), `${room}`);
    // What is told again, and is not new, is known.
    const keys = new Set(known.entries.map(({ key }) => key));
    const places = brought.entries.map(({ key }) => brought.is_whole || !keys.has(key));
    assert(places.lastIndexOf(false) < Math.max(0, places.indexOf(true)) || !places.includes(true));
    known.add(brought);
    const whole = look(timeline);
    const total = whole.entries.length + (whole.left_out ?? 0);
    assertEquals(known.entries.length + known.leftOut, total);
    const both = Math.min(known.entries.length, whole.entries.length);
    assertEquals(known.entries.slice(-both || total), whole.entries.slice(-both || total));
  }
}

const looksArbitrary = fc.array(
  fc.record({ viewer: fc.nat(2), after: fc.nat(3), room: fc.integer({ min: -1, max: 1_200 }) }),
  { minLength: 1, maxLength: 40 },
);

/** Adds the events as connections bring them, one call after each. */
function* arrivals(
  history: EventHistory,
  world: ReturnType<typeof play>,
  cuts: readonly { readonly from: number; readonly to: number }[],
): Generator<void> {
  const size = world.stream.length + 1;
  const places = cuts.map(({ from, to }) => [from % size, to % size]);
  for (const [from = 0, to = 0] of places.sort(([a = 0], [b = 0]) => a - b)) {
    yield void history.merge(historyAt(world, from).map(readEvent));
    for (const event of world.stream.slice(Math.max(0, from - 3), to)) {
      yield void history.addLive(readEvent(event));
    }
  }
  yield void history.merge(world.history.map(readEvent));
}

Deno.test("looks from any cursors, in any rooms, put together give the newest entries of the turn", () => {
  fc.assert(
    fc.property(
      stepsArbitrary,
      fc.boolean(),
      cutsArbitrary,
      looksArbitrary,
      (steps, ends, cuts, looks) => {
        const history = new EventHistory();
        const timeline = new TurnTimeline(history, "a1");
        const viewers = [new Viewer(), new Viewer(), new Viewer()];
        const plan = looks.values();
        let { viewer, after, room } = looks[0] ?? { viewer: 0, after: 0, room: 0 };
        for (const _ of arrivals(history, play(steps, ends), cuts)) {
          if (after-- > 0) continue;
          viewers[viewer]?.look(timeline, room);
          ({ viewer, after, room } = plan.next().value ?? { viewer: 0, after: 2, room: 5_000 });
        }
        for (const viewer of viewers) viewer.look(timeline, UNBOUNDED);
      },
    ),
    RUNS,
  );
});

Deno.test("however events arrive, the timeline is that of the list", () => {
  fc.assert(
    fc.property(stepsArbitrary, fc.boolean(), cutsArbitrary, (steps, ends, cuts) => {
      // Whose turn an error belongs to that comes before any message, a list tells otherwise.
      const world = play(["ask", ...steps], ends);
      const history = new EventHistory();
      const timeline = new TurnTimeline(history, "a1");
      for (const _ of arrivals(history, world, cuts)) look(timeline);
      const listed = new TurnTimeline(logOfHistory(world.history), "a1");
      const [seen, known] = [timeline, listed].map((one) => look(one).entries);
      // A list has what is queued at its end, whenever it was sent.
      const isInput = ({ kind }: TimelineEntry) => kind === "input";
      assertEquals(seen?.filter((one) => !isInput(one)), known?.filter((one) => !isInput(one)));
      const inputs = (entries: readonly TimelineEntry[] = []) =>
        new Set(entries.filter(isInput).map(({ key }) => key));
      assertEquals(inputs(seen), inputs(known));
      const { key, task, startedAt, endedAt } = listed.newest;
      const { newest } = timeline;
      assertEquals([newest.key, newest.task, newest.startedAt, newest.endedAt], [
        key,
        task,
        startedAt,
        endedAt,
      ]);
    }),
    RUNS,
  );
});

Deno.test("the agent's messages, tools and errors are those of a wait's result", () => {
  const told = (entries: readonly TimelineEntry[], kind: TimelineEntry["kind"]) =>
    entries.filter((entry) => entry.kind === kind && entry.subagent === undefined);
  fc.assert(
    fc.property(stepsArbitrary, fc.boolean(), (steps, ends) => {
      const { stream, history } = play(steps, ends);
      for (const events of [stream, history] as readonly SessionEvent[][]) {
        const log = new EventHistory();
        log.merge(events.map(readEvent));
        const { texts, tools, errors } = turnOf(log.entries).collected;
        const { entries } = look(new TurnTimeline(log, "a1"));
        assertEquals(
          told(entries, "message").map((entry) => entry.kind === "message" && entry.text),
          texts.map(({ text }) => text),
        );
        assertEquals(told(entries, "tool").map(({ key }) => key), tools.map(({ id }) => id));
        assertEquals(told(entries, "error").length, errors.length);
      }
    }),
    RUNS,
  );
});
