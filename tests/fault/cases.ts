import { arm, type Moment, type NetworkFault, playTurn, SAID } from "./network_faults.ts";
import { type Outcome, Rig } from "./rig.ts";
import type { Scenario } from "./scenario.ts";

/** What a case came to, and everything that was wrong with it. */
export interface CaseReport extends Outcome {
  readonly complaints: readonly string[];
}

/** The bounds that an outcome must keep. */
interface Expected {
  readonly status: string;
  readonly reply: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly requests: number;
}

function complaintsOf(outcome: Outcome, expected: Expected, pendingTimers: number): string[] {
  const { result, requests, elapsedMs, leaked } = outcome;
  const checks: [boolean, string][] = [
    [result.status === expected.status, `status is ${result.status}, not ${expected.status}`],
    [result.reply === expected.reply, `reply is ${JSON.stringify(result.reply)}`],
    [elapsedMs >= expected.fromMs && elapsedMs <= expected.toMs, `took ${elapsedMs} ms`],
    [requests <= expected.requests, `used ${requests} requests`],
    [leaked.length === 0, `left ${leaked.join(", ")}`],
    [pendingTimers === 0, `left ${pendingTimers} timers`],
  ];
  return checks.filter(([holds]) => !holds).map(([, complaint]) => complaint);
}

/** Plays one turn through a fault: whatever the network does, every word arrives once. */
export async function playNetworkCase(fault: NetworkFault, moment: Moment): Promise<CaseReport> {
  const rig = new Rig();
  rig.pastTurn();
  playTurn(rig);
  arm(rig, fault, moment);
  const outcome = await rig.wait();
  rig.close();
  await rig.clock.advance(fault.lastsMs ?? 0);
  const expected = {
    status: "idle",
    reply: SAID.join("\n\n"),
    fromMs: 5_000,
    toMs: 45_000,
    requests: 40,
  };
  const complaints = complaintsOf(outcome, expected, rig.clock.pendingTimers);
  const activity = JSON.stringify(outcome.result.tool_activity);
  if (activity !== '[{"name":"bash","status":"done"}]') complaints.push(`tools are ${activity}`);
  return { ...outcome, complaints };
}

/** Plays a scenario; its own expectations decide. */
export async function playScenario(scenario: Scenario): Promise<CaseReport> {
  const rig = new Rig(scenario.habits);
  scenario.plan(rig);
  const outcome = await rig.wait(scenario.timeoutMs);
  rig.close();
  return { ...outcome, complaints: complaintsOf(outcome, scenario, rig.clock.pendingTimers) };
}
