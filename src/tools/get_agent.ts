import * as z from "zod";
import { boundedCopy, entriesOf, type Fields, fieldsOf, readEach, textOf } from "../api/read.ts";
import type { Agent } from "../api/resources.ts";
import { clipText } from "../core/text.ts";
import { defineTool, READS, type ToolDefinition } from "./define.ts";
import { idSchema } from "./ids.ts";
import type { Services } from "./services.ts";

/** `get_agent`: shows one agent, without the parts that its author may want to keep. */
export const getAgent: ToolDefinition = defineTool({
  name: "get_agent",
  title: "Get agent",
  description: "Show one agent: what it is for, its model and the names of its tools.",
  scope: "agents:read",
  kind: "call",
  reaches: { agent_id: "agent" },
  annotations: READS,
  input: () =>
    z.strictObject({
      agent_id: idSchema(),
      version: z.int().min(1).optional(),
    }),
  output: () =>
    z.object({
      id: z.string(),
      name: z.string().optional(),
      description: z.string().optional(),
      model: z.string().optional(),
      version: z.number().optional(),
      tools: z.array(z.string()),
      config: z.looseObject({}).optional(),
    }),
  async run({ agent_id, version }, { signal, services }) {
    const agent = await services.api.agents.retrieve(agent_id, { version }, { signal });
    return agentView(agent, services);
  },
});

/** Shows one agent; its configuration only where the operator shows those. */
export function agentView(
  agent: Agent,
  { exposeAgentConfig }: Pick<Services, "exposeAgentConfig">,
): AgentSummary & { readonly tools: string[]; readonly config?: Fields } {
  const config = exposeAgentConfig ? fieldsOf(boundedCopy(agent)) : undefined;
  return {
    ...agentSummary(agent, 2_048),
    tools: toolNames(agent),
    ...(agent.created_at && { created_at: agent.created_at }),
    ...(agent.updated_at && { updated_at: agent.updated_at }),
    ...(agent.archived_at && { archived_at: agent.archived_at }),
    ...(config && { config }),
  };
}

/** An agent in results: never with its system prompt or an MCP server's URL. */
export interface AgentSummary {
  id: string;
  name?: string;
  description?: string;
  model?: string;
  version?: number;
}

/** Summarises an agent, with a description of at most `maxDescriptionChars` characters. */
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
 * Lists the agent's tools by name: single tools by their own, the tools of an MCP server as
 * `mcp:<server>`, a toolset by its type and the tools that it switches on.
 */
function toolNames(agent: Agent): string[] {
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
