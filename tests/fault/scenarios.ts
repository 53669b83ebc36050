import type { WaitStatus } from "../../src/session/outcome.ts";
import type { Habits } from "../../src/simulator/habits.ts";
import type { Rig } from "./rig.ts";

/** Something that sessions do, or that servers do with them, and what a wait must make of it. */
export interface Scenario {
  readonly name: string;
  readonly habits?: Partial<Habits>;
  /** Sets the session up and plans what happens to it while the wait is on. */
  plan(rig: Rig): void;
  readonly status: WaitStatus;
  readonly reply: string;
  /** The result may not come before or after these many milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly requests: number;
  readonly timeoutMs?: number;
}

const quick = { fromMs: 0, toMs: 0, requests: 2 };

/** A turn that is on: begun, nothing said yet. */
function begun(rig: Rig): void {
  rig.pastTurn();
  rig.user("question");
  rig.running();
}

function runEvent(rig: Rig, change: string, fields: Record<string, unknown> = {}): void {
  rig.emit(`workflow_run.${change}`, { workflow_run_id: "wrun_1", name: "nightly", ...fields });
}

function asks(rig: Rig, name: string): string {
  return rig.emit("agent.tool_use", { name, input: {}, evaluated_permission: "ask" });
}

function allow(rig: Rig, toolUseId: string): void {
  rig.emit("user.tool_confirmation", { tool_use_id: toolUseId, result: "allow" });
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "a turn that ended before the call",
    plan: (rig) => rig.pastTurn("done"),
    status: "idle",
    reply: "done",
    ...quick,
  },
  {
    name: "a session that was never used",
    plan: () => {},
    status: "not_started",
    reply: "",
    ...quick,
    requests: 4,
  },
  {
    name: "an archived session",
    habits: { archiveEmitsTerminated: true },
    plan: (rig) => {
      rig.pastTurn("done");
      rig.emit("session.status_terminated");
    },
    status: "terminated",
    reply: "done",
    ...quick,
  },
  {
    name: "an archived session that was never used",
    plan: (rig) => rig.simulator.setStatus(rig.sessionId, "terminated"),
    status: "terminated",
    reply: "",
    ...quick,
    requests: 4,
  },
  {
    name: "a parked session",
    plan: (rig) => {
      begun(rig);
      rig.idle("requires_action", { event_ids: [asks(rig, "bash")] });
    },
    status: "requires_action",
    reply: "",
    ...quick,
  },
  {
    name: "an idle event with no stop reason",
    habits: { idleWithoutStopReason: true },
    plan: (rig) => {
      begun(rig);
      rig.at(1_000, () => rig.text("done"));
      rig.at(2_000, () => rig.emit("session.status_idle", { content: null }));
    },
    status: "idle",
    reply: "done",
    fromMs: 2_000,
    toMs: 2_000,
    requests: 2,
  },
  {
    name: "the same id queued, then stamped",
    plan: (rig) => {
      rig.pastTurn();
      const sent = rig.user("question", { queued: true });
      rig.at(500, () => rig.stamp(sent));
      rig.at(510, () => rig.running());
      rig.at(700, () => rig.text("done"));
      rig.at(800, () => rig.idle());
    },
    status: "idle",
    reply: "done",
    fromMs: 800,
    toMs: 800,
    requests: 2,
  },
  {
    name: "events out of processed_at order",
    habits: { stampAtSettle: true },
    plan: (rig) => {
      begun(rig);
      const late = new Date(rig.clock.now() + 60_000).toISOString();
      rig.at(100, () => rig.emit("agent.message", text("one"), { processedAt: late }));
      rig.at(200, () => rig.text("two"));
      rig.at(300, () => rig.idle());
    },
    status: "idle",
    reply: "one\n\ntwo",
    fromMs: 300,
    toMs: 300,
    requests: 2,
  },
  {
    name: "a status that trails the stream",
    habits: { statusLagMs: 2_000 },
    plan: (rig) => {
      rig.at(100, () => rig.user("question"));
      rig.at(110, () => rig.running());
      rig.at(200, () => rig.text("thinking aloud"));
      rig.at(9_000, () => rig.text("done"));
      rig.at(9_100, () => rig.idle());
      rig.simulator.setStatus(rig.sessionId, "running");
    },
    status: "idle",
    reply: "thinking aloud\n\ndone",
    fromMs: 9_100,
    toMs: 9_100,
    requests: 5,
  },
  {
    name: "a message taken up late",
    plan: (rig) => {
      rig.pastTurn();
      const sent = rig.user("question", { queued: true });
      rig.at(40_000, () => rig.stamp(sent));
      rig.at(41_000, () => rig.running());
      rig.at(42_000, () => rig.text("done"));
      rig.at(43_000, () => rig.idle());
    },
    status: "idle",
    reply: "done",
    fromMs: 43_000,
    toMs: 43_000,
    requests: 16,
  },
  {
    name: "a message queued behind another",
    plan: (rig) => {
      begun(rig);
      const second = rig.user("second", { queued: true });
      rig.at(1_000, () => rig.text("first answer"));
      rig.at(1_100, () => rig.idle());
      rig.at(1_200, () => rig.stamp(second));
      rig.at(1_300, () => rig.running());
      rig.at(2_000, () => rig.text("second answer"));
      rig.at(2_100, () => rig.idle());
    },
    status: "idle",
    reply: "second answer",
    fromMs: 2_100,
    toMs: 2_100,
    requests: 4,
  },
  {
    name: "a message that joins the running turn",
    plan: (rig) => {
      begun(rig);
      rig.at(500, () => rig.text("first"));
      let second = "";
      rig.at(600, () => second = rig.user("second", { queued: true }));
      rig.at(800, () => rig.stamp(second));
      rig.at(1_000, () => rig.text("both"));
      rig.at(1_100, () => rig.idle());
    },
    status: "idle",
    reply: "first\n\nboth",
    fromMs: 1_100,
    toMs: 1_100,
    requests: 2,
  },
  {
    name: "a message stamped only when its turn settles, unseen on the stream",
    habits: { stampAtSettle: true },
    plan: (rig) => {
      rig.pastTurn();
      const sent = rig.user("question", { queued: true });
      rig.at(100, () => rig.running());
      rig.at(500, () => rig.text("done"));
      rig.at(600, () => rig.idle());
      rig.at(601, () => rig.stamp(sent));
    },
    status: "idle",
    reply: "done",
    fromMs: 600,
    toMs: 1_000,
    requests: 4,
  },
  {
    name: "two idles after [interrupt, message]",
    plan: (rig) => {
      begun(rig);
      let second = "";
      rig.at(500, () => rig.text("half"));
      rig.at(1_000, () => {
        rig.emit("user.interrupt");
        second = rig.user("instead", { queued: true });
      });
      rig.at(1_100, () => rig.idle());
      rig.at(1_200, () => rig.stamp(second));
      rig.at(1_210, () => rig.running());
      rig.at(2_000, () => rig.text("redirected"));
      rig.at(2_100, () => rig.idle());
    },
    status: "idle",
    reply: "redirected",
    fromMs: 2_100,
    toMs: 2_100,
    requests: 4,
  },
  {
    name: "an interrupt while idle",
    plan: (rig) => {
      rig.pastTurn("done");
      rig.emit("user.interrupt");
    },
    status: "idle",
    reply: "done",
    ...quick,
  },
  {
    name: "an interrupt in mid-turn",
    plan: (rig) => {
      begun(rig);
      rig.at(500, () => rig.text("half"));
      rig.at(1_000, () => rig.emit("user.interrupt"));
      rig.at(1_100, () => rig.idle());
    },
    status: "idle",
    reply: "half",
    fromMs: 1_100,
    toMs: 1_100,
    requests: 2,
  },
  {
    name: "a session archived in mid-wait",
    plan: (rig) => {
      begun(rig);
      rig.text("half");
      rig.at(2_000, () => rig.simulator.setStatus(rig.sessionId, "terminated"));
    },
    status: "terminated",
    reply: "half",
    fromMs: 2_000,
    toMs: 62_000,
    requests: 6,
  },
  {
    name: "a session terminated in mid-wait",
    plan: (rig) => {
      begun(rig);
      rig.at(500, () => rig.text("half"));
      rig.at(2_000, () => rig.emit("session.status_terminated"));
    },
    status: "terminated",
    reply: "half",
    fromMs: 2_000,
    toMs: 2_000,
    requests: 2,
  },
  {
    name: "a session deleted in mid-wait",
    plan: (rig) => {
      begun(rig);
      rig.at(500, () => rig.text("half"));
      rig.at(2_000, () => rig.emit("session.deleted"));
    },
    status: "deleted",
    reply: "half",
    fromMs: 2_000,
    toMs: 2_000,
    requests: 2,
  },
  {
    name: "requires_action answered elsewhere in mid-wait",
    plan: (rig) => {
      begun(rig);
      const ask = asks(rig, "bash");
      rig.idle("requires_action", { event_ids: [ask] });
      allow(rig, ask);
      rig.at(500, () => rig.running());
      rig.at(1_000, () => rig.text("done"));
      rig.at(1_100, () => rig.idle());
    },
    status: "idle",
    reply: "done",
    fromMs: 1_100,
    toMs: 1_100,
    requests: 2,
  },
  {
    name: "requires_action partly answered",
    plan: (rig) => {
      begun(rig);
      const [one, two] = [asks(rig, "bash"), asks(rig, "edit")];
      rig.at(500, () => rig.idle("requires_action", { event_ids: [one, two] }));
      rig.at(500, () => allow(rig, one));
    },
    status: "requires_action",
    reply: "",
    fromMs: 500,
    toMs: 500,
    requests: 2,
  },
  {
    name: "workflow runs that outlive the idle",
    plan: (rig) => {
      begun(rig);
      rig.at(500, () => runEvent(rig, "created"));
      rig.at(600, () => rig.text("started it"));
      rig.at(700, () => rig.idle());
      rig.at(30_000, () => runEvent(rig, "status_ended", { result: { type: "completed" } }));
      rig.at(30_500, () => rig.running());
      rig.at(31_000, () => rig.text("it is done"));
      rig.at(31_100, () => rig.idle());
    },
    status: "idle",
    reply: "it is done",
    fromMs: 31_100,
    toMs: 31_100,
    requests: 4,
  },
  {
    name: "errors that the server retries",
    plan: (rig) => {
      begun(rig);
      rig.at(500, () => sessionError(rig, "retrying"));
      rig.at(5_000, () => rig.text("done"));
      rig.at(5_100, () => rig.idle());
    },
    status: "idle",
    reply: "done",
    fromMs: 5_100,
    toMs: 5_100,
    requests: 2,
  },
  {
    name: "retries that are exhausted, queued input dropped",
    plan: (rig) => {
      begun(rig);
      rig.user("queued behind", { queued: true });
      rig.at(500, () => sessionError(rig, "exhausted"));
      rig.at(600, () => rig.idle("retries_exhausted"));
    },
    status: "retries_exhausted",
    reply: "",
    fromMs: 600,
    toMs: 600,
    requests: 2,
  },
  {
    name: "a refusal",
    plan: (rig) => {
      begun(rig);
      rig.at(500, () => rig.idle("refusal"));
    },
    status: "refusal",
    reply: "",
    fromMs: 500,
    toMs: 500,
    requests: 2,
  },
  {
    name: "a reached budget",
    plan: (rig) => {
      begun(rig);
      rig.at(500, () => rig.idle("budget_reached"));
    },
    status: "budget_reached",
    reply: "",
    fromMs: 500,
    toMs: 500,
    requests: 2,
  },
  {
    name: "a server that never says idle and gives no ids",
    habits: { noStatusEvents: true, eventsWithoutIds: true },
    plan: (rig) => {
      rig.simulator.setStatus(rig.sessionId, "running");
      rig.at(300, () => rig.user("question"));
      rig.at(400, () => rig.emit("span.model_request_start"));
      rig.at(1_000, () => rig.text("done"));
      rig.at(1_050, () => rig.emit("span.model_request_end"));
      rig.at(1_100, () => rig.simulator.setStatus(rig.sessionId, "idle"));
    },
    status: "idle",
    reply: "done",
    fromMs: 1_100,
    toMs: 8_000,
    requests: 8,
  },
  {
    name: "a stream that lost the idle event",
    plan: (rig) => {
      begun(rig);
      rig.at(1_000, () => rig.text("done"));
      rig.at(1_100, () => rig.emit("session.status_idle", endTurn(), { logOnly: true }));
    },
    status: "idle",
    reply: "done",
    fromMs: 1_100,
    toMs: 5_000,
    requests: 4,
  },
  {
    name: "a stream that replays history",
    habits: { streamReplaysHistory: true },
    plan: (rig) => {
      begun(rig);
      rig.text("one");
      rig.at(500, () => rig.text("two"));
      rig.at(600, () => rig.idle());
    },
    status: "idle",
    reply: "one\n\ntwo",
    fromMs: 600,
    toMs: 600,
    requests: 2,
  },
  {
    name: "a slow agent",
    plan: (rig) => {
      begun(rig);
      rig.at(1_000, () => rig.text("so far"));
      rig.at(1_500, () => rig.emit("agent.tool_use", { name: "bash", input: {} }));
    },
    status: "timeout",
    reply: "so far",
    fromMs: 45_000,
    toMs: 45_000,
    requests: 2,
    timeoutMs: 45_000,
  },
];

function text(value: string) {
  return { content: [{ type: "text", text: value }] };
}

function endTurn() {
  return { stop_reason: { type: "end_turn" }, stop_details: null };
}

function sessionError(rig: Rig, retryStatus: string): void {
  const error = {
    type: "model_overloaded_error",
    message: "busy",
    retry_status: { type: retryStatus },
  };
  rig.emit("session.error", { error });
}
