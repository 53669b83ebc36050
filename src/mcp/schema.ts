/**
 * Makes the tool schemas of `tools/list`, as short as possible: every conversation pays for every
 * character.
 *
 * @module
 */

import type { ListToolsResult } from "@modelcontextprotocol/server";
import * as z from "zod";
import type { ToolDefinition } from "../tools/define.ts";
import { viewMeta } from "./session_view.ts";

/**
 * Returns the result of `tools/list` for the tools of a server.
 *
 * @param showsView true for a client that shows the session view: then each tool says its part in it
 */
export function toolList(tools: Iterable<ToolDefinition>, showsView = false): ListToolsResult {
  return { tools: [...tools].map((tool) => listed(tool, showsView)) };
}

function listed(tool: ToolDefinition, showsView: boolean): ListToolsResult["tools"][number] {
  const meta = { ...tool.meta, ...(showsView && viewMeta(tool)) };
  return {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: { ...inputJsonSchema(tool), type: "object" },
    annotations: tool.annotations,
    // Of agents that are tools there may be many, and no model calls what is the view's alone: only
    // what their callers need is said.
    ...(!tool.binding?.shown && tool.view !== "app_only" &&
      { outputSchema: { ...outputJsonSchema(tool), type: "object" as const } }),
    ...(!isEmpty(meta) && { _meta: meta }),
  };
}

/** A JSON Schema, draft 2020-12, with an object at its root. */
export type JsonSchema = Record<string, unknown>;

type Keep = (keyword: string, value: unknown) => boolean;

/**
 * Constraints that models keep without being told, such as a limit of at least 1. The tool checks
 * them all the same, and its errors say which values it takes.
 */
const LEFT_OUT: readonly string[] = [
  "pattern",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "minimum",
];

/**
 * Returns the schema of the tool's arguments, without those that hosts add. Of constraints, it tells
 * types, fixed words and the greatest numbers.
 */
export function inputJsonSchema(tool: ToolDefinition): JsonSchema {
  const isBrief = tool.binding?.shown !== undefined || tool.view === "app_only";
  return compact(z.toJSONSchema(tool.input, { io: "input" }), (keyword, value) => {
    if (isBrief && keyword === "description") return false;
    if (keyword === "maximum") return value !== Number.MAX_SAFE_INTEGER;
    return !LEFT_OUT.includes(keyword);
  });
}

/**
 * Returns the schema of the tool's result. The result may get fields that older hosts do not know,
 * which JSON Schema allows by default.
 */
export function outputJsonSchema(tool: ToolDefinition): JsonSchema {
  const keep: Keep = (keyword) => keyword !== "additionalProperties";
  return compact(z.toJSONSchema(tool.output, { io: "output" }), keep);
}

/**
 * Returns false for fields that only repeat a default: the protocol's dialect, that keys are texts, or
 * an object without named properties.
 */
function saysSomething(name: string, field: unknown): boolean {
  // JSON has no keys but texts; the length of those the tool checks.
  if (name === "$schema" || name === "propertyNames") return false;
  return !(name === "properties" && isEmpty(field));
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function compact(schema: JsonSchema, keep: Keep): JsonSchema {
  const walk = (value: unknown, isSchema: boolean): unknown => {
    if (Array.isArray(value)) return value.map((item) => walk(item, isSchema));
    if (typeof value !== "object" || value === null) return value;
    return walkObject(value, isSchema);
  };
  const walkObject = (value: object, isSchema: boolean): JsonSchema => {
    const entries = Object.entries(value)
      .filter(([name, field]) => !isSchema || (saysSomething(name, field) && keep(name, field)));
    // Names below `properties` are the tool's own, not JSON Schema's.
    return Object.fromEntries(
      entries.map(([name, field]) => [name, walk(field, !(isSchema && name === "properties"))]),
    );
  };
  return walkObject(schema, true);
}
