import { createApi } from "../../src/api/client.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { EventSender } from "../../src/session/event_sender.ts";
import type { SessionLook } from "../../src/session/session_watch.ts";
import type { WaitResult } from "../../src/session/result.ts";
import { type CountingWaiter, createWaiter } from "../../src/session/waiter.ts";
import { createSimulator, type Habits, type Simulator } from "../../src/simulator/mod.ts";
import { createServices } from "../../src/tools/services.ts";
import { ManualClock, settle } from "./manual_clock.ts";

/** Ways in which servers differ, by name. With each of them a wait can still find the end. */
export const HABITS = {
  slow_to_take_up: { takeUpMs: 4_000 },
  status_trails: { statusLagMs: 2_000 },
  list_trails: { listLagMs: 1_500 },
  queued_join: { queuedMessages: "join" },
  queued_together: { queuedMessages: "together" },
  interrupts_silently: { interrupts: "silent" },
  interrupts_drop_queued: { interruptsDropQueued: true },
  asks_by_status: { awaitingAnswers: "status" },
  nulls_first: { nullProcessedAt: "first" },
  stamps_at_settle: { stampAtSettle: true },
  stamps_at_settle_not_interrupted: { stampAtSettle: true, stampsInterrupted: false },
  never_stamps: { neverStamps: true },
  stream_replays: { streamReplaysHistory: true },
  heartbeats_only: { streamShowsEvents: false },
  no_stop_reason: { idleWithoutStopReason: true },
  no_status_events: { noStatusEvents: true },
  no_ids: { eventsWithoutIds: true },
  send_answers_202: { sendAnswers202Empty: true },
  send_answers_no_data: { sendAnswersWithoutData: true },
  list_ignores_order: { listIgnores: ["order", "types", "created_at"] },
  one_page: { listIgnores: ["order", "types", "limit", "page"], pagesWithoutNext: true },
} as const satisfies Readonly<Record<string, Partial<Habits>>>;
/** The name of a habit. */
export type HabitName = keyof typeof HABITS;
/** The names of all habits. */
export const HABIT_NAMES = Object.keys(HABITS) as HabitName[];

/** Replicas of this program in front of one simulated session, whose server has some habits. */
export class HabitWorld {
  readonly clock = new ManualClock();
  readonly simulator: Simulator;
  readonly sessionId: string;
  readonly habits: ReadonlySet<HabitName>;
  readonly #replicas: { readonly waiter: CountingWaiter; readonly eventSender: EventSender }[];
  readonly #signal = new AbortController().signal;
  requests = 0;

  constructor(names: readonly HabitName[], replicas = 1) {
    const habits: Partial<Habits> = Object.assign({}, ...names.map((name) => HABITS[name]));
    const { clock } = this;
    this.habits = new Set(names);
    this.simulator = createSimulator({ clock, habits: { heartbeatMs: 5_000, ...habits }, seed: 1 });
    this.sessionId = this.simulator.createSession({ agent: "script" });
    this.#replicas = Array.from({ length: replicas }, () => this.#replica());
  }

  #replica() {
    const { clock } = this;
    const log = silentLogger;
    const api = createApi({
      baseUrl: "http://simulator.test",
      credential: () => ({ kind: "api_key", value: "test-key" }),
      fetch: (request) => {
        this.requests++;
        return this.simulator.fetch(request);
      },
      clock,
      random: () => 0.5,
    });
    const waiter = createWaiter({ api, clock, log, random: () => 0.5 });
    return {
      waiter,
      eventSender: createServices({ api, waiter, clock, log }).eventSender,
    };
  }

  /** Makes the agent say words, with pauses. @returns the event's id, if the server tells it */
  async say(text: string, replica = 0): Promise<string | undefined> {
    const event = { type: "user.message", content: [{ type: "text", text }] } as const;
    return await this.#send(event, replica);
  }

  async interrupt(replica = 0): Promise<string | undefined> {
    return await this.#send({ type: "user.interrupt" }, replica);
  }

  async #send(event: Parameters<EventSender["send"]>[1], replica: number) {
    const sending = this.#replicas[replica]?.eventSender.send(this.sessionId, event, this.#signal);
    return (await this.clock.runUntil(sending ?? Promise.reject(new Error("no such replica"))))
      .event_id;
  }

  async wait(timeoutMs: number, afterId?: string, replica = 0): Promise<WaitResult> {
    const waiting = this.#replicas[replica]?.waiter.wait({
      sessionId: this.sessionId,
      timeoutMs,
      signal: this.#signal,
      ...(afterId !== undefined && { afterId }),
    });
    return await this.clock.runUntil(waiting ?? Promise.reject(new Error("no such replica")));
  }

  async look(isFirst: boolean, replica = 0): Promise<SessionLook> {
    const options = { signal: this.#signal, isFirst };
    const looking = this.#replicas[replica]?.waiter.look(this.sessionId, options);
    return await this.clock.runUntil(looking ?? Promise.reject(new Error("no such replica")));
  }

  /** Closes the simulator. @returns a line for each thing that finished waits left behind */
  async close(): Promise<string[]> {
    await settle();
    const left = this.simulator.openStreams();
    this.simulator.close();
    return left > 0 ? [`${left} streams are open`] : [];
  }
}

/** Returns the words of a reply. */
export function wordsOf({ reply }: WaitResult): string[] {
  return reply.split("\n\n").filter((word) => word !== "");
}
