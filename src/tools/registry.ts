/**
 * All tools, by the sets that an operator can switch on.
 *
 * @module
 */

import { DEFAULT_SETS, type ToolSetName } from "../access/tool_sets.ts";
import { askAgentTool } from "./ask_agent.ts";
import { answerToolUse } from "./answer_tool_use.ts";
import { archiveSession } from "./archive_session.ts";
import { boundTo } from "./bound.ts";
import { confirmToolUse } from "./confirm_tool_use.ts";
import { createSession } from "./create_session.ts";
import { AGENT_ID, type ToolDefinition } from "./define.ts";
import { getAgent } from "./get_agent.ts";
import { getSession } from "./get_session.ts";
import { interrupt } from "./interrupt.ts";
import { listAgents } from "./list_agents.ts";
import { listEnvironments } from "./list_environments.ts";
import { listEvents } from "./list_events.ts";
import { listSessionFiles } from "./list_session_files.ts";
import { listSessions } from "./list_sessions.ts";
import { listThreadEvents } from "./list_thread_events.ts";
import { listThreads } from "./list_threads.ts";
import { readSessionFile } from "./read_session_file.ts";
import { sendMessage } from "./send_message.ts";
import { submitToolResult } from "./submit_tool_result.ts";
import { waitForAny } from "./wait_for_any.ts";
import { waitForIdle } from "./wait_for_idle.ts";
import { watchSession } from "./watch_session.ts";

/** The tools of each set, in the order of `tools/list`: hosts cache prompts that contain it. */
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
  sessions: [listSessions, listEnvironments],
  files: [listSessionFiles, readSessionFile],
  actions: [confirmToolUse, submitToolResult],
  threads: [listThreads, listThreadEvents],
  ask: [askAgentTool, waitForAny],
  // These are no tools, but what clients read with resources/read.
  resources: [],
} as const satisfies Readonly<Record<ToolSetName, readonly ToolDefinition[]>>;

/** Lists the tools of some sets, the default ones when none are named, in the registry's order. */
export function toolsOf(names: readonly ToolSetName[] = DEFAULT_SETS): readonly ToolDefinition[] {
  return Object.entries(TOOL_SETS).flatMap(([name, tools]) =>
    names.some((wanted) => wanted === name) ? tools : []
  );
}

/**
 * Lists the tools of some sets for callers who may reach one agent only: none takes its id, and the
 * list of agents, from which there is nothing to choose, is left out.
 */
export function toolsBoundTo(
  agentId: string,
  names?: readonly ToolSetName[],
): readonly ToolDefinition[] {
  return toolsOf(names).filter((tool) => tool !== listAgents).map((tool) =>
    AGENT_ID in tool.reaches ? boundTo(tool, { agentId }) : tool
  );
}

/** The tools that only the session view calls, in no set: clients that show the view have them. */
export const VIEW_TOOLS: readonly ToolDefinition[] = [watchSession, answerToolUse];

/**
 * Lists the tools that only the session view calls.
 *
 * @param viewActions false where nobody may answer tool calls in the view: then there is no tool for
 *   it
 */
export function appTools(
  { viewActions }: { readonly viewActions: boolean },
): readonly ToolDefinition[] {
  return VIEW_TOOLS.filter((tool) => viewActions || tool !== answerToolUse);
}

/** Every tool of every set. */
export const TOOLS: readonly ToolDefinition[] = Object.values(TOOL_SETS).flat();
