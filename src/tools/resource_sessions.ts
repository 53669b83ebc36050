import * as z from "zod";
import { instantMs } from "../api/read.ts";
import { newestFirst, type Session } from "../api/resources.ts";
import { ID } from "../core/ids.ts";
import { label } from "../core/text.ts";
import { utcTime } from "../session/transcript.ts";
import { defineTool, READS, type ToolDefinition } from "./define.ts";
import { agentRef } from "./get_session.ts";
import { uriOf } from "./resource_uris.ts";

/** Most sessions that are listed, and that one page of the API is asked for. */
const MAX_LISTED = 50;
const PAGE_LIMIT = 100;

/** A resource in `resources/list`. */
export interface ListedResource {
  readonly uri: string;
  readonly name: string;
  readonly title: string;
  readonly description?: string;
  readonly mimeType: string;
  readonly annotations?: { readonly lastModified: string };
}

/** Makes the schema of a list of resources. */
export function listedResources(): z.ZodObject<{ resources: z.ZodType<ListedResource[]> }> {
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
        resources.push(listed(session));
      }
    }
    return { resources };
  },
});

function listed(session: Session): ListedResource {
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
