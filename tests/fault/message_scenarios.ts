import { asks, begun, quick, type Scenario, text } from "./scenario.ts";

/** How sessions end, and what happens to messages. */
export const MESSAGE_SCENARIOS: readonly Scenario[] = [
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
    name: "a blocked session",
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
];
