/**
 * Sessions as random plans play them, for properties of all that reads their events.
 *
 * @module
 */

import { fc } from "../helpers/fuzz.ts";
import type { SessionEvent } from "../../src/api/events.ts";
import { EventHistory } from "../../src/session/event_history.ts";
import { readEvent } from "../../src/session/event_types.ts";
import { eventMaker } from "../helpers/events.ts";

/** What happens in a session, as a plan from which its events are made. */
export type Step = "ask" | "queue" | "text" | "tool" | "error" | "approve" | "interrupt" | "run";
export const stepsArbitrary = fc.array(
  fc.constantFrom<Step>("ask", "queue", "text", "tool", "error", "approve", "interrupt", "run"),
  { maxLength: 25 },
);

export interface World {
  /** What the stream of an observer who was there all along carried. */
  readonly stream: SessionEvent[];
  /** Whether all was done when the stream had carried so many events. */
  readonly done: boolean[];
  /** The log at the end, in the API's order: queued events last. */
  readonly history: SessionEvent[];
}

/** Plays a plan as the hosted service would: queued messages get turns of their own. */
export function play(steps: readonly Step[], ends: boolean): World {
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

/** Makes the history of a session of which only the list is known. */
export function logOfHistory(history: readonly SessionEvent[]): EventHistory {
  const log = new EventHistory();
  log.merge(history.map(readEvent));
  return log;
}

/** A stretch of the stream that a connection carried, and the history read at its start. */
export const cutsArbitrary = fc.array(fc.record({ from: fc.nat(200), to: fc.nat(200) }), {
  maxLength: 5,
});

/** Events of the list that had happened when the stream had carried `count` events. */
export function historyAt(world: World, count: number): SessionEvent[] {
  const shown = world.stream.slice(0, count);
  const stampedIds = new Set(shown.filter((event) => event.processed_at).map((event) => event.id));
  const queued = shown.filter((event) => !event.processed_at && !stampedIds.has(event.id));
  return [...shown.filter((event) => event.processed_at), ...queued];
}
