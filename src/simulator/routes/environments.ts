/**
 * `/v1/environments`
 *
 * @module
 */

import * as z from "zod";
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
import type { WireObject } from "../wire.ts";

const names = z.array(z.string()).nullish();
const cloud = z.strictObject({
  type: z.literal("cloud"),
  networking: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("unrestricted") }),
    z.strictObject({
      type: z.literal("limited"),
      allow_mcp_servers: z.boolean().nullish(),
      allow_package_managers: z.boolean().nullish(),
      allowed_hosts: names,
    }),
  ]).nullish(),
  packages: z.strictObject({
    type: z.literal("packages").optional(),
    ...{ apt: names, cargo: names, gem: names, go: names, npm: names, pip: names },
  }).nullish(),
});
const config = z.discriminatedUnion("type", [
  cloud,
  z.strictObject({ type: z.literal("self_hosted") }),
]).nullish();
// The types of the official SDK: `account` exists, but the API rejects it for API organizations.
const scope = z.literal("organization").nullish();
const description = z.string().nullish();
const creation = z.strictObject({
  name: z.string().min(1),
  config,
  description,
  metadata: z.record(z.string(), z.string()).optional(),
  scope,
});
const changes = z.strictObject({
  name: z.string().min(1).nullish(),
  config,
  description,
  metadata: z.record(z.string(), z.string().nullable()).optional(),
  scope,
});

async function parsedBody<T>(exchange: SimulatedExchange, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await bodyOf(exchange));
  if (!parsed.success) throw invalid(complaint(parsed.error, "body"));
  return parsed.data;
}

/** Returns the configuration as the API shows it, with its defaults. */
function completeConfig(given: z.infer<typeof config>): WireObject | undefined {
  if (!given || given.type === "self_hosted") return given ?? undefined;
  const { networking, packages } = given;
  const lists = Object.fromEntries(
    ["apt", "cargo", "gem", "go", "npm", "pip"].map((manager) => [
      manager,
      (packages as WireObject | null | undefined)?.[manager] ?? [],
    ]),
  );
  if (networking?.type !== "limited") {
    return {
      type: "cloud",
      networking: { type: "unrestricted" },
      packages: { type: "packages", ...lists },
    };
  }
  const limited = {
    type: "limited",
    allow_mcp_servers: networking.allow_mcp_servers ?? false,
    allow_package_managers: networking.allow_package_managers ?? false,
    allowed_hosts: networking.allowed_hosts ?? [],
  };
  const installs = Object.values(lists).some((list) => (list as readonly unknown[]).length > 0);
  if (installs && !limited.allow_package_managers) {
    throw invalid(
      "config.networking.allow_package_managers: must be true when packages are given.",
    );
  }
  return { type: "cloud", networking: limited, packages: { type: "packages", ...lists } };
}

const MAX_PAIRS = 16;

function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  const pairs = Object.entries(metadata);
  const long = pairs.find(([key, value]) => key.length > 64 || value.length > 512);
  if (long) throw invalid(`metadata: ${long[0].slice(0, 64)} is too long.`, "invalid_metadata");
  if (pairs.length <= MAX_PAIRS) return;
  throw invalid(`metadata: more than ${MAX_PAIRS} pairs.`, "invalid_metadata");
}

const create: Handler = async (exchange) => {
  const { name, metadata = {}, ...given } = await parsedBody(exchange, creation);
  checkMetadata(metadata);
  const created = exchange.workspace.environments.create(name, {
    description: given.description ?? null,
    metadata,
    config: completeConfig(given.config),
  });
  return respond(exchange, created.wire);
};

const update: Handler = async (exchange) => {
  const { environments } = exchange.workspace;
  const given = await parsedBody(exchange, changes);
  const { wire } = environments.find(idAt(exchange, 0));
  // A null or an empty value deletes its key.
  const merged = Object.entries({ ...wire.metadata as WireObject, ...given.metadata });
  const metadata = Object.fromEntries(merged.filter(([, value]) => value)) as Record<
    string,
    string
  >;
  checkMetadata(metadata);
  const changed = {
    metadata,
    ...(given.name != null && { name: given.name }),
    ...(given.description !== undefined && { description: given.description }),
    ...(given.config && { config: completeConfig(given.config) }),
  };
  return respond(exchange, environments.update(idAt(exchange, 0), changed));
};

const list: Handler = (exchange) => {
  const query = queryOf(exchange, "limit", "page", "include_archived");
  const archived = query.flag("include_archived");
  const page = readListPage(exchange.workspace.environments.list, {
    scope: exchange.url.pathname,
    query,
    order: "desc",
    defaultLimit: 20,
    maxLimit: 100,
    filter: ({ wire }) => archived || wire.archived_at === null,
  });
  return respondPage(exchange, page, ({ wire }) => wire);
};

const retrieve: Handler = (exchange) => {
  queryOf(exchange);
  return respond(exchange, exchange.workspace.environments.find(idAt(exchange, 0)).wire);
};

const archive: Handler = (exchange) =>
  respond(exchange, exchange.workspace.environments.archive(idAt(exchange, 0)));

const remove: Handler = (exchange) => {
  const id = idAt(exchange, 0);
  exchange.workspace.environments.delete(id);
  return respond(exchange, { id, type: "environment_deleted" });
};

/** Routes by method and path. */
export const environmentRoutes: Readonly<Record<string, Handler>> = {
  "GET /v1/environments": list,
  "POST /v1/environments": create,
  "GET /v1/environments/*": retrieve,
  "POST /v1/environments/*": update,
  "DELETE /v1/environments/*": remove,
  "POST /v1/environments/*/archive": archive,
};
