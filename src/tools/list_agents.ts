import * as z from "zod";
import { CursorTrail } from "../api/pages.ts";
import type { Agent } from "../api/resources.ts";
import { ApiError } from "../api/errors.ts";
import { clipText, fromBase64Url, MAX_RESULT_CHARS, toBase64Url } from "../core/text.ts";
import { ToolError } from "../core/errors.ts";
import { isUnknownId } from "../access/policy.ts";
import { defineTool, READS, type ToolCall, type ToolDefinition } from "./define.ts";
import { type AgentSummary, agentSummary } from "./get_agent.ts";
import { allOrAbort, bindSignal, DeadlineError } from "../core/abort.ts";
import { mayReadPage } from "../access/limits.ts";

/** Most pages of the API that a call reads, without asking anybody. */
const MAX_API_PAGES = 5;
/** Most pages that a search by name reads, so that an agent among 5,000 is found in one call. */
const MAX_SEARCHED_PAGES = 50;
/** A search by name begins no page later than this, so that every host still waits for it. */
const MAX_SEARCH_MS = 15_000;
const MAX_API_LIMIT = 100;
const MAX_PARALLEL = 10;
const DESCRIPTION_CHARS = 300;
const AGENTS_BUDGET_CHARS = MAX_RESULT_CHARS - 3_000;

interface ListAgentsResult {
  agents: AgentSummary[];
  next_cursor?: string;
  scanned: number;
  unavailable?: string[];
}

/** `list_agents`: lists the agents that the caller may use. */
export const listAgents: ToolDefinition = defineTool({
  name: "list_agents",
  title: "List agents",
  description: "List the agents that can be called here. While next_cursor is present there are " +
    "more, also when few or none matched.",
  scope: "agents:read",
  kind: "call",
  reaches: { result: "list" },
  annotations: READS,
  input: () =>
    z.strictObject({
      name_contains: z.string().min(1).max(200).optional(),
      limit: z.int().min(1).max(200).optional().describe("Default 50"),
      cursor: z.string().min(1).optional(),
    }),
  output: () =>
    z.object({
      agents: z.array(z.object({
        id: z.string(),
        name: z.string().optional(),
        description: z.string().optional(),
        model: z.string().optional(),
        version: z.number().optional(),
      })),
      next_cursor: z.string().optional(),
      scanned: z.number(),
      unavailable: z.array(z.string()).optional(),
    }),
  async run({ name_contains, limit = 50, cursor }, call) {
    const from = cursor === undefined ? {} : decodeCursor(cursor);
    const collector = new Collector(name_contains, limit);
    const allowed = call.services.access.allowedAgentIds(call);
    return allowed
      ? await listAllowed(allowed, from, collector, call)
      : await listWorkspace(from, collector, call);
  },
});

/** Gathers matches until the limit or the size budget is reached. */
class Collector {
  readonly agents: AgentSummary[] = [];
  readonly limit: number;
  readonly filtered: boolean;
  /** Set once an agent has exactly the name that was asked for, in any case. */
  isNamed = false;
  scanned = 0;
  readonly #seen = new Set<string>();
  readonly #needle: string | undefined;
  #roomChars = AGENTS_BUDGET_CHARS;

  constructor(nameContains: string | undefined, limit: number) {
    this.#needle = nameContains?.toLowerCase();
    this.filtered = nameContains !== undefined;
    this.limit = limit;
  }

  /** Returns false when there is no room for the agent: the list ends before it. */
  offer(agent: Agent): boolean {
    // The API's documentation says that duplicates are possible.
    if (this.#seen.has(agent.id)) return true;
    const name = (agent.name ?? "").toLowerCase();
    if (this.#needle === undefined || name.includes(this.#needle)) {
      if (this.agents.length >= this.limit) return false;
      const view = agentSummary(agent, DESCRIPTION_CHARS);
      this.#roomChars -= JSON.stringify(view).length + 1;
      if (this.#roomChars < 0 && this.agents.length > 0) return false;
      this.agents.push(view);
      if (name === this.#needle) this.isNamed = true;
    }
    this.#seen.add(agent.id);
    this.scanned++;
    return true;
  }

  get full(): boolean {
    return this.agents.length >= this.limit;
  }
}

async function listWorkspace(
  from: ListCursor,
  collector: Collector,
  call: ToolCall,
): Promise<ListAgentsResult> {
  const { signal, services } = call;
  const searchUntil = services.clock.now() + MAX_SEARCH_MS;
  const size = collector.filtered ? MAX_API_LIMIT : Math.min(collector.limit, MAX_API_LIMIT);
  let { p: page, n: limit = size } = from;
  let start: Pick<ListCursor, "s" | "a"> = from;
  const trail = new CursorTrail(page);
  let last: string | undefined;
  for (let count = 0; count < MAX_SEARCHED_PAGES; count++) {
    if (count >= MAX_API_PAGES && !await maySearchOn(collector, searchUntil, call)) break;
    const result = await services.api.agents.list({ limit, page }, { signal });
    const { data, next } = trail.take(result);
    for (let index = startIndex(data, start); index < data.length; index++) {
      const agent = data[index];
      if (!agent || collector.offer(agent)) continue;
      const before = data[index - 1]?.id;
      return listing(collector, { p: page, n: limit, s: index, ...(before && { a: before }) });
    }
    if (next === undefined) return listing(collector);
    page = next;
    // If the next page is this one again, nothing follows its last entry.
    last = data.at(-1)?.id ?? last;
    if (collector.full) break;
    limit = size;
    start = {};
  }
  return listing(collector, { p: page, ...(last && { a: last }) });
}

/** Tells whether a search reads a page more than any call may, and waits until it is its turn. */
async function maySearchOn(
  { filtered, isNamed }: Collector,
  searchUntil: number,
  call: ToolCall,
): Promise<boolean> {
  const { clock, longSearches } = call.services;
  const timeoutMs = searchUntil - clock.now();
  if (!filtered || isNamed || timeoutMs <= 0 || !mayReadPage(call)) return false;
  const { signal, dispose } = bindSignal(clock, { signals: [call.signal], timeoutMs });
  try {
    await longSearches.take(1, signal);
    return true;
  } catch (error) {
    if (error instanceof DeadlineError) return false;
    throw error;
  } finally {
    dispose();
  }
}

function startIndex(data: readonly Agent[], start: Pick<ListCursor, "s" | "a">): number {
  const found = start.a === undefined ? -1 : data.findIndex((agent) => agent.id === start.a);
  return found >= 0 ? found + 1 : start.s ?? 0;
}

async function listAllowed(
  allowed: readonly string[],
  from: ListCursor,
  collector: Collector,
  call: ToolCall,
): Promise<ListAgentsResult> {
  const unavailable: string[] = [];
  let index = from.s ?? 0;
  while (index < allowed.length && !collector.full) {
    const room = collector.filtered ? MAX_PARALLEL : collector.limit - collector.agents.length;
    const ids = allowed.slice(index, index + Math.min(room, MAX_PARALLEL));
    const agents = await allOrAbort(
      call.signal,
      (signal) => Promise.all(ids.map((id) => retrieveIfThere(id, { ...call, signal }))),
    );
    for (const [offset, agent] of agents.entries()) {
      if (agent === undefined) unavailable.push(clipText(ids[offset] ?? "", 128));
      else if (!collector.offer(agent)) {
        return listing(collector, { s: index + offset }, unavailable);
      }
    }
    index += ids.length;
  }
  const next = index < allowed.length ? { s: index } : undefined;
  return listing(collector, next, unavailable);
}

async function retrieveIfThere(
  agentId: string,
  { signal, services }: ToolCall,
): Promise<Agent | undefined> {
  try {
    return await services.api.agents.retrieve(agentId, {}, { signal });
  } catch (error) {
    const forbidden = error instanceof ApiError && error.status === 403;
    if (!forbidden && !isUnknownId(error)) throw error;
    services.log.warn("An allowed agent cannot be read", { agent_id: agentId });
    return undefined;
  }
}

function listing(
  collector: Collector,
  next?: ListCursor,
  unavailable: string[] = [],
): ListAgentsResult {
  return {
    agents: collector.agents,
    ...(next && { next_cursor: encodeCursor(next) }),
    scanned: collector.scanned,
    ...(unavailable.length > 0 && { unavailable }),
  };
}

/** A place between two agents, also within an API page; `next_cursor` as an object. */
interface ListCursor {
  /** The API's cursor of the page; absent for the first one. */
  readonly p?: string;
  /** Limit that the page was requested with. */
  readonly n?: number;
  /** Number of entries of the page, or of the allowlist, that were passed. */
  readonly s?: number;
  /** Id of the last passed entry, which finds the place again when entries were added. */
  readonly a?: string;
}

/** Longest text of a cursor, in characters: somewhat more than {@linkcode encodeCursor} makes. */
const MAX_CURSOR_TEXT_CHARS = 4_000;

/** Encodes a cursor as an opaque, URL-safe text. */
export function encodeCursor(cursor: ListCursor): string {
  return toBase64Url(new TextEncoder().encode(JSON.stringify(cursor)));
}

/**
 * Decodes a cursor.
 *
 * @throws `ToolError` `invalid_argument` for any text that {@linkcode encodeCursor} did not make
 */
export function decodeCursor(text: string): ListCursor {
  try {
    if (text.length > MAX_CURSOR_TEXT_CHARS) throw new RangeError("Too long for a cursor");
    const bytes = fromBase64Url(text);
    return z.strictObject({
      p: z.string().max(2_000).optional(),
      n: z.int().min(1).max(MAX_API_LIMIT).optional(),
      s: z.int().min(0).optional(),
      a: z.string().max(128).optional(),
    }).parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw new ToolError(
      "invalid_argument",
      "cursor must be a next_cursor of list_agents; leave it out to start from the beginning.",
      { cause },
    );
  }
}
