/**
 * `/v1/agents`
 *
 * @module
 */

import * as z from "zod";
import { completeTool, latest } from "../agents.ts";
import { invalid } from "../errors.ts";
import {
  bodyOf,
  type Handler,
  idAt,
  queryOf,
  respond,
  respondPage,
  type SimulatedExchange,
} from "../exchange.ts";
import { readListPage } from "../pages.ts";
import { complaint } from "../sending.ts";
import { SortedList } from "../sorted.ts";
import type { WireObject } from "../wire.ts";

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

const fields = z.looseObject({ type: z.string() });
const agentInit = z.strictObject({
  name: z.string().min(1).max(256),
  description: z.string().max(2048).nullish(),
  system: z.string().max(100_000).nullish(),
  model: z.union([z.string().min(1), z.looseObject({ id: z.string() })]),
  tools: z.array(fields).max(256).optional(),
  mcp_servers: z.array(z.looseObject({ name: z.string() })).max(20).optional(),
  skills: z.array(fields).max(20).optional(),
  metadata: z.record(z.string().max(64), z.string().max(512)).optional(),
  multiagent: z.looseObject({}).nullish(),
});
const agentChanges = agentInit.partial().extend({ version: z.int().min(1).optional() });

function parse<T>(schema: z.ZodType<T>, body: WireObject): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw invalid(complaint(parsed.error, "body"));
}

const create: Handler = async (exchange) => {
  const init = parse(agentInit, await bodyOf(exchange));
  const { agents, defaultScript } = exchange.workspace;
  return respond(exchange, latest(agents.create(init, defaultScript)));
};

const update: Handler = async (exchange) => {
  const { version, ...changes } = parse(agentChanges, await bodyOf(exchange));
  const wire: Record<string, unknown> = { ...changes };
  if (typeof changes.model === "string") wire.model = { id: changes.model };
  if (changes.tools) wire.tools = changes.tools.map(completeTool);
  return respond(exchange, exchange.workspace.agents.update(idAt(exchange, 0), wire, version));
};

const retrieve: Handler = (exchange) => {
  const version = queryOf(exchange, "version").integer("version", { min: 1, max: 1e9 });
  return respond(exchange, exchange.workspace.agents.retrieve(idAt(exchange, 0), version));
};

const list: Handler = (exchange) => {
  const query = queryOf(
    exchange,
    "limit",
    "page",
    "include_archived",
    "created_at[gte]",
    "created_at[lte]",
  );
  const archived = query.flag("include_archived");
  const { min = 0, max = Infinity } = query.range("created_at");
  const page = readListPage(exchange.workspace.agents.list, {
    scope: exchange.url.pathname,
    query,
    order: "desc",
    defaultLimit: DEFAULT_LIMIT,
    maxLimit: MAX_LIMIT,
    filter: (agent) =>
      agent.rank >= min && agent.rank <= max && (archived || latest(agent).archived_at === null),
  });
  return respondPage(exchange, page, latest);
};

const versions: Handler = (exchange) => {
  const query = queryOf(exchange, "limit", "page");
  const record = exchange.workspace.agents.find(idAt(exchange, 0));
  const all = new SortedList<{ rank: number; seq: number; wire: WireObject }>();
  record.versions.forEach((wire, index) => all.insert({ rank: index, seq: 0, wire }));
  const page = readListPage(all, {
    scope: exchange.url.pathname,
    query,
    order: "desc",
    defaultLimit: DEFAULT_LIMIT,
    maxLimit: MAX_LIMIT,
  });
  return respondPage(exchange, page, (entry) => entry.wire);
};

const archive = (exchange: SimulatedExchange) =>
  respond(exchange, exchange.workspace.agents.archive(idAt(exchange, 0)));

/** Routes by method and path. */
export const agentRoutes: Readonly<Record<string, Handler>> = {
  "GET /v1/agents": list,
  "POST /v1/agents": create,
  "GET /v1/agents/*": retrieve,
  "POST /v1/agents/*": update,
  "GET /v1/agents/*/versions": versions,
  "POST /v1/agents/*/archive": archive,
};
