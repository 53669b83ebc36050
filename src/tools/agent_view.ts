/**
 * What results show of an agent: never its system prompt, never an MCP server's URL.
 *
 * @module
 */

import { entriesOf, fieldsOf, readEach, textOf } from "../api/read.ts";
import type { Agent } from "../api/resources.ts";
import { clipText } from "../core/text.ts";

/** An agent in a list. */
export interface AgentSummary {
  id: string;
  name?: string;
  description?: string;
  model?: string;
  version?: number;
}

/** @param maxDescriptionChars longest description, in characters */
export function agentSummary(agent: Agent, maxDescriptionChars: number): AgentSummary {
  const model = typeof agent.model === "string" ? agent.model : agent.model?.id;
  return {
    id: clipText(agent.id, 256),
    ...(agent.name && { name: clipText(agent.name, 256) }),
    ...(agent.description && { description: clipText(agent.description, maxDescriptionChars) }),
    ...(model && { model: clipText(model, 200) }),
    ...(typeof agent.version === "number" && { version: agent.version }),
  };
}

const MAX_TOOL_NAMES = 256;

/**
 * The agent's tools by name: single tools by their own, the tools of an MCP server as
 * `mcp:<server>`, a toolset by its type and the tools that it switches on.
 */
export function toolNames(agent: Agent): string[] {
  const names = (agent.tools ?? []).flatMap((tool) => {
    if (tool.name) return [tool.name];
    if (tool.mcp_server_name) return [`mcp:${tool.mcp_server_name}`];
    return [tool.type ?? "unnamed", ...enabledTools(tool.configs)];
  });
  return [...new Set(names)].slice(0, MAX_TOOL_NAMES).map((name) => clipText(name, 128));
}

function enabledTools(configs: unknown): string[] {
  return readEach(entriesOf(configs) ?? [], (config) => {
    const { name, enabled } = fieldsOf(config) ?? {};
    return enabled === false ? undefined : textOf(name);
  });
}
