import * as z from "zod";
import type { Agent } from "../api/resources.ts";
import { ID } from "../core/ids.ts";
import { label, plainLine, shorten } from "../core/text.ts";
import { defineTool, READS, type ToolDefinition } from "./define.ts";
import { type ListedResource, listedResources } from "./resource_sessions.ts";
import { uriOf } from "./resource_uris.ts";

/** Most agents that are listed, and that one page of the API is asked for. */
const MAX_LISTED = 50;
const PAGE_LIMIT = 100;
const DESCRIPTION_CHARS = 200;

/** The part of `resources/list` about agents: those that the caller may reach. */
export const agentResources: ToolDefinition = defineTool({
  name: "resource:agents",
  title: "Agents",
  description: "The agents that can be called here.",
  scope: "agents:read",
  kind: "call",
  reaches: { result: "list" },
  annotations: READS,
  input: () => z.strictObject({}),
  output: listedResources,
  async run(_, call): Promise<{ resources: ListedResource[] }> {
    const { signal, services: { access, api } } = call;
    const allowed = access.allowedAgentIds(call);
    if (allowed?.length === 0) return { resources: [] };
    const { data } = await api.agents.list({ limit: PAGE_LIMIT }, { signal });
    const byId = new Map(data.map((agent) => [agent.id, agent]));
    // One that stands on another page is known by its id.
    const agents: Agent[] = allowed?.map((id) => byId.get(id) ?? { id }) ?? [...byId.values()];
    const named = agents.filter(({ id }) => ID.test(id));
    return { resources: named.slice(0, MAX_LISTED).map(listed) };
  },
});

function listed({ id, name, description }: Agent): ListedResource {
  return {
    uri: uriOf({ kind: "agent", agent_id: id }),
    name: label(name || id),
    title: `Agent: ${label(name || id)}`,
    ...(description && { description: shorten(plainLine(description), DESCRIPTION_CHARS) }),
    mimeType: "application/json",
  };
}
