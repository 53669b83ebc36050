/**
 * The agents that every simulator starts with. Their names say that they are simulated.
 *
 * @module
 */

import type { AgentInit } from "../agents.ts";
import type { Script } from "../script.ts";
import type { WireObject } from "../wire.ts";
import { subagents, workflowRun } from "./delegation.ts";
import { directed } from "./directed.ts";
import {
  budgetReached,
  failureAndRetry,
  fatalFailure,
  refusal,
  retriesExhausted,
} from "./endings.ts";
import { longWait, quickAnswer } from "./quick.ts";
import { approvalNeeded, customTool, slowAnswer, twoApprovals, WEATHER_TOOL } from "./tools.ts";

/** A seeded agent. */
export interface AgentFixture {
  readonly init: AgentInit;
  readonly script: Script;
  /** Budget of its sessions that are created without one. */
  readonly budget?: WireObject;
}

const TOOLSET = { type: "agent_toolset_20260401" };
const ASKING_TOOLSET = {
  ...TOOLSET,
  default_config: { enabled: true, permission_policy: { type: "always_ask" } },
};

/** A budget of 25 cents. */
const SMALL_BUDGET = { type: "limit", max_list_cost: { amount: "25", currency: "USD" } };

function agent(
  name: string,
  description: string,
  script: Script,
  more: { tools?: readonly WireObject[]; budget?: WireObject } = {},
): AgentFixture {
  const init = {
    name: `Simulated ${name}`,
    description,
    model: "claude-opus-4-8",
    system: "You are a scripted agent of the built-in simulator.",
    tools: more.tools,
  };
  return { init, script, budget: more.budget };
}

/** Short name of a seeded agent. */
export type FixtureKey =
  | "script"
  | "terminated"
  | "exhausted"
  | "retry"
  | "workflow"
  | "subagents"
  | "budget"
  | "refusal"
  | "custom_tool"
  | "approvals"
  | "approval"
  | "long"
  | "slow"
  | "quick";

/** Every seeded agent by a short name, oldest first; lists begin with the last. */
export const fixtures: Readonly<Record<FixtureKey, AgentFixture>> = {
  script: agent("Script", "Does what the message says, line by line.", directed),
  terminated: agent("Fatal Failure", "Fails for good.", fatalFailure),
  exhausted: agent("Retries Exhausted", "Fails until it gives up.", retriesExhausted),
  retry: agent("Failure and Retry", "Fails once, then answers.", failureAndRetry),
  workflow: agent("Workflow Run", "Idle while a workflow runs; reports afterwards.", workflowRun),
  subagents: agent("Subagents", "Hands the task to two subagents.", subagents),
  budget: agent("Budget", "Stops at its budget.", budgetReached, { budget: SMALL_BUDGET }),
  refusal: agent("Refusal", "Refuses whatever it is asked.", refusal),
  custom_tool: agent("Custom Tool", "Calls a tool that the client must answer.", customTool, {
    tools: [WEATHER_TOOL],
  }),
  approvals: agent("Two Approvals", "Asks before it runs two commands.", twoApprovals, {
    tools: [ASKING_TOOLSET],
  }),
  approval: agent("Approval Needed", "Asks before it runs a command.", approvalNeeded, {
    tools: [ASKING_TOOLSET],
  }),
  long: agent("Long Wait", "Answers after 90 seconds.", longWait),
  slow: agent("Slow Answer", "Searches and runs commands for about 8 seconds.", slowAnswer, {
    tools: [TOOLSET],
  }),
  quick: agent("Quick Answer", "Answers in about a second.", quickAnswer),
};
