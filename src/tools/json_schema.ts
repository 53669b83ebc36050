/**
 * Tool schemas as `tools/list` carries them.
 *
 * @module
 */

import { z } from "zod";
import type { ToolDefinition } from "./define.ts";

/** A JSON Schema, draft 2020-12, with an object at its root. */
export type JsonSchema = Record<string, unknown>;

/** The schema of the tool's arguments; other arguments are refused. */
export function inputJsonSchema(tool: ToolDefinition): JsonSchema {
  return compact(z.toJSONSchema(tool.input, { io: "input" }), false);
}

/** The schema of the tool's result; results may grow fields that older hosts do not know. */
export function outputJsonSchema(tool: ToolDefinition): JsonSchema {
  return compact(z.toJSONSchema(tool.output, { io: "output" }), true);
}

// Every host pays for every character of tools/list: the dialect is the protocol's default, and
// "anything else is allowed" is JSON Schema's.
function compact(schema: JsonSchema, open: boolean): JsonSchema {
  const dropped = new Set(open ? ["$schema", "additionalProperties"] : ["$schema"]);
  const walk = (value: unknown, isSchema: boolean): unknown => {
    if (Array.isArray(value)) return value.map((item) => walk(item, isSchema));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).filter(([name, field]) =>
      !isSchema || !(dropped.has(name) || (name === "maximum" && field === Number.MAX_SAFE_INTEGER))
    );
    // Below `properties` names are the result's own, not JSON Schema's.
    return Object.fromEntries(
      entries.map(([name, field]) => [name, walk(field, !(isSchema && name === "properties"))]),
    );
  };
  return Object.fromEntries(
    Object.entries(schema).filter(([name]) => !dropped.has(name))
      .map(([name, field]) => [name, walk(field, name !== "properties")]),
  );
}
