/**
 * The agents that every simulator starts with. Their names say that they are simulated.
 *
 * @module
 */

import type { AgentInit } from "../agents.ts";
import type { Script } from "../script.ts";
import type { Fields } from "../wire.ts";
import { quickAnswer, slowAnswer } from "./quick.ts";
import { toolUser } from "./tools.ts";

/** A seeded agent. */
export interface AgentFixture {
  /** Short name for tests: `createSession({ agent: "quick" })`. */
  readonly key: string;
  readonly init: AgentInit;
  readonly script: Script;
  /** Budget of its sessions that are created without one. */
  readonly budget?: Fields;
}

const MODEL = "claude-opus-4-8";
const TOOLSET = { type: "agent_toolset_20260401" };

function fixture(
  key: string,
  name: string,
  description: string,
  script: Script,
  more: { tools?: readonly Fields[]; budget?: Fields } = {},
): AgentFixture {
  return {
    key,
    init: {
      name: `Simulated ${name}`,
      description,
      model: MODEL,
      system: "You are a scripted agent of the built-in simulator.",
      tools: more.tools ?? [],
    },
    script,
    budget: more.budget,
  };
}

/** Every seeded agent, oldest first. */
export const fixtures: readonly AgentFixture[] = [
  fixture("slow", "Slow Answer", "Answers after 90 seconds.", slowAnswer),
  fixture("tools", "Tool User", "Searches and runs commands for about 8 seconds.", toolUser, {
    tools: [TOOLSET],
  }),
  fixture("quick", "Quick Answer", "Answers in about a second.", quickAnswer),
];
