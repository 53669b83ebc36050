import { assertEquals } from "@std/assert";
import type { SessionEvent } from "../../../src/api/events.ts";
import { readEvent } from "../../../src/session/event_types.ts";
import { type PolledStatus, verdictOf } from "../../../src/session/verdict.ts";
import { type Turn, turnOf } from "../../../src/session/turn.ts";
import { eventMaker } from "../../helpers/events.ts";

const e = eventMaker();
const turn = (...events: SessionEvent[]): Turn => turnOf(events.map(readEvent));
const read = (status: string, steadyMs = 0): PolledStatus => ({ status, steadyMs });

function verdict(turn: Turn, polled?: PolledStatus): string {
  const stands = verdictOf(turn, polled);
  return stands.over ? stands.status : `waits:${stands.waitingFor}`;
}

const fresh = turn();
const working = turn(e.user("q"), e.running(), e.text("a"));
const begunQueue = e.queuedUser("q");
const unstamped = turn(begunQueue, e.running(), e.text("a"), e.endTurn());
const untouched = turn(e.user("q"), e.running(), e.endTurn(), e.queuedUser("next"));
const taken = turn(e.user("q1"), e.running(), e.endTurn(), e.user("q2"));
const halted = turn(
  ...[e.user("q1"), e.running(), e.endTurn(), e.user("q2"), e.make("user.interrupt")],
);
const leftUnstamped = turn(
  ...[e.user("q1"), e.running(), e.text("a"), e.endTurn()],
  ...[e.queuedUser("q2"), e.running(), e.text("b"), e.endTurn()],
);
const received = turn(e.user("q1"), e.running(), e.user("q2"), e.text("a"), e.endTurn());
const revived = turn(
  ...[e.user("q1"), e.running(), e.make("session.status_terminated")],
  ...[e.user("q2"), e.running()],
);
const dropped = turn(e.user("q"), e.running(), e.idle("retries_exhausted"), e.queuedUser("lost"));
const runOpen = turn(
  e.running(),
  e.make("workflow_run.created", { workflow_run_id: "wrun_1" }),
  e.endTurn(),
);

const lost = e.queuedUser("q");
const stopped = turn(
  ...[lost, e.running(), e.make("span.model_request_start")],
  ...[e.make("user.interrupt", { processed_at: null }), e.endTurn()],
);
const stoppedBehind = turn(
  ...[e.user("q"), e.running(), e.queuedUser("behind")],
  ...[e.make("user.interrupt"), e.endTurn()],
);
const sentAfterStop = turn(
  ...[e.user("q"), e.running(), e.make("user.interrupt"), e.queuedUser("redirect"), e.endTurn()],
);
const [joined, joins] = [e.queuedUser("q1"), e.queuedUser("q2")];
const together = turn(joined, e.running(), joins, e.text("both"), e.endTurn());
const early = turn(e.user("q"), e.running(), e.tool("bash"), e.endTurn());
const silentAsk = turn(e.user("q"), e.running(), e.tool("rm", { evaluated_permission: "ask" }));
const asking = turn(e.user("q"), e.running(), e.asks("sevt_asks"));
const judged = (result: string) =>
  turn(
    ...[e.user("q"), e.running(), e.text("draft")],
    e.make("span.outcome_evaluation_start", { outcome_id: "outc_1", iteration: 0 }),
    e.make("span.outcome_evaluation_end", { outcome_id: "outc_1", iteration: 0, result }),
    e.endTurn(),
  );
const archived = (steadyMs: number) => ({ status: "idle", archived: true, steadyMs });

const VERDICTS: [
  name: string,
  turn: Turn,
  polled: PolledStatus | undefined,
  expected: string,
][] = [
  ["an empty log, not polled", fresh, undefined, "waits:first_event"],
  ["an empty log of an idle session", fresh, read("idle"), "not_started"],
  ["an empty log of a running session", fresh, read("running"), "waits:first_event"],
  ["an empty log of an archived session", fresh, read("terminated"), "terminated"],
  ["a turn that reads idle once", working, read("idle"), "waits:turn"],
  ["a turn that reads idle steadily", working, read("idle", 2_000), "idle"],
  ["a turn that reads running", working, read("running", 60_000), "waits:turn"],
  ["a turn of a terminated session", working, read("terminated"), "terminated"],
  ["a turn that reads failed once", working, read("failed"), "waits:turn"],
  ["a turn that reads failed steadily", working, read("failed", 2_000), "terminated"],
  ["a turn that reads terminated in capitals", working, read("TERMINATED"), "terminated"],
  ["a turn that reads idle in capitals", working, read("Idle", 2_000), "idle"],
  ...["FAILED", "error", "deleted", "archived", "expired", "cancelled", "Canceled"].map((
    word,
  ): typeof VERDICTS[number] => [
    `a turn that reads ${word}`,
    working,
    read(word, 2_000),
    "terminated",
  ]),
  ...[
    ...["RUNNING", "active", "in_progress", "processing", "queued", "waiting", "starting"],
    ...["requires_action", "paused", "ready", "completed", "constructor", ""],
  ].map((
    word,
  ): typeof VERDICTS[number] => [
    `a turn that reads '${word}'`,
    working,
    read(word, 600_000),
    "waits:turn",
  ]),
  ["an early end that reads RUNNING", early, read("RUNNING", 60_000), "waits:turn"],
  ["an early end with a status nobody knows", early, read("active", 39_999), "waits:turn"],
  ["an early end that keeps a status nobody knows", early, read("active", 40_000), "idle"],
  ["an empty log of a session that reads ready", fresh, read("ready", 60_000), "waits:first_event"],
  ["a message never stamped whose turn came and went", unstamped, read("idle", 2_000), "idle"],
  ["a message nobody took up", untouched, read("idle", 600_000), "waits:queued"],
  ["a message taken up a moment ago", taken, read("idle", 39_999), "waits:start"],
  ["a message taken up without a turn ever beginning", taken, read("idle", 40_000), "idle"],
  ["a message taken up and interrupted", halted, read("idle", 9_999), "waits:start"],
  ["a message interrupted before its turn", halted, read("idle", 10_000), "idle"],
  ["a message answered and left unstamped", leftUnstamped, read("idle", 19_999), "waits:queued"],
  ["one that a turn was for, unstamped for good", leftUnstamped, read("idle", 20_000), "idle"],
  ["two stamped in one turn, not polled", received, undefined, "waits:turn"],
  ["two stamped in one turn of a running session", received, read("running", 60_000), "waits:turn"],
  ["two stamped in one turn, seen idle once", received, read("idle", 1_999), "waits:turn"],
  ["two stamped in one turn, seen idle steadily", received, read("idle", 2_000), "idle"],
  ["a message after an old end, not polled", revived, undefined, "waits:turn"],
  ["a message after an end that lasts", revived, read("terminated"), "terminated"],
  ["a message that may have been dropped", dropped, read("idle", 9_999), "waits:queued"],
  ["a message that was dropped", dropped, read("idle", 10_000), "retries_exhausted"],
  ["a message interrupted before it was stamped, once", stopped, read("idle"), "waits:queued"],
  ["a message interrupted before it was stamped", stopped, read("idle", 2_000), "idle"],
  ["one queued before an interrupt", stoppedBehind, read("idle", 9_999), "waits:queued"],
  ["one that went with an interrupt", stoppedBehind, read("idle", 10_000), "idle"],
  ["one sent after an interrupt", sentAfterStop, read("idle", 600_000), "waits:queued"],
  ["two answered in one turn, unstamped", together, read("idle", 9_999), "waits:queued"],
  ["two answered in one turn, never stamped", together, read("idle", 10_000), "idle"],
  ["a message on a session that was archived", untouched, archived(2_000), "terminated"],
  ["a turn of a session that was archived", working, archived(2_000), "terminated"],
  ["a turn archived a moment ago", working, archived(0), "waits:turn"],
  ["a call that asks in a session that was archived", asking, archived(0), "terminated"],
  ["a call that asks in an idle session", asking, read("idle", 60_000), "requires_action"],
  ["an early end, not polled", early, undefined, "waits:turn"],
  ["an early end of a running session", early, read("running", 60_000), "waits:turn"],
  ["an early end of an idle session", early, read("idle"), "idle"],
  ["a call that asks without an idle event", silentAsk, read("idle", 2_000), "requires_action"],
  ["an outcome to be revised, not polled", judged("needs_revision"), undefined, "waits:turn"],
  [
    "an outcome to be revised in a running session",
    judged("needs_revision"),
    read("running", 60_000),
    "waits:turn",
  ],
  ["an outcome that nobody revises", judged("needs_revision"), read("idle"), "idle"],
  ["an outcome that is met", judged("satisfied"), undefined, "idle"],
  ["an outcome that is given up", judged("max_iterations_reached"), undefined, "idle"],
  ["an open workflow run", runOpen, read("idle", 600_000), "waits:workflow_runs"],
];

for (const [name, turn, polled, expected] of VERDICTS) {
  Deno.test(`verdictOf() of ${name} is ${expected}`, () => {
    assertEquals(verdict(turn, polled), expected);
  });
}
