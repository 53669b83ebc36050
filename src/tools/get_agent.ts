import * as z from "zod";
import { boundedCopy, fieldsOf } from "../api/read.ts";
import { agentSummary, toolNames } from "./agent_view.ts";
import { defineTool } from "./define.ts";
import { idSchema } from "./ids.ts";

/** `get_agent`: one agent, without what its author may want to keep. */
export const getAgent = defineTool({
  name: "get_agent",
  title: "Get agent",
  description: "Show one agent: what it is for, its model and the names of its tools.",
  scope: "agents:read",
  kind: "call",
  reaches: { agent_id: "agent" },
  annotations: {
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: true,
  },
  input: () =>
    z.strictObject({
      agent_id: idSchema(),
      version: z.int().min(1).optional().describe("Default: the latest"),
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
    return {
      ...agentSummary(agent, 2_048),
      tools: toolNames(agent),
      ...(agent.created_at && { created_at: agent.created_at }),
      ...(agent.updated_at && { updated_at: agent.updated_at }),
      ...(agent.archived_at && { archived_at: agent.archived_at }),
      ...(services.exposeAgentConfig && { config: fieldsOf(boundedCopy(agent)) }),
    };
  },
});
