/**
 * Checking a call's arguments, in words that say what would be accepted.
 *
 * @module
 */

import * as z from "zod";
import { ToolError } from "../core/errors.ts";

interface PropertySchema {
  readonly type?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly maxItems?: number;
}

/**
 * @returns the arguments as `schema` parses them
 * @throws `ToolError` `invalid_argument` that names each wrong argument and what it accepts
 */
export function parseArguments<I extends z.ZodObject>(schema: I, args: unknown): z.output<I> {
  const parsed = schema.safeParse(args ?? {});
  if (parsed.success) return parsed.data;
  const problems = [...new Set(parsed.error.issues.map((issue) => problem(schema, args, issue)))];
  throw new ToolError("invalid_argument", `${problems.join("; ")}.`);
}

function problem(schema: z.ZodObject, args: unknown, issue: z.core.$ZodIssue): string {
  const names = Object.keys(schema.shape);
  const takes = names.length > 0 ? `this tool takes ${names.join(", ")}` : "this tool takes none";
  if (issue.code === "unrecognized_keys") {
    const unknown = issue.keys.slice(0, 5).map((key) => JSON.stringify(key.slice(0, 60)));
    return `Unknown argument ${unknown.join(", ")}: ${takes}`;
  }
  const [name] = issue.path;
  if (typeof name !== "string") return `The arguments must be an object: ${takes}`;
  const field = schema.shape[name];
  const accepted = field ? acceptedValues(field) : "something else";
  const given = typeof args === "object" && args !== null && Object.hasOwn(args, name);
  return given ? `${name} must be ${accepted}` : `${name} is required: ${accepted}`;
}

function acceptedValues(field: z.core.$ZodType): string {
  const schema: PropertySchema = z.toJSONSchema(field, { io: "input", unrepresentable: "any" });
  if (schema.enum) return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(", ")}`;
  switch (schema.type) {
    case "integer":
      return schema.maximum === undefined || schema.maximum >= Number.MAX_SAFE_INTEGER
        ? `an integer of at least ${schema.minimum}`
        : `an integer from ${schema.minimum} to ${schema.maximum}`;
    case "array":
      return `a list of at most ${schema.maxItems} event types, such as ["agent.message"]`;
    case "string":
      return schema.pattern ? "an id of 1 to 128 letters, digits, _ or -" : lengthOf(schema);
    default:
      return typeof schema.type === "string" ? `a ${schema.type}` : "a different value";
  }
}

function lengthOf({ minLength = 0, maxLength }: PropertySchema): string {
  return maxLength === undefined
    ? `a text of ${minLength} or more characters`
    : `a text of ${minLength} to ${maxLength} characters`;
}
