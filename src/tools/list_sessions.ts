import * as z from "zod";
import { CursorTrail } from "../api/pages.ts";
import { newestFirst, type Session } from "../api/resources.ts";
import type { ListSessionsParams } from "../api/types.ts";
import { mayReadPage } from "../access/limits.ts";
import { sealedIdOf } from "../access/principal.ts";
import { isTimeThatThereIs } from "../core/dates.ts";
import { ToolError } from "../core/errors.ts";
import { clipText, MAX_RESULT_CHARS } from "../core/text.ts";
import { consoleUrlOf } from "../session/console_url.ts";
import { TIME } from "./arguments.ts";
import { defineTool, READS, type ToolCall, type ToolDefinition } from "./define.ts";
import { agentRef } from "./get_session.ts";
import { idSchema } from "./ids.ts";

/** Most pages of the API that one call reads, and most sessions of a page. */
const MAX_API_PAGES = 5;
const MAX_API_LIMIT = 100;
const TITLE_CHARS = 200;
const SESSIONS_BUDGET_CHARS = MAX_RESULT_CHARS - 3_000;

/** A session in the result. */
interface ListedSession {
  session_id: string;
  status: string;
  title?: string;
  agent: { id?: string; name?: string };
  created_at?: string;
  updated_at?: string;
  archived?: true;
  mine?: true;
  console_url?: string;
}

interface ListSessionsResult {
  sessions: ListedSession[];
  next_cursor?: string;
}

/** `list_sessions`: lists the sessions that the caller may reach. */
export const listSessions: ToolDefinition = defineTool({
  name: "list_sessions",
  title: "List sessions",
  description: "List the sessions that can be reached here, newest first, to find an earlier " +
    "conversation and resume it. While next_cursor is present there are more, also when few or " +
    "none matched.",
  scope: "sessions:read",
  kind: "call",
  reaches: { agent_id: "agent", result: "list" },
  annotations: READS,
  input: () =>
    z.strictObject({
      agent_id: idSchema().optional(),
      status: z.enum(["idle", "running", "rescheduling", "terminated"]).optional(),
      created_after: timeSchema("RFC 3339 date or time, inclusive"),
      created_before: timeSchema("The same, exclusive"),
      include_archived: z.boolean().optional(),
      limit: z.int().min(1).max(100).optional().describe("Default 20"),
      cursor: z.string().min(1).optional()
        .describe("Repeat the filters with it"),
    }),
  output: () =>
    z.object({
      sessions: z.array(z.object({
        session_id: z.string(),
        status: z.string(),
        title: z.string().optional(),
        agent: z.object({ id: z.string().optional(), name: z.string().optional() }),
        created_at: z.string().optional(),
        updated_at: z.string().optional(),
        archived: z.boolean().optional(),
        mine: z.boolean().optional().describe("Made by this caller"),
        console_url: z.string().optional(),
      })),
      next_cursor: z.string().optional(),
    }),
  async run({ limit = 20, cursor, ...given }, call): Promise<ListSessionsResult> {
    const allowed = call.services.access.allowedAgentIds(call);
    if (allowed?.length === 0) return { sessions: [] };
    const [onlyAgent] = allowed?.length === 1 ? allowed : [];
    const filters: Filters = {
      agentId: given.agent_id ?? onlyAgent,
      status: given.status,
      createdAtGte: timeOf(given.created_after, "created_after"),
      createdAtLt: timeOf(given.created_before, "created_before"),
      includeArchived: given.include_archived ?? false,
    };
    const from = cursor === undefined ? {} : await openCursor(cursor, filters, call);
    const { sessions, next } = await readSessions(filters, limit, from, call);
    return { sessions, ...(next && { next_cursor: await sealCursor(next, filters, call) }) };
  },
});

function timeSchema(description: string) {
  return z.string().regex(TIME).optional().describe(description);
}

/** Returns an RFC 3339 time; for a date alone that of its beginning in UTC. */
function timeOf(text: string | undefined, argument: string): string | undefined {
  if (text === undefined) return undefined;
  const time = text.includes("T") ? text : `${text}T00:00:00Z`;
  if (isTimeThatThereIs(time)) return time;
  throw new ToolError("invalid_argument", `${argument} must be a date or a time that there is.`);
}

/** The conditions of a list, by the names of the API's parameters. */
interface Filters extends Pick<ListSessionsParams, "agentId" | "createdAtGte" | "createdAtLt"> {
  readonly status: string | undefined;
  readonly includeArchived: boolean;
}

/** Returns true if the session meets the conditions, as far as it shows: some servers ignore them. */
function matches(session: Session, filters: Filters): boolean {
  const { agentId, status, createdAtGte, createdAtLt, includeArchived } = filters;
  const createdAt = Date.parse(session.created_at ?? "");
  return (includeArchived || !session.archived_at) &&
    (agentId === undefined || (agentRef(session).id ?? agentId) === agentId) &&
    (status === undefined || (session.status ?? status) === status) &&
    !(createdAtGte !== undefined && createdAt < Date.parse(createdAtGte)) &&
    !(createdAtLt !== undefined && createdAt >= Date.parse(createdAtLt));
}

/**
 * Reads pages from a place on, until the limit or the size budget is reached, the list ends, or the
 * call has read as many pages as it may.
 *
 * @returns the matching sessions within the caller's reach, and the place that they end at
 */
async function readSessions(
  filters: Filters,
  limit: number,
  from: Place,
  call: ToolCall,
): Promise<{ readonly sessions: ListedSession[]; readonly next?: Place }> {
  const { access, api, consoleUrl } = call.services;
  const { status, includeArchived, ...where } = filters;
  const query = { ...where, ...(includeArchived && { includeArchived }) };
  const statuses = status === undefined ? undefined : [status];
  let place: Place = { ...from, size: from.size ?? limit };
  const trail = new CursorTrail(place.page);
  const seen = new Set<string>();
  const sessions: ListedSession[] = [];
  let room = SESSIONS_BUDGET_CHARS;
  for (let count = 0; count < MAX_API_PAGES; count++) {
    if (count > 0 && (sessions.length >= limit || !mayReadPage(call))) break;
    const { page, size } = place;
    const read = await api.sessions.list(
      { ...query, statuses, order: "desc", limit: size, page },
      { signal: call.signal },
    );
    const { data, next } = trail.take(read);
    const listed = newestFirst(data);
    for (let index = startIndex(listed, place); index < listed.length; index++) {
      const session = listed[index];
      if (!session || seen.has(session.id) || !matches(session, filters)) continue;
      const admitted = await access.admitListed(session, call);
      if (!admitted) continue;
      const view = viewOf(session, admitted.isMine, consoleUrl);
      room -= JSON.stringify(view).length + 1;
      if (sessions.length >= limit || (room < 0 && sessions.length > 0)) {
        return { sessions, next: { page, size, passed: index, after: listed[index - 1]?.id } };
      }
      seen.add(session.id);
      sessions.push(view);
    }
    if (next === undefined) return { sessions };
    // If the next page is this one again, nothing follows its last session.
    place = { page: next, size: MAX_API_LIMIT, after: listed.at(-1)?.id ?? place.after };
  }
  return { sessions, next: place };
}

/** Returns the index of the first entry of a page that was not passed. */
function startIndex(data: readonly Session[], { after, passed = 0 }: Place): number {
  const found = after === undefined ? -1 : data.findIndex(({ id }) => id === after);
  return found >= 0 ? found + 1 : passed;
}

function viewOf(session: Session, isMine: boolean, consoleUrl: string | undefined): ListedSession {
  const { id: agentId, name } = agentRef(session);
  const { id, title, created_at, updated_at } = session;
  return {
    session_id: id,
    status: session.status ?? "unknown",
    ...(title && { title: clipText(title, TITLE_CHARS) }),
    agent: { ...(agentId && { id: agentId }), ...(name && { name }) },
    ...(created_at && { created_at }),
    ...(updated_at && { updated_at }),
    ...(session.archived_at && { archived: true as const }),
    ...(isMine && { mine: true as const }),
    ...(consoleUrl !== undefined && { console_url: consoleUrlOf(consoleUrl, id) }),
  };
}

/** A place between two sessions of the API's list, also within a page. */
interface Place {
  /** The API's cursor of the page; absent for the first one. */
  readonly page?: string;
  /** Limit that the page is requested with. */
  readonly size?: number;
  /** Number of entries of the page that were passed. */
  readonly passed?: number;
  /** Id of the last passed entry, which finds the place again when sessions were added. */
  readonly after?: string;
}

/** Longest text of a cursor, in characters: somewhat more than {@linkcode sealCursor} makes. */
const MAX_CURSOR_CHARS = 8_000;

/**
 * Seals a place as a cursor of the caller's. The API's cursors and the ids in it may be of sessions
 * that the caller may not reach.
 */
function sealCursor(place: Place, filters: Filters, call: ToolCall): Promise<string> {
  const sealed = { place, filters: JSON.stringify(filters), caller: sealedIdOf(call) };
  return call.services.sealer.seal("session list", sealed);
}

/**
 * Opens a cursor.
 *
 * @throws `ToolError` `invalid_argument` for a text that {@linkcode sealCursor} did not make for
 * this caller and these filters
 */
async function openCursor(text: string, filters: Filters, call: ToolCall): Promise<Place> {
  const opened = text.length <= MAX_CURSOR_CHARS
    ? await call.services.sealer.open("session list", text)
    : undefined;
  const { success, data } = z.object({
    caller: z.literal(sealedIdOf(call)),
    filters: z.string(),
    place: z.object({
      page: z.string().optional(),
      size: z.int().min(1).max(MAX_API_LIMIT).optional(),
      passed: z.int().min(0).optional(),
      after: z.string().optional(),
    }),
  }).safeParse(opened);
  if (!success) {
    throw new ToolError(
      "invalid_argument",
      "cursor must be the next_cursor of your last list_sessions, as it is; leave it out to start " +
        "with the newest session.",
    );
  }
  if (data.filters === JSON.stringify(filters)) return data.place;
  throw new ToolError(
    "invalid_argument",
    "cursor goes on with the filters of the call that returned it: pass the same ones, or leave " +
      "cursor out.",
  );
}
