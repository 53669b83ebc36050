/**
 * The MCP resources, defined as tools are: by `defineTool`, so that scopes, limits and what a caller
 * may reach are checked in the same place. `tools/list` does not show them.
 *
 * @module
 */

import type { ToolSetName } from "../access/tool_sets.ts";
import type { ToolDefinition } from "./define.ts";
import { agentResource } from "./resource_agent.ts";
import { fileResource } from "./resource_file.ts";
import { agentResources, sessionResources } from "./resource_lists.ts";
import { transcriptResource } from "./resource_transcript.ts";
import type { ResourceKind } from "./resource_uris.ts";

/** A kind of resource that clients can read. */
export interface ResourceDefinition {
  readonly kind: ResourceKind;
  /** Reads it: the arguments are the fields of `Resource`, the result its type and its text. */
  readonly read: ToolDefinition;
  /** MIME type of its contents; absent where each has its own. */
  readonly mimeType?: string;
  /** The sets of tools with any of which it is served. */
  readonly sets: readonly ToolSetName[];
}

/** Every kind of resource, in the order of `resources/templates/list`. */
export const RESOURCES: readonly ResourceDefinition[] = [
  {
    kind: "transcript",
    read: transcriptResource,
    mimeType: "text/markdown",
    sets: ["resources"],
  },
  // What results of the set `files` link to.
  { kind: "file", read: fileResource, sets: ["files", "resources"] },
  { kind: "agent", read: agentResource, mimeType: "application/json", sets: ["resources"] },
];

/** Lists the kinds of resources that are served with some sets of tools. */
export function resourcesOf(sets: readonly ToolSetName[]): readonly ResourceDefinition[] {
  return RESOURCES.filter((resource) => resource.sets.some((name) => sets.includes(name)));
}

/** The parts of `resources/list`: their result has `resources`. */
export const RESOURCE_LISTS: readonly ToolDefinition[] = [sessionResources, agentResources];

/** Lists the parts of `resources/list` that are served with some sets of tools. */
export function resourceListsOf(sets: readonly ToolSetName[]): readonly ToolDefinition[] {
  return sets.includes("resources") ? RESOURCE_LISTS : [];
}
