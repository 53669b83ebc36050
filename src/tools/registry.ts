/**
 * All tools, by the sets that an operator can switch on.
 *
 * @module
 */

import { archiveSession } from "./archive_session.ts";
import { createSession } from "./create_session.ts";
import type { ToolDefinition } from "./define.ts";
import { getAgent } from "./get_agent.ts";
import { getSession } from "./get_session.ts";
import { interrupt } from "./interrupt.ts";
import { listAgents } from "./list_agents.ts";
import { listEvents } from "./list_events.ts";
import { sendMessage } from "./send_message.ts";
import { waitForIdle } from "./wait_for_idle.ts";

/**
 * The tools of each set, in the order of `tools/list`: hosts cache prompts that contain it. `core`
 * is served by default, every other set is opt-in.
 */
export const TOOL_SETS = {
  core: [
    listAgents,
    getAgent,
    createSession,
    sendMessage,
    waitForIdle,
    getSession,
    listEvents,
    interrupt,
    archiveSession,
  ],
} as const satisfies Readonly<Record<string, readonly ToolDefinition[]>>;

/** Name of a set of tools. */
export type ToolSetName = keyof typeof TOOL_SETS;

/** Lists the tools of some sets, `core` when none are named, in the registry's order. */
export function toolsOf(names: readonly ToolSetName[] = ["core"]): readonly ToolDefinition[] {
  return Object.entries(TOOL_SETS).flatMap(([name, tools]) =>
    names.some((wanted) => wanted === name) ? tools : []
  );
}

/** Every tool of every set. */
export const TOOLS: readonly ToolDefinition[] = Object.values(TOOL_SETS).flat();
