/**
 * Checks what the key reaches: agents, the environment of new sessions, the allowlist.
 *
 * @module
 */

import type { CallOptions, ManagedAgentsApi } from "../../api/types.ts";
import { readAllPages } from "../../api/pages.ts";
import type { Environment } from "../../api/resources.ts";
import type { DoctorConfig } from "../../config/config.ts";
import { ApiError } from "../../api/errors.ts";
import { type Finding, findings } from "./finding.ts";

type Api = Pick<ManagedAgentsApi, "agents" | "environments">;

/** The settings whose ids are looked up. */
export type WorkspaceSettings = Pick<DoctorConfig, "environmentId" | "allowedAgentIds" | "http">;

/** Most pages and entries that a check looks at, and names. */
const PAGE_LIMIT = 100;
const MAX_PAGES = 5;
const MAX_NAMED = 5;
/** Agents that are looked up at once. */
const MAX_PARALLEL = 10;

const agents = findings("agents");
const environment = findings("environment");
const allowlist = findings("allowlist");

/** Looks at everything that needs an accepted key. */
export async function checkWorkspace(
  api: Api,
  settings: WorkspaceSettings,
  options: CallOptions,
): Promise<Finding[]> {
  return await Promise.all([
    guarded(agents, () => checkAgents(api, options), options),
    guarded(environment, () => checkEnvironment(api, settings, options), options),
    guarded(allowlist, () => checkAllowlist(api, settings, options), options),
  ]);
}

/** A check that the API kept from being made is a failure of its own, and spoils no other. */
async function guarded(
  { fail }: ReturnType<typeof findings>,
  check: () => Promise<Finding>,
  { signal }: CallOptions,
): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof ApiError)) throw error;
    return fail(`The API does not tell: ${error.message}`, "try again in a minute");
  }
}

async function checkAgents(api: Api, options: CallOptions): Promise<Finding> {
  const { data, next_page } = await api.agents.list({ limit: PAGE_LIMIT }, options);
  const count = data.filter(({ archived_at }) => !archived_at).length;
  if (count === 0 && !next_page) {
    return agents.warn("The key's workspace has no agent", "make one in the Claude Console");
  }
  return agents.ok(`${plural(count, "agent")}${next_page ? " or more" : ""} can be listed`);
}

async function checkEnvironment(
  api: Api,
  { environmentId }: WorkspaceSettings,
  options: CallOptions,
): Promise<Finding> {
  const { found, complete } = await readAllPages(
    (page) => api.environments.list({ limit: PAGE_LIMIT, page }, options),
    MAX_PAGES,
  );
  const usable = found.filter(({ archived_at }) => !archived_at);
  const choices = `${named(usable)}${complete ? "" : " and more"}`;
  if (environmentId !== undefined) {
    const known = found.find(({ id }) => id === environmentId);
    if (known && !known.archived_at) return environment.ok(`New sessions run in ${label(known)}`);
    if (!known && !complete) {
      return environment.warn(
        `${environmentId} is not among the first ${found.length} environments`,
        "compare it with the Claude Console",
      );
    }
    const problem = known ? "is archived" : "does not exist in the key's workspace";
    const cure = usable.length === 0 ? "make one in the Claude Console" : `use one of ${choices}`;
    return environment.fail(`The environment ${environmentId} ${problem}`, cure);
  }
  const [only] = usable;
  if (!only) {
    return environment.fail(
      "The key's workspace has no environment, so no session can start",
      "make one in the Claude Console",
    );
  }
  if (usable.length === 1) {
    return environment.ok(`New sessions run in ${label(only)}, the only one`);
  }
  return environment.warn(
    `There are ${usable.length}${complete ? "" : " or more"} environments: ` +
      "every new session has to name its own",
    `set CLAUDE_ENVIRONMENT_ID to one of ${choices}`,
  );
}

async function checkAllowlist(
  api: Api,
  { allowedAgentIds: ids, http }: WorkspaceSettings,
  options: CallOptions,
): Promise<Finding> {
  if (!ids) {
    return http
      ? allowlist.skip("There is none; see what 'settings' says")
      : allowlist.ok("There is none: every agent of the workspace can be reached");
  }
  const missing: string[] = [];
  const archived: string[] = [];
  for (let start = 0; start < ids.length; start += MAX_PARALLEL) {
    await Promise.all(
      ids.slice(start, start + MAX_PARALLEL).map(async (id) => {
        const state = await stateOf(api, id, options);
        if (state === "missing") missing.push(id);
        if (state === "archived") archived.push(id);
      }),
    );
  }
  if (missing.length > 0) {
    return allowlist.fail(
      `${listed(missing)} ${missing.length === 1 ? "does" : "do"} not exist in the key's workspace`,
      "take it out of ALLOWED_AGENT_IDS, or use a key of its workspace",
    );
  }
  if (archived.length > 0) {
    return allowlist.warn(
      `${listed(archived)} ${archived.length === 1 ? "is" : "are"} archived`,
      "take it out of ALLOWED_AGENT_IDS",
    );
  }
  return allowlist.ok(`${plural(ids.length, "agent")} can be reached, no other`);
}

async function stateOf(
  api: Api,
  agentId: string,
  options: CallOptions,
): Promise<"there" | "archived" | "missing"> {
  try {
    const { archived_at } = await api.agents.retrieve(agentId, {}, options);
    return archived_at ? "archived" : "there";
  } catch (error) {
    // An id that is not even one is refused instead of looked up.
    if (error instanceof ApiError && (error.status === 404 || error.status === 400)) {
      return "missing";
    }
    throw error;
  }
}

function label({ id, name }: Environment): string {
  return name ? `${id} (${name})` : id;
}

function named(environments: readonly Environment[]): string {
  return listed(environments.map(label));
}

function listed(words: readonly string[]): string {
  const more = words.length - MAX_NAMED;
  return words.slice(0, MAX_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
