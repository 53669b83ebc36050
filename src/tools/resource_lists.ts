/**
 * The parts of `resources/list`: the newest sessions as transcripts, and the agents.
 *
 * @module
 */

import * as z from "zod";
import { instantMs } from "../api/read.ts";
import { type Agent, newestFirst, type Session } from "../api/resources.ts";
import { ID } from "../core/ids.ts";
import { label, plainLine, shorten } from "../core/text.ts";
import { utcTime } from "../session/transcript.ts";
import { defineTool, READS, type ToolDefinition } from "./define.ts";
import { agentRef } from "./get_session.ts";
import { uriOf } from "./resource_uris.ts";

/** Most entries of a part, and entries that one page of the API is asked for. */
const MAX_LISTED = 50;
const PAGE_LIMIT = 100;
const DESCRIPTION_CHARS = 200;

/** A resource in `resources/list`. */
interface ListedResource {
  readonly uri: string;
  readonly name: string;
  readonly title: string;
  readonly description?: string;
  readonly mimeType: string;
  readonly annotations?: { readonly lastModified: string };
}

/** Makes the schema of a list of resources. */
function listedResources(): z.ZodObject<{ resources: z.ZodType<ListedResource[]> }> {
  return z.object({
    resources: z.array(z.object({
      uri: z.string(),
      name: z.string(),
      title: z.string(),
      description: z.string().optional(),
      mimeType: z.string(),
      annotations: z.object({ lastModified: z.string() }).optional(),
    })),
  });
}

/** The part of `resources/list` about transcripts: the newest sessions that the caller may reach. */
export const sessionResources: ToolDefinition = defineTool({
  name: "resource:sessions",
  title: "Transcripts",
  description: "The newest sessions that can be reached here.",
  scope: "sessions:read",
  kind: "call",
  reaches: { result: "list" },
  annotations: READS,
  input: () => z.strictObject({}),
  output: listedResources,
  async run(_, call): Promise<{ resources: ListedResource[] }> {
    const { signal, services: { access, api } } = call;
    const allowed = access.allowedAgentIds(call);
    if (allowed?.length === 0) return { resources: [] };
    const [agentId] = allowed?.length === 1 ? allowed : [];
    // One page, whatever the caller may see of it: clients ask for this list unasked.
    const page = await api.sessions.list(
      { order: "desc", limit: PAGE_LIMIT, ...(agentId !== undefined && { agentId }) },
      { signal },
    );
    const resources: ListedResource[] = [];
    for (const session of newestFirst(page.data)) {
      if (resources.length === MAX_LISTED) break;
      // What cannot be named by a URI cannot be read.
      if (ID.test(session.id) && await access.admitListed(session, call)) {
        resources.push(listedSession(session));
      }
    }
    return { resources };
  },
});

function listedSession(session: Session): ListedResource {
  const { id, title, updated_at: updatedAt } = session;
  const { name, id: agentId = "unknown agent" } = agentRef(session);
  const createdAt = instantMs(session.created_at);
  const facts = [
    `Session with ${label(name ?? agentId)}`,
    session.status && label(session.status),
    createdAt !== undefined && `created ${utcTime(createdAt)}`,
  ];
  return {
    uri: uriOf({ kind: "transcript", session_id: id }),
    name: label(title || id),
    title: `Transcript: ${label(title || id)}`,
    description: facts.filter(Boolean).join(", "),
    mimeType: "text/markdown",
    ...(updatedAt && { annotations: { lastModified: updatedAt } }),
  };
}

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
    return { resources: named.slice(0, MAX_LISTED).map(listedAgent) };
  },
});

function listedAgent({ id, name, description }: Agent): ListedResource {
  return {
    uri: uriOf({ kind: "agent", agent_id: id }),
    name: label(name || id),
    title: `Agent: ${label(name || id)}`,
    ...(description && { description: shorten(plainLine(description), DESCRIPTION_CHARS) }),
    mimeType: "application/json",
  };
}
