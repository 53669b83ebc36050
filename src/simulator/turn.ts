/**
 * Plays a session's turns: takes up sent events, runs the script, and makes the status events
 * around it.
 *
 * @module
 */

import type { SimulatorClock } from "./clock.ts";
import type { Habits } from "./habits.ts";
import type { Answer, Script, Step, StepResult } from "./script.ts";
import { answeredId, answerOf } from "./sending.ts";
import type { SimulatedSession } from "./session.ts";
import { joinedText, type WireEvent, type WireObject } from "./wire.ts";

/** Options of {@linkcode TurnEngine}. */
export interface TurnOptions {
  readonly clock: SimulatorClock;
  readonly habits: Habits;
  readonly makeId: (prefix: string) => string;
  /** Plays the turns; without one, sent events stay queued. */
  readonly script: Script | undefined;
}

/** A turn that waits for answers, or for a higher budget. */
interface Blocked {
  readonly eventIds: readonly string[];
  /** The threads that wait; the primary one last. */
  readonly threadIds: readonly string[];
  readonly goOn: () => void;
}

type Ending = { readonly stopReason: WireObject; readonly stopDetails?: WireObject };

const END_TURN: Ending = { stopReason: { type: "end_turn" } };

/** Plays one session's turns, one after another. */
export class TurnEngine {
  readonly #session: SimulatedSession;
  readonly #options: TurnOptions;
  readonly #timers = new Set<() => void>();
  #queue: WireEvent[] = [];
  #current: AbortController | undefined;
  #blocked: Blocked | undefined;
  #answers = new Map<string, Answer>();
  /** Messages of this turn that are stamped only when it ends. */
  #unstamped: string[] = [];
  #paused = false;
  #interrupting = false;
  #scheduled = false;

  constructor(session: SimulatedSession, options: TurnOptions) {
    this.#session = session;
    this.#options = options;
  }

  /** Accepts events that a client sent, in the form that the history has them. */
  accept(events: readonly WireEvent[]): void {
    if (!this.#options.script) return;
    const inputs = events.filter((event) =>
      event.type === "user.message" || event.type === "user.define_outcome"
    );
    const interrupts = events.filter((event) => event.type === "user.interrupt");
    const answers = events.filter((event) => answeredId(event) !== undefined);
    for (const event of interrupts) this.#interrupt(event.id);
    if (answers.length > 0) this.#later(() => this.#takeAnswers(answers));
    this.#queue.push(...inputs);
    for (const event of events) {
      if (event.type === "system.message") this.#later(() => this.#stamp(event.id));
    }
    this.#pump();
  }

  /** Continues after the budget was raised or removed. */
  raiseBudget(): void {
    this.#session.atBudget = false;
    if (this.#blocked?.eventIds.length === 0) this.#unblock();
  }

  /** Ends the turn and its timers, without an event. */
  close(): void {
    this.#queue = [];
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#current?.abort();
  }

  #later(run: () => void): void {
    const cancel = this.#options.clock.after(this.#options.habits.takeUpMs, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }

  /** Begins the next turn, after a pause, when none is running. */
  #pump(): void {
    if (this.#current || this.#scheduled || this.#queue.length === 0) return;
    this.#scheduled = true;
    this.#later(() => {
      this.#scheduled = false;
      if (!this.#current) void this.#play();
    });
  }

  async #play(): Promise<void> {
    const current = new AbortController();
    this.#current = current;
    this.#answers = new Map();
    const first = this.#takeUp();
    this.#begin();
    let ending = await this.#run(first, current.signal);
    while (ending === END_TURN && this.#joinsQueued()) {
      ending = await this.#run(this.#takeUp(), current.signal);
    }
    if (!ending || current.signal.aborted) return;
    this.#settle(ending);
    this.#release();
  }

  #joinsQueued(): boolean {
    return this.#options.habits.queuedMessages !== "own_turn" && this.#queue.length > 0;
  }

  #release(): void {
    this.#current = undefined;
    this.#blocked = undefined;
    this.#paused = false;
    this.#pump();
  }

  /** Takes up the next message of the queue, or all of them; returns the text to reply to. */
  #takeUp(): string {
    const { queuedMessages, stampAtSettle } = this.#options.habits;
    const taken = this.#queue.splice(0, queuedMessages === "together" ? Infinity : 1);
    for (const { id } of taken) {
      if (stampAtSettle) this.#unstamped.push(id);
      else this.#stamp(id);
    }
    return taken.map((message) =>
      message.type === "user.define_outcome"
        ? String(message.description)
        : joinedText(message.content)
    ).join("\n");
  }

  #stamp(eventId: string, quiet = false): void {
    if (!this.#options.habits.neverStamps) this.#session.stamp(eventId, quiet);
  }

  /** Runs the script; returns undefined when it was interrupted or the session is over. */
  async #run(text: string, signal: AbortSignal): Promise<Ending | undefined> {
    const { script, makeId } = this.#options;
    if (!script) return END_TURN;
    const steps = script({
      text,
      agentName: this.#session.init.agentName,
      agent: this.#session.init.agent,
      primaryThreadId: this.#session.threads.primaryId,
      mounts: this.#session.mounts,
      nextEvaluation: () => this.#session.outcomes.next(),
      threadOf: (name) => this.#session.threads.named(name),
      makeId,
    });
    let result: StepResult = { eventId: "", answers: this.#answers };
    for (;;) {
      const next = steps.next(result);
      if (next.done) return END_TURN;
      const step = next.value;
      if (step.do === "end") return this.#ending(step);
      if (step.do === "terminate") return this.#terminate();
      try {
        result = { eventId: await this.#perform(step, signal), answers: this.#answers };
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      if (signal.aborted) return undefined;
    }
  }

  async #perform(step: Step, signal: AbortSignal): Promise<string> {
    switch (step.do) {
      case "wait":
        await this.#options.clock.sleep(step.ms, signal);
        return "";
      case "emit":
        return this.#session.append(step.event).id;
      case "write":
        this.#session.files.write(step.filename, step.content);
        return "";
      case "ask": {
        const open = step.eventIds.filter((id) => !this.#answers.has(id));
        if (open.length > 0) await this.#blockOn(open, "requires_action", signal);
        return "";
      }
      case "reach_budget":
        await this.#blockOn([], "budget_reached", signal);
        return "";
      case "reschedule":
        this.#status("session.thread_status_rescheduled", this.#threadFields());
        this.#status("session.status_rescheduled", {});
        await this.#options.clock.sleep(step.ms, signal);
        this.#begin();
        return "";
      case "pause":
        this.#paused = true;
        this.#settle(END_TURN);
        return "";
      case "resume":
        this.#paused = false;
        this.#begin();
        return "";
      default:
        return "";
    }
  }

  #ending(step: Step & { do: "end" }): Ending {
    // The API drops the messages queued behind a turn that it gives up.
    if (step.stopReason === "retries_exhausted") this.#queue = [];
    return { stopReason: { type: step.stopReason }, stopDetails: step.stopDetails };
  }

  #terminate(): undefined {
    this.#queue = [];
    this.#current = undefined;
    this.#stampLate();
    this.#status("session.thread_status_terminated", this.#threadFields());
    this.#status("session.status_terminated", {});
    return undefined;
  }

  async #blockOn(
    eventIds: readonly string[],
    reason: "requires_action" | "budget_reached",
    signal: AbortSignal,
  ): Promise<void> {
    const stopReason = eventIds.length > 0 ? { type: reason, event_ids: eventIds } : {
      type: reason,
    };
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      const goOn = () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const threadIds = this.#threadStops(stopReason).map(({ threadId }) => threadId);
      this.#blocked = { eventIds, threadIds, goOn };
      this.#showBlocked(stopReason);
    });
  }

  /** Shows that the turn waits: for answers by habit, at its budget by an idle event. */
  #showBlocked(stopReason: WireObject): void {
    const { awaitingAnswers } = this.#options.habits;
    if (awaitingAnswers === "event" || stopReason.type !== "requires_action") {
      this.#settle({ stopReason });
    } else if (awaitingAnswers === "status") {
      this.#session.applyStatusSilently("session.status_idle", stopReason);
    } else {
      this.#session.setBlocking(stopReason);
    }
  }

  #unblock(): void {
    const blocked = this.#blocked;
    this.#blocked = undefined;
    // A session whose status stayed running does not begin to run again.
    if (this.#session.status === "running") this.#session.setBlocking(undefined);
    else this.#begin(blocked?.threadIds);
    blocked?.goOn();
  }

  #takeAnswers(events: readonly WireEvent[]): void {
    for (const event of events) {
      const id = answeredId(event);
      if (event.processed_at === null) this.#stamp(event.id);
      if (id !== undefined && !this.#answers.has(id)) this.#answers.set(id, answerOf(event));
    }
    const blocked = this.#blocked;
    if (!blocked || blocked.eventIds.length === 0 || this.#interrupting) return;
    const open = blocked.eventIds.filter((id) => !this.#answers.has(id));
    if (open.length === 0) return this.#unblock();
    if (open.length === blocked.eventIds.length) return;
    this.#blocked = { ...blocked, eventIds: open };
    this.#showBlocked({ type: "requires_action", event_ids: open });
  }

  #interrupt(eventId: string): void {
    const { interrupts, interruptsDropQueued, stampsInterrupted } = this.#options.habits;
    const atBudget = this.#blocked?.eventIds.length === 0;
    const idle = !this.#current || this.#paused || this.#interrupting || atBudget;
    if (idle || interrupts === "ignored") return this.#later(() => this.#stamp(eventId));
    // Output stops at once; the rest takes its time.
    this.#interrupting = true;
    if (interruptsDropQueued) this.#queue = [];
    this.#current?.abort(new DOMException("Interrupted", "AbortError"));
    this.#later(() => {
      this.#interrupting = false;
      if (stampsInterrupted) this.#stamp(eventId);
      else this.#unstamped = [];
      this.#refuseOpenCalls();
      if (interrupts === "silent") this.#session.setStatus("idle", 0);
      else {
        this.#stopSubagents();
        this.#settle(END_TURN);
      }
      this.#release();
    });
  }

  #refuseOpenCalls(): void {
    const content = [{ type: "text", text: "Interrupted before an answer came." }];
    for (const id of this.#session.blocking) {
      this.#session.abandoned.add(id);
      const call = this.#session.history.find(id);
      // Results of subagents' calls stand on their own threads only.
      if (typeof call?.session_thread_id === "string") continue;
      const type = call?.type;
      if (type === "agent.tool_use") {
        this.#session.append({
          type: "agent.tool_result",
          tool_use_id: id,
          content,
          is_error: true,
        });
      } else if (type === "agent.mcp_tool_use") {
        const result = { type: "agent.mcp_tool_result", mcp_tool_use_id: id };
        this.#session.append({ ...result, content, is_error: true });
      }
    }
  }

  /** Ends the work of every subagent that is at work or waits for an answer. */
  #stopSubagents(): void {
    const { blocking, history, threads } = this.#session;
    const waiting = new Set([...blocking].map((id) => history.find(id)?.session_thread_id));
    for (const { id, status } of threads.subagents()) {
      if (status !== "running" && !waiting.has(id)) continue;
      const stop = { stop_reason: END_TURN.stopReason, stop_details: null };
      this.#status("session.thread_status_idle", { ...this.#threadFields(id), ...stop });
    }
  }

  #threadFields(threadId = this.#session.threads.primaryId): WireObject {
    const { init, threads } = this.#session;
    const agent_name = threadId === threads.primaryId
      ? init.agentName
      : threads.agentName(threadId);
    return { session_thread_id: threadId, agent_name };
  }

  /** Shows that the session runs, and these of its threads. */
  #begin(threadIds = [this.#session.threads.primaryId] as readonly string[]): void {
    this.#status("session.status_running", {});
    for (const id of threadIds) {
      this.#status("session.thread_status_running", this.#threadFields(id));
    }
  }

  /**
   * Says for each thread why it stops when the session stops for this reason; the primary one last.
   * A subagent waits for its own calls, and the primary thread has nothing to do meanwhile.
   */
  #threadStops(
    stopReason: WireObject,
  ): { readonly threadId: string; readonly stopReason: WireObject }[] {
    const { threads: { primaryId }, history } = this.#session;
    const ids = Array.isArray(stopReason.event_ids) ? stopReason.event_ids.map(String) : [];
    const byThread = Map.groupBy(ids, (id) => {
      const threadId = history.find(id)?.session_thread_id;
      return typeof threadId === "string" ? threadId : primaryId;
    });
    const own = byThread.get(primaryId);
    byThread.delete(primaryId);
    if (byThread.size === 0) return [{ threadId: primaryId, stopReason }];
    const waits = (event_ids: string[]) => ({ ...stopReason, event_ids });
    return [
      ...[...byThread].map(([threadId, calls]) => ({ threadId, stopReason: waits(calls) })),
      { threadId: primaryId, stopReason: own ? waits(own) : END_TURN.stopReason },
    ];
  }

  #settle(ending: Ending): void {
    this.#stampLate();
    const stop_details = ending.stopDetails ?? null;
    for (const { threadId, stopReason } of this.#threadStops(ending.stopReason)) {
      const stop = { stop_reason: stopReason, stop_details };
      this.#status("session.thread_status_idle", { ...this.#threadFields(threadId), ...stop });
    }
    this.#status("session.usage", { usage: this.#session.usage.toWire() });
    this.#status("session.status_idle", { stop_reason: ending.stopReason, stop_details });
  }

  #stampLate(): void {
    for (const id of this.#unstamped) this.#stamp(id, true);
    this.#unstamped = [];
  }

  #status(type: string, fields: WireObject): void {
    if (!this.#options.habits.noStatusEvents) {
      this.#session.append({ ...fields, type });
    } else if (type.startsWith("session.status_")) {
      this.#session.applyStatusSilently(type, fields.stop_reason);
    }
  }
}
