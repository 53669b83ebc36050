/**
 * `/v1/sessions`
 *
 * @module
 */

import * as z from "zod";
import { snapshot } from "../agents.ts";
import { invalid } from "../errors.ts";
import {
  bodyOf,
  type Handler,
  idAt,
  queryOf,
  respond,
  respondPage,
  type SimulatedExchange,
  type Workspace,
} from "../exchange.ts";
import { readListPage } from "../pages.ts";
import { complaint, parseInitialEvents } from "../sending.ts";
import type { SimulatedSession } from "../session.ts";
import { isWireObject, type WireObject } from "../wire.ts";

const STATUSES = ["rescheduling", "running", "idle", "terminated"];
const BOUNDS = ["created_at[gt]", "created_at[gte]", "created_at[lt]", "created_at[lte]"];

const title = z.string().max(500).nullish();
const pairs = z.record(z.string().max(64), z.string().max(512));
const newPairs = pairs.refine((value) => Object.keys(value).length <= 16, "more than 16 pairs");
const budget = z.strictObject({
  type: z.literal("limit"),
  max_list_cost: z.strictObject({
    amount: z.string().regex(/^(0|[1-9]\d*)$/),
    currency: z.literal("USD"),
  }),
});
const version = z.int().min(1).optional();
const overrides = {
  model: z.union([z.string(), z.looseObject({ id: z.string() })]).optional(),
  system: z.string().nullish(),
  tools: z.array(z.looseObject({ type: z.string() })).optional(),
  mcp_servers: z.array(z.looseObject({})).optional(),
  skills: z.array(z.looseObject({})).optional(),
};
const agentReference = z.union([
  z.string().min(1),
  z.strictObject({ type: z.literal("agent"), id: z.string().min(1), version }),
  z.strictObject({
    type: z.literal("agent_with_overrides"),
    id: z.string().min(1),
    version,
    ...overrides,
  }),
]);
const creation = z.strictObject({
  agent: agentReference,
  environment_id: z.string().min(1),
  title,
  metadata: newPairs.optional(),
  vault_ids: z.array(z.string()).optional(),
  // The simulator has no repositories or memory stores that could be mounted.
  resources: z.array(z.strictObject({
    type: z.literal("file", "the simulator mounts only files"),
    file_id: z.string().min(1),
    mount_path: z.string().regex(/^\//, "not an absolute path").nullish(),
  })).max(500).optional(),
  budget: budget.optional(),
  initial_events: z.unknown().optional(),
});
const changes = z.strictObject({
  title,
  metadata: z.record(z.string(), z.string().nullable()).nullish(),
  budget: budget.nullable().optional(),
});

function agentOf(workspace: Workspace, reference: z.infer<typeof agentReference>) {
  const { id, version, ...rest } = typeof reference === "string"
    ? { id: reference, version: undefined }
    : reference;
  const record = workspace.agents.find(id);
  const agent = workspace.agents.retrieve(id, version);
  if (workspace.agents.retrieve(id).archived_at !== null) {
    throw invalid(`Agent ${id} is archived.`);
  }
  const { type: _, ...replaced } = { type: "agent", ...rest };
  const model = "model" in rest && typeof rest.model === "string"
    ? { model: { id: rest.model } }
    : {};
  return { record, wire: { ...snapshot(agent), ...replaced, ...model } };
}

/** Throws where a budget is asked for and the model has no list price. */
function checkPriced({ model }: WireObject, given: unknown): void {
  const id = isWireObject(model) ? model.id : model;
  if (given === undefined || !/^unpriced/.test(String(id))) return;
  throw invalid("budget: the agent's model has no list price.", "model_not_budgetable");
}

/** Finds the files that a session is to have. */
function filesOf(workspace: Workspace, resources: z.infer<typeof creation>["resources"] = []) {
  const paths = resources.flatMap(({ mount_path: path }) => path ?? []);
  if (new Set(paths).size < paths.length) throw invalid("resources: two have the same path.");
  return resources.map(({ file_id: id, mount_path: path }) => {
    const file = workspace.uploads.find(id) ?? workspace.sessions.findFile(id);
    if (!file) throw invalid(`resources: file ${id} not found.`);
    return { file, path: path ?? undefined };
  });
}

const create: Handler = async (exchange) => {
  const parsed = creation.safeParse(await bodyOf(exchange));
  if (!parsed.success) throw invalid(complaint(parsed.error, "body"));
  const { data } = parsed;
  const { workspace } = exchange;
  const { record, wire } = agentOf(workspace, data.agent);
  checkPriced(wire, data.budget);
  const environment = workspace.environments.find(data.environment_id);
  if (environment.wire.archived_at !== null) {
    throw invalid(`Environment ${environment.id} is archived.`, "environment_archived");
  }
  const given = data.initial_events === undefined ? [] : parseInitialEvents(data.initial_events);
  const events = workspace.world.habits.dropsInitialEvents ? [] : given;
  const mounts = filesOf(workspace, data.resources);
  const session = workspace.sessions.create({
    agent: wire,
    agentName: String(workspace.agents.retrieve(record.id).name),
    environmentId: environment.id,
    title: data.title ?? null,
    metadata: data.metadata ?? {},
    budget: data.budget ?? record.budget,
    vaultIds: data.vault_ids ?? [],
    status: events.length > 0 ? "running" : "idle",
  }, record.script);
  for (const { file, path } of mounts) session.mount(file, path);
  if (events.length > 0) workspace.sessions.send(session, events);
  return respond(exchange, session.toWire());
};

function listFilter(exchange: SimulatedExchange) {
  const query = queryOf(
    exchange,
    ...["agent_id", "agent_version", "deployment_id", "memory_store_id", "include_archived"],
    ...["statuses[]", "order", "limit", "page", ...BOUNDS],
  );
  const archived = query.flag("include_archived");
  const statuses = query.allOf("statuses[]", STATUSES);
  const agentId = query.text("agent_id");
  const version = query.integer("agent_version", { min: 1, max: 1e9 });
  const foreign = query.text("deployment_id") ?? query.text("memory_store_id");
  const { min = 0, max = Infinity } = query.range("created_at");
  const filter = (session: SimulatedSession) =>
    (archived || session.archivedAt === null) &&
    (statuses.length === 0 || statuses.includes(session.shownStatus)) &&
    (agentId === undefined || session.init.agent.id === agentId) &&
    (version === undefined || session.init.agent.version === version) &&
    // No simulated session belongs to a deployment or a memory store.
    foreign === undefined && session.rank >= min && session.rank <= max;
  return { query, filter };
}

const list: Handler = (exchange) => {
  const { query, filter } = listFilter(exchange);
  const page = readListPage(exchange.workspace.sessions.list, {
    scope: exchange.url.pathname,
    query,
    order: query.order("desc"),
    defaultLimit: 20,
    maxLimit: 100,
    filter,
  });
  return respondPage(exchange, page, (item) => item.toWire(), { prev_page: page.prev_page });
};

const retrieve: Handler = (exchange) => {
  queryOf(exchange);
  return respond(exchange, exchange.workspace.sessions.find(idAt(exchange, 0)).toWire());
};

function changedMetadata(session: SimulatedSession, given: Record<string, string | null>) {
  const merged = Object.entries({ ...session.metadata, ...given });
  const kept = merged.filter((pair): pair is [string, string] => pair[1] !== null);
  return Object.fromEntries(kept);
}

function checkBudget(session: SimulatedSession, next: WireObject | null): void {
  if (session.budget === null && next !== null) {
    throw invalid("budget: can be set at creation only.", "budget_create_only");
  }
}

const update: Handler = async (exchange) => {
  const { sessions } = exchange.workspace;
  const session = sessions.find(idAt(exchange, 0));
  const parsed = changes.safeParse(await bodyOf(exchange));
  if (!parsed.success) throw invalid(complaint(parsed.error, "body"));
  if (session.archivedAt !== null) throw invalid(`Session ${session.id} is archived.`);
  const { data } = parsed;
  const changed: Record<string, unknown> = {};
  if (data.budget !== undefined) {
    checkBudget(session, data.budget);
    changed.budget = session.budget = data.budget;
  }
  if (data.title !== undefined) changed.title = session.title = data.title;
  if (data.metadata) {
    changed.metadata = session.metadata = changedMetadata(session, data.metadata);
  }
  if (Object.keys(changed).length > 0) {
    session.touch();
    session.append({ ...changed, type: "session.updated" });
  }
  if (data.budget !== undefined) sessions.raiseBudget(session);
  return respond(exchange, session.toWire());
};

const archive: Handler = (exchange) =>
  respond(exchange, exchange.workspace.sessions.archive(idAt(exchange, 0)).toWire());

const remove: Handler = (exchange) => {
  const id = idAt(exchange, 0);
  exchange.workspace.sessions.delete(id);
  return respond(exchange, { id, type: "session_deleted" });
};

/** Routes by method and path. */
export const sessionRoutes: Readonly<Record<string, Handler>> = {
  "GET /v1/sessions": list,
  "POST /v1/sessions": create,
  "GET /v1/sessions/*": retrieve,
  "POST /v1/sessions/*": update,
  "DELETE /v1/sessions/*": remove,
  "POST /v1/sessions/*/archive": archive,
};
