/**
 * Agents that delegate their work: to subagents, and to a workflow run.
 *
 * @module
 */

import { emit, say, type ScriptedTurn, type Steps, textContent, think, wait } from "../script.ts";
import { excerpt } from "./quick.ts";

/** Gives a task to two subagents and sums up their findings, in about 6 s. */
export function* subagents(turn: ScriptedTurn): Steps {
  yield* think(700, () => say("I'll ask two subagents."));
  const workers = ["Simulated Researcher", "Simulated Reviewer"].map((agent_name) => ({
    agent_name,
    session_thread_id: turn.makeId("sthr"),
  }));
  for (const worker of workers) {
    yield* emit("session.thread_created", { ...worker, workflow_run_id: null });
    yield* emit("session.thread_status_running", worker);
    yield* emit("agent.thread_message_sent", {
      to_session_thread_id: worker.session_thread_id,
      to_agent_name: worker.agent_name,
      content: textContent(`Look into: ${excerpt(turn.text, 80)}`),
    });
  }
  for (const worker of workers) {
    yield* wait(2_000);
    yield* emit("agent.thread_message_received", {
      from_session_thread_id: worker.session_thread_id,
      from_agent_name: worker.agent_name,
      content: textContent(`${worker.agent_name}: nothing to report.`),
    });
    const stop = { stop_reason: { type: "end_turn" }, stop_details: null };
    yield* emit("session.thread_status_idle", { ...worker, ...stop });
  }
  yield* think(900, () => say("Both subagents found nothing: they are simulated, as I am."));
}

/** Starts a workflow run, goes idle while it is open, and reports when it has ended. */
export function* workflowRun(turn: ScriptedTurn): Steps {
  const workflow_run_id = turn.makeId("wrun");
  const workflow_run_phase_id = turn.makeId("wrph");
  yield* think(700, () => say("Starting a workflow; I report when it has ended."));
  yield* emit("workflow_run.created", {
    workflow_run_id,
    name: "Simulated workflow",
    description: null,
    phases: [{ id: workflow_run_phase_id, name: "Only phase", description: null }],
  });
  yield* emit("workflow_run.status_running", { workflow_run_id });
  const phase_started_id = yield* emit("workflow_run.phase_started", {
    workflow_run_id,
    workflow_run_phase_id,
  });
  yield { do: "pause" };
  yield* wait(4_000);
  yield* emit("workflow_run.phase_ended", {
    workflow_run_id,
    workflow_run_phase_id,
    phase_started_id,
  });
  yield* emit("workflow_run.status_ended", { workflow_run_id, result: { type: "completed" } });
  yield* wait(300);
  yield { do: "resume" };
  yield* think(800, () => say(`The workflow has ended: "${excerpt(turn.text)}" is done.`));
}
