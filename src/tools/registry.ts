/**
 * All tools, in the order in which `tools/list` shows them.
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

/** The nine tools. The order is fixed: hosts cache prompts that contain it. */
export const TOOLS: readonly ToolDefinition[] = [
  listAgents,
  getAgent,
  createSession,
  sendMessage,
  waitForIdle,
  getSession,
  listEvents,
  interrupt,
  archiveSession,
];
