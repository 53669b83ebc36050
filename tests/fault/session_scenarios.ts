import {
  allow,
  asks,
  begun,
  endTurn,
  quick,
  runEvent,
  type Scenario,
  sessionError,
} from "./scenario.ts";

/** Interrupts, approvals, workflow runs, errors, and the habits of servers. */
export const SESSION_SCENARIOS: readonly Scenario[] = [
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
      rig.at(600, () => rig.emit("agent.tool_result", { tool_use_id: ask }));
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
    reply: "started it\n\nit is done",
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
      rig.at(1_100, () => rig.emit("session.status_idle", endTurn(), { historyOnly: true }));
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
    // Two of them are polls: one early, one just before the time is over.
    requests: 4,
    timeoutMs: 45_000,
  },
];
