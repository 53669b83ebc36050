/**
 * The scopes that a server's tools and resources need, all together and for one request.
 *
 * @module
 */

import type { Principal } from "../access/principal.ts";
import { type Scope, SCOPES } from "../access/scopes.ts";
import type { ToolSetName } from "../access/tool_sets.ts";
import { isFields } from "../api/read.ts";
import { askAgentTool } from "./ask_agent.ts";
import { listAgents } from "./list_agents.ts";
import { publishedHash } from "./published_name.ts";
import { appTools, toolsOf } from "./registry.ts";
import { resourceAt } from "./resource_uris.ts";
import { resourceListsOf, resourcesOf } from "./resources.ts";

/** What a server has for its callers. */
export interface Served {
  readonly toolSets: readonly ToolSetName[];
  /** True where agents are tools. */
  readonly publishes: boolean;
  /** True where a wait may ask a person to decide, who then needs the scope `actions`. */
  readonly asksPeople: boolean;
  /** True where people may answer tool calls in the session view. */
  readonly viewActions: boolean;
}

/** Lists the scopes that somebody needs who uses everything that the server has. */
export function scopesNeeded(served: Served): readonly Scope[] {
  const { toolSets, publishes, asksPeople } = served;
  const waits = toolsOf(toolSets).some(({ kind }) => kind === "wait") || publishes;
  const needed = new Set<Scope>([
    ...[...toolsOf(toolSets), ...viewToolsOf(served), ...resourceListsOf(toolSets)]
      .map(({ scope }) => scope),
    ...resourcesOf(toolSets).map(({ read }) => read.scope),
    ...publishes ? [askAgentTool.scope] : [],
    ...asksPeople && waits ? ["actions" as const] : [],
  ]);
  return SCOPES.filter((scope) => needed.has(scope));
}

/**
 * Returns the scope that a request needs beside those that its caller has, and that a new sign-in may
 * bring; undefined for every other request, also for one that the caller may not make at all.
 */
export function missingScope(
  message: unknown,
  served: Served,
  principal: Principal,
): Scope | undefined {
  const { missingScopes = [], tools } = principal;
  if (missingScopes.length === 0 || !isFields(message) || !isFields(message.params)) {
    return undefined;
  }
  const toolSets = served.toolSets.filter((name) => tools?.includes(name) ?? true);
  const publishes = served.publishes && (tools?.includes("ask") ?? true);
  const { name, uri } = message.params;
  const scope = message.method === "tools/call" && typeof name === "string"
    ? scopeOfTool(name, { ...served, toolSets, publishes }, principal)
    : message.method === "resources/read" && typeof uri === "string"
    ? scopeOfResource(uri, toolSets)
    : undefined;
  return scope && missingScopes.includes(scope) ? scope : undefined;
}

function scopeOfTool(name: string, served: Served, { agent }: Principal): Scope | undefined {
  if (served.publishes && publishedHash(name) !== undefined) return askAgentTool.scope;
  const tools = [...toolsOf(served.toolSets), ...viewToolsOf(served)];
  // A caller with one agent has no list to choose from.
  const found = tools.find((tool) => tool.name === name);
  return found === listAgents && agent !== undefined ? undefined : found?.scope;
}

function scopeOfResource(uri: string, toolSets: readonly ToolSetName[]): Scope | undefined {
  const kind = resourceAt(uri)?.kind;
  return resourcesOf(toolSets).find((resource) => resource.kind === kind)?.read.scope;
}

/** Lists the tools of the session view, where it is shown beside results of others. */
function viewToolsOf(served: Served) {
  const isShown = served.publishes || toolsOf(served.toolSets).some(({ view }) => view === "shown");
  return isShown ? appTools(served) : [];
}
