/**
 * The simulator's habits as test input: every value of each habit, in a table that the compiler
 * keeps complete, and combinations of them.
 *
 * @module
 */

import { type Habits, hostedHabits } from "../../src/simulator/mod.ts";
import { fc } from "./fuzz.ts";

/** The values of each habit, the hosted API's first. */
export const HABIT_VALUES: { readonly [Name in keyof Habits]: readonly Habits[Name][] } = {
  createdAgents: ["as_defined", "talk"],
  takeUpMs: [50, 0, 3_000],
  statusLagMs: [200, 0, 2_000],
  heartbeatMs: [15_000, 0],
  listLagMs: [0, 1_000, 3_000],
  queuedMessages: ["own_turn", "join", "together"],
  interrupts: ["idle", "silent", "ignored"],
  interruptsDropQueued: [false, true],
  awaitingAnswers: ["event", "status", "nothing"],
  messageWhileBlocked: ["refused", "queued"],
  earlyConfirmations: ["accepted", "refused"],
  lateConfirmations: ["accepted", "refused"],
  subagentConfirmations: ["same_id", "other_id"],
  callLagMs: [0, 2_000],
  inputChangesAfter: [0, 1, 2],
  nullProcessedAt: ["last", "first"],
  stampAtSettle: [false, true],
  stampsInterrupted: [true, false],
  neverStamps: [false, true],
  streamReplaysHistory: [false, true],
  streamShowsEvents: [true, false],
  idleWithoutStopReason: [false, true],
  noStatusEvents: [false, true],
  eventsWithoutIds: [false, true],
  sendAnswers202Empty: [false, true],
  sendAnswersWithoutData: [false, true],
  unknownResults: ["refused", "accepted"],
  dropsInitialEvents: [false, true],
  streamEndsWhenTerminated: [true, false],
  archiveEmitsTerminated: [false, true],
  archivedSendStatus: [409, 400],
  betaHeader: ["required", "ignored"],
  unknownQuery: ["refused", "ignored"],
  listIgnores: [
    [],
    ["order"],
    ["types"],
    ["limit"],
    ["order", "types", "created_at"],
    ["order", "types", "created_at", "limit"],
    ["order", "types", "statuses", "created_at", "page"],
  ],
  pagesWithoutNext: [false, true],
  readRequestsPerMinute: [0],
};

/** Independent implementations as they were measured, as far as habits can say it. */
export const SERVERS = {
  /** Stamps late or never, one running … idle span for all that is queued; a Go server. */
  opensdlc: {
    queuedMessages: "join",
    messageWhileBlocked: "queued",
    stampAtSettle: true,
    stampsInterrupted: false,
    archivedSendStatus: 400,
    betaHeader: "ignored",
  },
  /** The same with a custom tool: the session goes on reading running while it waits. */
  opensdlcCustomTools: {
    queuedMessages: "join",
    messageWhileBlocked: "queued",
    stampAtSettle: true,
    stampsInterrupted: false,
    awaitingAnswers: "nothing",
    betaHeader: "ignored",
  },
  /** Replays, ignores what a list is asked for, and says neither ids of a send nor stop reasons. */
  sandbase: {
    streamReplaysHistory: true,
    idleWithoutStopReason: true,
    sendAnswersWithoutData: true,
    listIgnores: ["order", "types", "statuses", "created_at"],
    pagesWithoutNext: true,
    betaHeader: "ignored",
    unknownQuery: "ignored",
    archiveEmitsTerminated: true,
  },
  /** No ids, no status events, no heartbeats, no way to a second page. */
  openma: {
    heartbeatMs: 0,
    interrupts: "ignored",
    awaitingAnswers: "status",
    noStatusEvents: true,
    eventsWithoutIds: true,
    sendAnswers202Empty: true,
    listIgnores: ["order", "types", "statuses", "created_at", "page"],
    pagesWithoutNext: true,
    unknownResults: "accepted",
    betaHeader: "ignored",
    unknownQuery: "ignored",
  },
} as const satisfies Readonly<Record<string, Partial<Habits>>>;

/** The names of all habits. */
export const HABIT_NAMES = Object.keys(hostedHabits) as (keyof Habits)[];

/** Returns every way to differ from the hosted API in one habit. */
export function oddHabits(): Partial<Habits>[] {
  return HABIT_NAMES.flatMap((name) =>
    HABIT_VALUES[name].slice(1).map((value) => ({ [name]: value }))
  );
}

/**
 * Makes combinations of habits, most of them the hosted API's; shrinking leads to all of those.
 *
 * @param fixed habits that the test relies on
 */
export function habits(fixed: Partial<Habits> = {}): fc.Arbitrary<Habits> {
  const values = Object.entries(HABIT_VALUES).map(([name, [hosted, ...odd]]) =>
    odd.length === 0 ? fc.constant([name, hosted]) : fc.oneof(
      { arbitrary: fc.constant(hosted), weight: 3 },
      { arbitrary: fc.constantFrom<unknown>(...odd), weight: 1 },
    ).map((value) => [name, value])
  );
  return fc.tuple(...values).map((entries) => ({
    ...hostedHabits,
    ...Object.fromEntries(entries),
    ...fixed,
  }));
}
