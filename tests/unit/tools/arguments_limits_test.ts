import { assert, assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import { ToolError } from "../../../src/core/errors.ts";
import { parseArguments } from "../../../src/tools/arguments.ts";
import { TOOLS, VIEW_TOOLS } from "../../../src/tools/registry.ts";

type Schema = z.core.JSONSchema.BaseSchema;

/** Texts of which each pattern of an argument takes one. */
const SAMPLES = ["abc", "agent.message", "https://example.com/x", "2026-11-25"];

/** Returns a value that the schema takes. */
function valid(schema: Schema): unknown {
  if (schema.enum) return schema.enum[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.type === "integer" || schema.type === "number") return schema.minimum ?? 1;
  if (schema.type === "boolean") return true;
  if (schema.type === "array") {
    return Array.from({ length: Math.max(1, schema.minItems ?? 1) }, () => itemOf(schema));
  }
  if (schema.type === "object") return validObject(schema);
  const { pattern = "" } = schema;
  return SAMPLES.find((text) => new RegExp(pattern).test(text));
}

function itemOf({ items }: Schema): unknown {
  return valid(Object(items));
}

function validObject({ properties = {}, required = [] }: Schema): Record<string, unknown> {
  return Object.fromEntries(required.map((name) => [name, valid(Object(properties[name]))]));
}

/** Returns values just beyond each limit of the schema, by the limit's name. */
function beyond(schema: Schema): (readonly [string, unknown])[] {
  const { type, pattern, minimum, maximum, maxLength, maxItems } = schema;
  return [
    ...type === "array" && maxItems !== undefined
      ? [["maxItems", Array.from({ length: maxItems + 1 }, () => itemOf(schema))] as const]
      : [],
    ...type === "string" && pattern !== undefined ? [["pattern", "\u0000 \u0000"] as const] : [],
    ...type === "string" && maxLength !== undefined
      ? [["maxLength", `${valid(schema)}${"x".repeat(maxLength)}`] as const]
      : [],
    ...minimum !== undefined && minimum > -Number.MAX_SAFE_INTEGER
      ? [["minimum", minimum - 1] as const]
      : [],
    ...maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
      ? [["maximum", maximum + 1] as const]
      : [],
  ];
}

// tools/list names only few of the limits.
Deno.test("every tool checks every limit of its arguments, and says which values it takes", () => {
  const checked = new Map<string, number>();
  for (const tool of [...TOOLS, ...VIEW_TOOLS]) {
    const schema: Schema = z.toJSONSchema(tool.input, { io: "input", unrepresentable: "any" });
    const filled = validObject(schema);
    parseArguments(tool.input, filled);
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      for (const [limit, value] of beyond(Object(property))) {
        checked.set(limit, (checked.get(limit) ?? 0) + 1);
        const error = assertThrows(
          () => parseArguments(tool.input, { ...filled, [name]: value }),
          ToolError,
          `${name} must be `,
        );
        assertEquals(error.code, "invalid_argument");
        // The error has the limit in it, and no value that might be long or secret.
        const bound = Object(property)[limit];
        if (typeof bound === "number") assert(error.message.includes(String(bound)), error.message);
        assert(error.message.length < 600, error.message);
      }
    }
  }
  // A limit that was lost shows nowhere else.
  assertEquals(Object.fromEntries(checked), {
    maxItems: 15,
    maxLength: 15,
    maximum: 10,
    minimum: 14,
    pattern: 31,
  });
});
