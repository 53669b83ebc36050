/**
 * Plans when to ask a session for its own status, beside listening to its stream: seldom while all is
 * well, soon when an event is overdue.
 *
 * @module
 */

import { MovableTimer } from "../core/movable_timer.ts";
import type { Clock } from "../core/clock.ts";
import type { EventHistory } from "./event_history.ts";
import type { Turn } from "./turn.ts";
import {
  isWorking,
  type PolledStatus,
  proofLeftMs,
  type SessionState,
  type Verdict,
} from "./verdict.ts";

// Pauses before the first, second, … poll since the last event, in milliseconds.

/** An agent may take a message up only when its container has started. */
const QUEUED_MS = [3_000, 4_000, 8_000, 15_000, 30_000] as const;
const OVERDUE_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000] as const;
const SETTLING_MS = [300, 2_000, 4_000, 8_000, 15_000, 30_000] as const;
const LOOKS_FINISHED_MS = [3_000, 2_500, 10_000, 30_000, 60_000] as const;
/** The first well within one wait: a proxy that buffers lets heartbeats through and no events. */
const WORKING_MS = [15_000, 120_000, 240_000] as const;
/** An event so old makes the next one long overdue; the API's clock and ours may differ a little. */
const LONG_QUIET_MS = 5_000;
const AFTER_QUIET_MS = 1_000;
/** A poll that completes a proof comes later than it must, by this factor: polls are jittered. */
const PROOF_MARGIN = 1.15;
/** After the API rejected the key the next poll comes this soon. */
const AFTER_REJECTION_MS = 1_700;
/** Reason of an abort. A text, because an error would record a stack that nobody reads. */
const SUPERSEDED = "superseded";

/** Options of {@linkcode StatusPoll}. */
export interface StatusPollOptions {
  readonly clock: Clock;
  readonly random?: () => number;
  readonly history: EventHistory;
  /**
   * Polls. The signal aborts when another time is set, or none: a poll that still waits for its
   * request then need not be made. `atOnce` is set for one that a wait begins with.
   */
  readonly poll: (signal: AbortSignal, atOnce: boolean) => void;
}

/** Plans the polls of one session, and keeps what they showed. */
export class StatusPoll {
  /** The status that the latest poll showed, while no event has come since. */
  polled: PolledStatus | undefined;
  /** Polls since the last event. */
  count = 0;
  readonly #options: StatusPollOptions;
  readonly #timer: MovableTimer;
  #begun: AbortController | undefined;
  #atOnce = false;
  #steadySince = 0;
  /** Age of the newest event, by its own time, when the first of them was planned. */
  #quietMs = 0;

  constructor(options: StatusPollOptions) {
    this.#options = options;
    this.#timer = new MovableTimer(options.clock, () => {
      this.#begun = new AbortController();
      options.poll(this.#begun.signal, this.#atOnce);
    });
  }

  /**
   * Sets the time of the next poll.
   *
   * @param verdict what the events, and the polls until now, say of the turn
   * @param isKeyRejected true while the API rejects the key
   */
  plan(turn: Turn, verdict: Verdict, isKeyRejected: boolean): void {
    const { clock, random = Math.random, history } = this.#options;
    if (this.count === 0) this.#quietMs = clock.wallTime() - (history.endsAt ?? Infinity);
    // A session that is at work although its known events end needs asking soon.
    if (verdict.over && this.polled && isWorking(this.polled)) {
      verdict = { over: false, waitingFor: "resume" };
    }
    // Without a single event only the session tells whether one is to come.
    this.#atOnce = !verdict.over && verdict.waitingFor === "first_event" && this.count === 0;
    const delayMs = this.#atOnce
      ? 0
      : pollDelayMs(turn, verdict, this.count, this.polled, this.#quietMs);
    this.#begun?.abort(SUPERSEDED);
    this.#timer.set(
      (isKeyRejected ? Math.min(delayMs, AFTER_REJECTION_MS) : delayMs) * (0.9 + 0.2 * random()),
    );
  }

  /** Plans no poll, and leaves no timer behind. */
  clear(): void {
    this.#begun?.abort(SUPERSEDED);
    this.#timer.clear();
  }

  /** Begins the plan anew after an event, which makes the status polled before it out of date. */
  reset(): void {
    this.polled = undefined;
    this.count = 0;
  }

  /** Keeps the status that a poll showed. */
  show({ status, archived }: SessionState): void {
    const now = this.#options.clock.now();
    const isSame = this.polled?.status === status && this.polled.archived === archived;
    if (!isSame) this.#steadySince = now;
    this.polled = { status, archived, steadyMs: now - this.#steadySince };
  }
}

/**
 * Returns the milliseconds to the next poll.
 *
 * @param polls polls since the last event
 * @param polled what the latest of them showed
 * @param quietMs how long ago the newest event came, by its own time, when the first poll was planned
 */
export function pollDelayMs(
  turn: Turn,
  verdict: Verdict,
  polls: number,
  polled?: PolledStatus,
  quietMs = 0,
): number {
  const plan = planFor(turn, verdict);
  const isOverdue = quietMs >= LONG_QUIET_MS && !verdict.over && verdict.waitingFor === "turn";
  // The extra poll after a long quiet is no step of the plan for an agent at work.
  const place = isOverdue && plan === WORKING_MS ? polls - 1 : polls;
  if (isOverdue && polls === 0) return AFTER_QUIET_MS;
  const planned = plan[Math.min(place, plan.length - 1)] ?? WORKING_MS[0];
  const proofMs = verdict.over || !polled ? Infinity : proofLeftMs(turn, polled);
  return Math.min(planned, proofMs * PROOF_MARGIN);
}

function planFor(turn: Turn, verdict: Verdict): readonly number[] {
  if (verdict.over) return WORKING_MS;
  switch (verdict.waitingFor) {
    case "queued":
      // Idle although a message is queued: some servers stamp a message only when its turn settles.
      return turn.queuedAtIdle ? SETTLING_MS : QUEUED_MS;
    case "first_event":
    case "start":
    case "resume":
      return OVERDUE_MS;
    case "turn":
      if (turn.isEndDoubtful) return SETTLING_MS;
      // A call that somebody must answer stops the turn, which some servers tell by the status alone.
      return looksFinished(turn) || turn.unansweredAsks().length > 0
        ? LOOKS_FINISHED_MS
        : WORKING_MS;
    case "workflow_runs":
      return WORKING_MS;
  }
}

/** The model has answered and no tool is at work: the idle event should be next. */
function looksFinished(turn: Turn): boolean {
  const answered = turn.lastWork === "text" || turn.lastWork === "model_end";
  return answered && turn.toolsInFlight.size === 0 && turn.collected.textLength > 0;
}
