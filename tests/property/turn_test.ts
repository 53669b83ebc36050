import { assert, assertEquals } from "@std/assert";
import { fc } from "../helpers/fuzz.ts";
import type { SessionEvent } from "../../src/api/events.ts";
import { EventHistory } from "../../src/session/event_history.ts";
import { readEvent } from "../../src/session/event_types.ts";
import { TurnReader } from "../../src/session/turn.ts";
import { verdictOf } from "../../src/session/verdict.ts";
import { eventMaker } from "../helpers/events.ts";

const RUNS = { numRuns: 400 };

/** What happens in a session, as a plan from which its events are made. */
type Step = "ask" | "queue" | "text" | "tool" | "error" | "approve" | "interrupt" | "run";
const stepsArbitrary = fc.array(
  fc.constantFrom<Step>("ask", "queue", "text", "tool", "error", "approve", "interrupt", "run"),
  { maxLength: 25 },
);

interface World {
  /** What the stream of an observer who was there all along carried. */
  readonly stream: SessionEvent[];
  /** Whether all was done when the stream had carried so many events. */
  readonly done: boolean[];
  /** The log at the end, in the API's order: queued events last. */
  readonly history: SessionEvent[];
}

/** Plays a plan as the hosted service would: queued messages get turns of their own. */
function play(steps: readonly Step[], ends: boolean): World {
  const e = eventMaker();
  const stream: SessionEvent[] = [];
  const done: boolean[] = [];
  const history: SessionEvent[] = [];
  const waiting: SessionEvent[] = [];
  let running = false;
  const show = (event: SessionEvent) => {
    stream.push(event);
    done.push(!running && waiting.length === 0 && stream.length > 0);
  };
  const emit = (event: SessionEvent) => {
    history.push(event);
    show(event);
  };
  const take = (message: SessionEvent) => {
    running = true;
    emit(e.stamped(message));
    emit(e.running());
  };
  const finish = () => {
    running = false;
    emit(e.endTurn());
    const next = waiting.shift();
    if (next) take(next);
  };
  const send = () => {
    const message = e.queuedUser("q");
    if (running) {
      waiting.push(message);
      show(message);
    } else {
      running = true;
      show(message);
      take(message);
    }
  };
  const act: Record<Step, () => void> = {
    ask: () => running ? finish() : send(),
    queue: send,
    text: () => running && emit(e.text(`t${stream.length}`)),
    tool: () => {
      if (!running) return;
      const use = e.tool("bash");
      emit(use);
      emit(e.toolResult(use.id ?? ""));
    },
    error: () => emit(e.make("session.error", { error: { type: "model_overloaded_error" } })),
    approve: () => {
      if (!running) return;
      const use = e.tool("rm", { evaluated_permission: "ask" });
      emit(use);
      emit(e.asks(use.id ?? ""));
      emit(e.make("user.tool_confirmation", { tool_use_id: use.id, result: "allow" }));
      emit(e.running());
    },
    interrupt: () => emit(e.make("user.interrupt")),
    run: () => {
      const runId = `wrun_${stream.length}`;
      emit(e.make("workflow_run.created", { workflow_run_id: runId }));
      emit(e.make("workflow_run.status_ended", { workflow_run_id: runId }));
    },
  };
  for (const step of steps) act[step]();
  while (ends && running) finish();
  return { stream, done, history: [...history, ...waiting] };
}

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

function logOfHistory(history: readonly SessionEvent[]): EventHistory {
  const log = new EventHistory();
  log.merge(history.map(readEvent));
  return log;
}

/** A stretch of the stream that a connection carried, and the history read at its start. */
const cutsArbitrary = fc.array(fc.record({ from: fc.nat(200), to: fc.nat(200) }), { maxLength: 5 });

/** Events of the list that had happened when the stream had carried `count` events. */
function historyAt(world: World, count: number): SessionEvent[] {
  const shown = world.stream.slice(0, count);
  const stampedIds = new Set(shown.filter((event) => event.processed_at).map((event) => event.id));
  const queued = shown.filter((event) => !event.processed_at && !stampedIds.has(event.id));
  return [...shown.filter((event) => event.processed_at), ...queued];
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
