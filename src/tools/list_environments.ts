import * as z from "zod";
import { fieldsOf, textOf } from "../api/read.ts";
import type { Environment } from "../api/resources.ts";
import { clipText, MAX_RESULT_CHARS } from "../core/text.ts";
import { takeWithinBudget } from "./budget.ts";
import { defineTool, READS, type ToolDefinition } from "./define.ts";
import { readEnvironments } from "./environment.ts";

const NAME_CHARS = 256;
const DESCRIPTION_CHARS = 300;
const ENVIRONMENTS_BUDGET_CHARS = MAX_RESULT_CHARS - 3_000;

/**
 * `list_environments`: lists the environments that the caller may use. It has the scope of
 * `list_agents`, because both read what new sessions are made of, and nothing of any session.
 */
export const listEnvironments: ToolDefinition = defineTool({
  name: "list_environments",
  title: "List environments",
  description:
    "List the environments that new sessions can run in here. create_session takes the " +
    "one that is_default marks when it is given no environment_id.",
  scope: "agents:read",
  kind: "call",
  reaches: { result: "list" },
  annotations: READS,
  input: () =>
    z.strictObject({
      name_contains: z.string().min(1).max(200).optional(),
    }),
  output: () =>
    z.object({
      environments: z.array(z.object({
        id: z.string(),
        name: z.string().optional(),
        description: z.string().optional(),
        type: z.string().optional().describe("Such as cloud or self_hosted"),
        is_default: z.boolean().optional(),
      })),
      truncated: z.boolean().optional().describe("There are more: use name_contains"),
    }),
  async run({ name_contains }, call) {
    const { access, api, environment } = call.services;
    const { usable, complete } = await readEnvironments(api, { signal: call.signal });
    const defaultId = environment.defaultAmong(usable, call);
    const allowed = access.allowedEnvironmentIds(call);
    const needle = name_contains?.toLowerCase() ?? "";
    const views = usable
      .filter(({ id }) => allowed?.includes(id) ?? true)
      .filter(({ name }) => (name ?? "").toLowerCase().includes(needle))
      .map((found) => viewOf(found, found.id === defaultId));
    const { taken, cut } = takeWithinBudget(views, ENVIRONMENTS_BUDGET_CHARS);
    return { environments: [...taken], ...((cut || !complete) && { truncated: true }) };
  },
});

function viewOf({ id, name, description, config }: Environment, isDefault: boolean) {
  const about = textOf(description);
  const type = textOf(fieldsOf(config)?.type);
  return {
    id,
    ...(name && { name: clipText(name, NAME_CHARS) }),
    ...(about && { description: clipText(about, DESCRIPTION_CHARS) }),
    ...(type && { type: clipText(type, 64) }),
    ...(isDefault && { is_default: true }),
  };
}
