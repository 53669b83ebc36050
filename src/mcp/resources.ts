/**
 * The MCP requests about resources: lists, templates, reading. Each goes through the same boundary
 * as the call of a tool.
 *
 * @module
 */

import {
  type CallToolResult,
  type InputRequiredResult,
  isSpecType,
  type ListResourcesResult,
  type ListResourceTemplatesResult,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  ResourceNotFoundError,
} from "@modelcontextprotocol/server";
import { isUnknownId } from "../access/policy.ts";
import { hasScope } from "../access/scopes.ts";
import { isFields } from "../api/read.ts";
import { ToolError } from "../core/errors.ts";
import type { ToolCall, ToolDefinition } from "../tools/define.ts";
import { RESOURCE_TEMPLATES, resourceAt } from "../tools/resource_uris.ts";
import type { ResourceDefinition } from "../tools/resources.ts";
import { runTool } from "./boundary.ts";
import type { CallWatch } from "./call_report.ts";

/** Returns the result of `resources/templates/list`. */
export function templateList(
  resources: readonly ResourceDefinition[],
): ListResourceTemplatesResult {
  return {
    resourceTemplates: resources.map(({ kind, mimeType, read: { title, description } }) => ({
      uriTemplate: RESOURCE_TEMPLATES[kind],
      name: kind,
      title,
      description,
      ...(mimeType !== undefined && { mimeType }),
    })),
  };
}

/**
 * Serves `resources/list`: the newest sessions and the agents, as far as the caller has the scopes.
 * Others can be read by their URI.
 *
 * @param lists the parts that the caller sees
 * @throws `ProtocolError`
 */
export async function listResources(
  lists: readonly ToolDefinition[],
  call: ToolCall,
  watch?: CallWatch,
): Promise<ListResourcesResult> {
  const all: ListResourcesResult["resources"] = [];
  // One after another: a caller may be held to one call at a time.
  for (const list of lists) {
    if (!hasScope(call.principal, list.scope)) continue;
    const { result, text, failure } = await runTool(list, {}, call, watch);
    if (failure) throw new ProtocolError(ProtocolErrorCode.InternalError, text);
    const { resources } = isFields(result.structuredContent) ? result.structuredContent : {};
    all.push(...(Array.isArray(resources) ? resources : []).filter(isSpecType.Resource));
  }
  return { resources: all };
}

/**
 * Serves `resources/read`.
 *
 * @param resources the kinds of resources that the caller sees
 * @throws `ProtocolError`; `ResourceNotFoundError`, the same for every URI that names nothing, or
 * nothing that the caller may reach
 */
export async function readResource(
  uri: string,
  resources: readonly ResourceDefinition[],
  call: ToolCall,
  watch?: CallWatch,
): Promise<ReadResourceResult> {
  const { kind, ...args } = resourceAt(uri) ?? {};
  const definition = resources.find((resource) => resource.kind === kind);
  if (!definition) throw notFound(uri);
  const { result, text, failure } = await runTool(definition.read, args, call, watch);
  if (failure) throw protocolErrorOf(failure.error, uri, text);
  return { contents: contentsOf(result, uri) };
}

function notFound(uri: string): ResourceNotFoundError {
  return new ResourceNotFoundError(
    uri,
    "That resource does not exist or is not available through this server. " +
      "resources/templates/list says how its URIs are made.",
  );
}

/** Codes of errors about what was asked for. */
const ABOUT_PARAMS: ReadonlySet<string> = new Set(["invalid_argument", "file_too_large"]);

function protocolErrorOf(error: unknown, uri: string, text: string): ProtocolError {
  const code = error instanceof ToolError ? error.code : undefined;
  if (code === "not_available" || isUnknownId(error)) return notFound(uri);
  return new ProtocolError(
    ABOUT_PARAMS.has(code ?? "")
      ? ProtocolErrorCode.InvalidParams
      : ProtocolErrorCode.InternalError,
    text,
  );
}

/** Makes a resource's contents: its text from the fields of the result, its bytes from a block. */
function contentsOf(
  result: CallToolResult | InputRequiredResult,
  uri: string,
): ReadResourceResult["contents"] {
  const { structuredContent: fields, content } = result;
  if (isFields(fields) && typeof fields.text === "string") {
    return [{ uri, mimeType: String(fields.mime_type), text: fields.text }];
  }
  return (Array.isArray(content) ? content : []).flatMap((block) =>
    block.type === "resource" ? [{ ...block.resource, uri }] : []
  );
}
