/**
 * When to look at the session itself, beside listening to its stream: seldom while all is well,
 * soon when an event is overdue.
 *
 * @module
 */

import { isEndDoubtful, type PolledStatus, proofLeftMs, type Verdict } from "./verdict.ts";
import type { Turn } from "./turn.ts";

// Pauses before the first, second, … look since the last event, in milliseconds.

/** An agent may take a message up only when its container has started. */
const QUEUED_MS = [3_000, 4_000, 8_000, 15_000, 30_000] as const;
const OVERDUE_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000] as const;
const SETTLING_MS = [300, 2_000, 4_000, 8_000, 15_000, 30_000] as const;
const FINISHED_LOOKING_MS = [3_000, 2_500, 10_000, 30_000, 60_000] as const;
/** The newest event is so old, by clocks that may be a little apart: what is overdue is so for long. */
const LONG_QUIET_MS = 5_000;
const AFTER_QUIET_MS = 1_000;
/** The first well within one wait: a proxy that buffers lets heartbeats through and no events. */
const WORKING_MS = [15_000, 120_000, 240_000] as const;
/** By how much a look that completes a proof comes later than it must: looks are jittered. */
const PROOF_MARGIN = 1.15;

/**
 * Milliseconds to the next look.
 *
 * @param looks looks since the last event
 * @param polled what the latest of them showed
 * @param quietMs how long ago the newest event came, by its own time, when the first look was planned
 */
export function lookDelayMs(
  turn: Turn,
  verdict: Verdict,
  looks: number,
  polled?: PolledStatus,
  quietMs = 0,
): number {
  const plan = planFor(turn, verdict);
  const isOverdue = quietMs >= LONG_QUIET_MS && !verdict.over && verdict.waitingFor === "turn";
  // What was overdue by then says nothing of what comes now: the plan of an agent at work goes on.
  const place = isOverdue && plan === WORKING_MS ? looks - 1 : looks;
  if (isOverdue && looks === 0) return AFTER_QUIET_MS;
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
      if (isEndDoubtful(turn)) return SETTLING_MS;
      // A call that somebody must answer stops the turn, which some servers tell by the status alone.
      if (!looksFinished(turn) && turn.unansweredAsks().length === 0) return WORKING_MS;
      return FINISHED_LOOKING_MS;
    case "workflow_runs":
      return WORKING_MS;
  }
}

/** The model has answered and no tool is at work: the idle event should be next. */
function looksFinished(turn: Turn): boolean {
  const answered = turn.lastWork === "text" || turn.lastWork === "model_end";
  return answered && turn.toolsInFlight.size === 0 && turn.collected.textLength > 0;
}
