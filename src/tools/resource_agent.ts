import * as z from "zod";
import { redactValue } from "../core/redact.ts";
import { jsonLength, MAX_RESULT_CHARS } from "../core/text.ts";
import { fitBudget } from "./budget.ts";
import { defineTool, READS, type ToolDefinition } from "./define.ts";
import { agentView } from "./get_agent.ts";
import { idSchema } from "./ids.ts";

/** Room for the text, as JSON within the JSON of the result. */
const TEXT_BUDGET_CHARS = MAX_RESULT_CHARS - 1_000;
/** JSON of this length has room also where a line end and quotes cost two characters each. */
const VIEW_BUDGET_CHARS = 15_000;

/** `cma://agents/{agent_id}`: what `get_agent` shows, as JSON. */
export const agentResource: ToolDefinition = defineTool({
  name: "resource:agent",
  title: "Agent",
  description: "What an agent is for, its model and the names of its tools.",
  scope: "agents:read",
  kind: "call",
  reaches: { agent_id: "agent" },
  annotations: READS,
  input: () => z.strictObject({ agent_id: idSchema() }),
  output: () => z.object({ mime_type: z.string(), text: z.string() }),
  async run({ agent_id }, { signal, services }) {
    const agent = await services.api.agents.retrieve(agent_id, {}, { signal });
    // Before it becomes a text: a pattern that runs over JSON could eat a quote of it.
    const view = redactValue({ ...agentView(agent, services) }, services.redact.thorough);
    const whole = JSON.stringify(view, null, 2);
    const text = jsonLength(whole) <= TEXT_BUDGET_CHARS
      ? whole
      : JSON.stringify({ ...fitBudget(view, VIEW_BUDGET_CHARS).value, truncated: true }, null, 2);
    return { mime_type: "application/json", text };
  },
});
