/**
 * Checks a call's arguments, and says of wrong ones what would be accepted.
 *
 * @module
 */

import * as z from "zod";
import { EVENT_ID } from "../api/read.ts";
import { looksLike, wordsOf } from "../core/suggest.ts";
import { ToolError } from "../core/errors.ts";
import { firstChars } from "../core/text.ts";

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

/** The arguments of a call. */
export interface ParsedArguments<I extends z.ZodObject> {
  /** As the schema parses them. */
  readonly values: z.output<I>;
  /** Names of what was given and is no argument of the tool, at most {@linkcode MAX_NAMED}. */
  readonly ignored: readonly string[];
}

/**
 * Parses the arguments of a call, as hosts fill them in: for an optional argument null, "" and an
 * empty list are absent, and so is "null" where no free text is wanted; a number may come in
 * quotes, and a list of texts as one text. What is no argument is ignored, since hosts add some of
 * their own to every call, unless it looks like one that is missing.
 *
 * @throws `ToolError` `invalid_argument` that names each wrong argument and what it accepts
 */
export function parseArguments<I extends z.ZodObject>(
  schema: I,
  args: unknown,
): ParsedArguments<I> {
  const given = args ?? {};
  if (typeof given !== "object" || Array.isArray(given)) {
    throw invalid([`The arguments must be an object: ${takes(schema)}`]);
  }
  const properties = propertiesOf(schema);
  const [known, unknown] = partition(
    Object.entries(given),
    ([name]) => Object.hasOwn(properties, name),
  );
  const filled = known.flatMap(([name, value]) => {
    const property = properties[name];
    return property && isAbsent(property, value) ? [] : [[name, plain(property, value)] as const];
  });
  const parsed = schema.safeParse(Object.fromEntries(filled));
  const present = filled.map(([name]) => name);
  const misspelt = unknown.slice(0, MAX_COMPARED).flatMap(([name]) => {
    // Beside a real argument its look-alike is the host's own, such as its `sessionId`.
    if (present.some((real) => isMeantBy(name, real))) return [];
    const meant = Object.keys(properties).find((real) => isMeantBy(name, real));
    return meant === undefined ? [] : [`Unknown argument ${quoted(name)}: did you mean ${meant}?`];
  });
  const ignored = namesOf(unknown);
  if (parsed.success && misspelt.length === 0) return { values: parsed.data, ignored };
  const wrong = parsed.error?.issues.map((issue) => problem(schema, filled, issue)) ?? [];
  // What was ignored may be what is missing.
  const others = misspelt.length === 0 && ignored.length > 0
    ? [`Unknown argument ${ignored.map(quoted).join(", ")}: ${takes(schema)}`]
    : misspelt.slice(0, MAX_NAMED);
  throw invalid([...wrong, ...others]);
}

function invalid(problems: readonly string[]): ToolError {
  const text = [...new Set(problems)].join("; ");
  return new ToolError("invalid_argument", text.endsWith("?") ? text : `${text}.`);
}

/** Unknown names that are named, and how much of each. */
const MAX_NAMED = 5;
const MAX_NAME_CHARS = 60;
/** Unknown names that are compared with the real ones; honest hosts add one or two. */
const MAX_COMPARED = 50;

function namesOf(entries: readonly (readonly [name: string, value: unknown])[]): string[] {
  return entries.slice(0, MAX_NAMED).map(([name]) => firstChars(name, MAX_NAME_CHARS));
}

function quoted(name: string): string {
  return JSON.stringify(firstChars(name, MAX_NAME_CHARS));
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}

interface Property extends PropertySchema {
  readonly optional: boolean;
  /** True for a text of the model's own: neither one of fixed words nor an id or cursor. */
  readonly isText: boolean;
}

const PROPERTIES = new WeakMap<z.ZodObject, Readonly<Record<string, Property>>>();

function propertiesOf(schema: z.ZodObject): Readonly<Record<string, Property>> {
  const known = PROPERTIES.get(schema);
  if (known) return known;
  const properties = Object.fromEntries(
    Object.entries(schema.shape).map(([name, field]) => {
      const property = propertySchema(field);
      const isText = property.type === "string" && !property.enum && !/(id|cursor)$/.test(name);
      return [name, { ...property, optional: z.safeParse(field, undefined).success, isText }];
    }),
  );
  PROPERTIES.set(schema, properties);
  return properties;
}

/** Words that models write where they have nothing to give. */
const NOTHING = /^\s*(null|undefined|none|nil)?\s*$/i;

/** Takes null as absent for a required argument too: it is then missing, not of a wrong type. */
function isAbsent({ optional, isText }: Property, value: unknown): boolean {
  if (value === null || value === undefined) return true;
  // A text may say "null".
  if (optional && !isText && typeof value === "string" && NOTHING.test(value)) return true;
  return optional && (value === "" || (Array.isArray(value) && value.length === 0));
}

function plain(property: Property | undefined, value: unknown): unknown {
  if (property?.type === "array") return listOf(value);
  const isNumber = property?.type === "integer" || property?.type === "number";
  if (!isNumber || typeof value !== "string") return value;
  return /^\s*[+-]?\d{1,15}(\.\d{1,15})?\s*$/.test(value) ? Number(value) : value;
}

/** Lists are of texts: one text is a list of one, or of several with commas, or a list that was written as JSON. */
function listOf(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    const parsed: unknown = JSON.parse(value);
    if (Array.isArray(parsed)) return parsed;
  } catch {
    // No JSON.
  }
  return value.split(",").map((item) => item.trim()).filter(Boolean);
}

/** Names that results and other tools have for the same thing. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ["last_event_id", "after_id"],
  ["text", "message"],
  ["message", "text"],
]);

function isMeantBy(name: string, real: string): boolean {
  if (name.length > MAX_NAME_CHARS) return false;
  return OTHER_NAMES.get(wordsOf(name).join("_")) === real || looksLike(name, real);
}

function takes(schema: z.ZodObject): string {
  const names = Object.keys(schema.shape);
  return names.length > 0 ? `this tool takes ${names.join(", ")}` : "this tool takes none";
}

function problem(
  schema: z.ZodObject,
  given: readonly (readonly [name: string, value: unknown])[],
  issue: z.core.$ZodIssue,
): string {
  const [name] = issue.path;
  const field = typeof name === "string" ? schema.shape[name] : undefined;
  const accepted = field ? acceptedValues(field) : "something else";
  const isGiven = given.some(([other]) => other === name);
  return isGiven
    ? `${String(name)} must be ${accepted}`
    : `${String(name)} is required: ${accepted}`;
}

function propertySchema(field: z.core.$ZodType): PropertySchema {
  return z.toJSONSchema(field, { io: "input", unrepresentable: "any" });
}

function acceptedValues(field: z.core.$ZodType): string {
  const schema = propertySchema(field);
  if (schema.enum) return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(", ")}`;
  switch (schema.type) {
    case "integer":
      return schema.maximum === undefined || schema.maximum >= Number.MAX_SAFE_INTEGER
        ? `an integer of at least ${schema.minimum}`
        : `an integer from ${schema.minimum} to ${schema.maximum}`;
    case "array":
      return `a list of at most ${schema.maxItems} event types, such as ["agent.message"]`;
    case "string":
      if (schema.pattern === undefined) return lengthOf(schema);
      return schema.pattern === EVENT_ID.source
        ? "an event id of 1 to 128 printable characters without spaces"
        : "an id of 1 to 128 letters, digits, _ or -";
    default:
      return typeof schema.type === "string" ? `a ${schema.type}` : "a different value";
  }
}

function lengthOf({ minLength = 0, maxLength }: PropertySchema): string {
  return maxLength === undefined
    ? `a text of ${minLength} or more characters`
    : `a text of ${minLength} to ${maxLength} characters`;
}
