/**
 * Checks a call's arguments; errors say which values are accepted.
 *
 * @module
 */

import * as z from "zod";
import { EVENT_ID } from "../api/read.ts";
import { looksLike, wordsOf } from "../core/suggest.ts";
import { ToolError } from "../core/errors.ts";
import { ID } from "../core/ids.ts";
import { firstChars } from "../core/text.ts";
import { EVENT_TYPE } from "./ids.ts";

interface PropertySchema {
  readonly type?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: unknown;
  readonly additionalProperties?: unknown;
}

/** The arguments of a call. */
export interface ParsedArguments<I extends z.ZodObject> {
  /** Values as the schema parses them. */
  readonly values: z.output<I>;
  /** Names of given fields that are no arguments of the tool, at most {@linkcode MAX_NAMED}. */
  readonly ignored: readonly string[];
}

/** What a caller does not choose of a tool's arguments. */
export interface Preset {
  /** Values of arguments that the caller neither sees nor gives. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The only arguments that the caller may give; every other one when absent. */
  readonly offered?: readonly string[];
}

/**
 * Parses the arguments of a call as hosts fill them in. For an optional argument null, "" and an
 * empty list count as absent, and so does "null" where no free text is wanted; a number, true and
 * false may be in quotes, a list of texts one text, and an object JSON, of which a cursor counts as
 * absent as an argument does. Unknown fields are ignored,
 * since hosts add some of their own to every call, unless their name looks like that of a missing
 * argument.
 *
 * @throws `ToolError` `invalid_argument` that names each wrong argument and the values it accepts
 */
export function parseArguments<I extends z.ZodObject>(
  schema: I,
  args: unknown,
  preset?: Preset,
): ParsedArguments<I> {
  const given = args ?? {};
  const properties = preset ? offeredOf(propertiesOf(schema), preset) : propertiesOf(schema);
  if (typeof given !== "object" || Array.isArray(given)) {
    throw invalid([`The arguments must be an object: ${takes(properties)}`]);
  }
  const filled: Record<string, unknown> = { ...preset?.values };
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    if (preset && name in preset.values) continue;
    const property = properties.get(name);
    if (!property) unknown.push(name);
    else if (!isAbsent(property, value)) filled[name] = plain(property, value);
  }
  const parsed = schema.safeParse(filled);
  if (parsed.success && unknown.length === 0) return { values: parsed.data, ignored: [] };
  const misspelt = new Map(
    unknown.slice(0, MAX_COMPARED).flatMap((name) => {
      // Beside a real argument, a similar name is the host's own, such as its `sessionId`.
      if (Object.keys(filled).some((real) => isMeantBy(name, real))) return [];
      const meant = [...properties.keys()].find((real) => isMeantBy(name, real));
      return meant === undefined ? [] : [[name, meant]];
    }),
  );
  const namesOf = (names: readonly string[]) =>
    names.slice(0, MAX_NAMED).map((name) => firstChars(name, MAX_NAME_CHARS));
  if (parsed.success && misspelt.size === 0) {
    return { values: parsed.data, ignored: namesOf(unknown) };
  }
  const wrong = parsed.error?.issues.map((issue) => problem(schema, filled, issue)) ?? [];
  // Beside a wrong argument, an ignored one may have been meant.
  const others = wrong.length > 0 ? namesOf(unknown.filter((name) => !misspelt.has(name))) : [];
  if (others.length > 0) {
    wrong.push(`Unknown argument ${others.map(quoted).join(", ")}: ${takes(properties)}`);
  }
  const guesses = [...misspelt].slice(0, MAX_NAMED)
    .map(([name, meant]) => `Unknown argument ${quoted(name)}: did you mean ${meant}?`);
  throw invalid([...wrong, ...guesses]);
}

function invalid(problems: readonly string[]): ToolError {
  const text = [...new Set(problems)].join("; ");
  return new ToolError("invalid_argument", text.endsWith("?") ? text : `${text}.`);
}

/** Most unknown names in a message, and the longest part of each. */
const MAX_NAMED = 5;
const MAX_NAME_CHARS = 60;
/** Most unknown names that are compared with the real ones; honest hosts add one or two. */
const MAX_COMPARED = 50;

function quoted(name: string): string {
  return JSON.stringify(firstChars(name, MAX_NAME_CHARS));
}

interface Property extends PropertySchema {
  readonly optional: boolean;
  /** True for a free text, or a list of some: neither one of fixed words nor an id or cursor. */
  readonly isText: boolean;
  /** True for an object of cursors, of which each may be absent. */
  readonly isOfCursors: boolean;
}

const PROPERTIES = new WeakMap<z.ZodObject, ReadonlyMap<string, Property>>();

function propertiesOf(schema: z.ZodObject): ReadonlyMap<string, Property> {
  const known = PROPERTIES.get(schema);
  if (known) return known;
  const properties = new Map(
    Object.entries(schema.shape).map(([name, field]) => {
      const property = propertySchema(field);
      const isText = !/(id|cursor)$/.test(name) && isFreeText(property);
      const optional = z.safeParse(field, undefined).success;
      const isOfCursors = property.type === "object" && name.endsWith("_ids");
      return [name, { ...property, optional, isText, isOfCursors }] as const;
    }),
  );
  PROPERTIES.set(schema, properties);
  return properties;
}

function isFreeText(schema: PropertySchema): boolean {
  if (schema.type === "array") return isFreeText(Object(schema.items));
  return schema.type === "string" && !schema.enum && schema.pattern === undefined;
}

/** Words that models write for a missing value. */
const NOTHING = /^\s*(null|undefined|none|nil)?\s*$/i;

/**
 * Returns true for a value that counts as absent. Null does for a required argument too, which is
 * then missing rather than of a wrong type.
 */
function isAbsent({ optional, isText }: Property, value: unknown): boolean {
  if (value === null || value === undefined) return true;
  // A free text may say "null".
  if (optional && !isText && typeof value === "string" && NOTHING.test(value)) return true;
  return optional && (value === "" || (Array.isArray(value) && value.length === 0));
}

function plain({ type, isText, isOfCursors }: Property, value: unknown): unknown {
  if (type === "array") return isText ? textsOf(value) : listOf(value);
  if (type === "object") {
    const object = typeof value === "string" ? jsonObjectIn(value) : value;
    return isOfCursors ? withoutNothing(object) : object;
  }
  if (type === "boolean" && typeof value === "string") return booleanOf(value);
  const isNumber = type === "integer" || type === "number";
  if (!isNumber || typeof value !== "string") return value;
  return /^\s*[+-]?\d{1,15}(\.\d{1,15})?\s*$/.test(value) ? Number(value) : value;
}

/** Reads an object that was written as JSON; any other text stays as it is, and is refused. */
function jsonObjectIn(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" ? parsed : text;
  } catch {
    return text;
  }
}

/** Leaves out the cursors that hosts fill in for what has none. */
function withoutNothing(object: unknown): unknown {
  if (typeof object !== "object" || object === null || Array.isArray(object)) return object;
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) =>
      value !== null && !(typeof value === "string" && NOTHING.test(value))
    ),
  );
}

function booleanOf(text: string): unknown {
  const word = text.trim().toLowerCase();
  if (word === "true") return true;
  return word === "false" ? false : text;
}

/**
 * Makes a list of a text: a list of one, of several with commas, or a list that was written as
 * JSON.
 */
function listOf(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    const parsed: unknown = JSON.parse(value);
    if (Array.isArray(parsed)) return parsed;
  } catch {
    // Not JSON.
  }
  return value.split(",").map((item) => item.trim()).filter(Boolean);
}

/** Makes a list of a free text, which may have commas, or of a list of texts written as JSON. */
function textsOf(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    const parsed: unknown = JSON.parse(value);
    if (Array.isArray(parsed) && parsed.every((item) => typeof item === "string")) return parsed;
  } catch {
    // Not JSON.
  }
  return [value];
}

/** Names of arguments in results and in other tools for the same thing. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ["last_event_id", "after_id"],
  ["text", "message"],
  ["message", "text"],
  ["name", "tool_name"],
  ["reason", "deny_message"],
  ["budget", "max_cost_usd"],
  ["max_budget_usd", "max_cost_usd"],
]);

/** What hosts add beside the arguments of any tool, by MCP's own name for it. */
const META = "_meta";

function isMeantBy(name: string, real: string): boolean {
  if (name.length > MAX_NAME_CHARS || name === META) return false;
  return OTHER_NAMES.get(wordsOf(name).join("_")) === real || looksLike(name, real);
}

/** Returns the arguments that a caller may give. */
function offeredOf(
  properties: ReadonlyMap<string, Property>,
  { values, offered }: Preset,
): ReadonlyMap<string, Property> {
  const isOffered = (name: string) => !(name in values) && (offered?.includes(name) ?? true);
  return new Map([...properties].filter(([name]) => isOffered(name)));
}

function takes(properties: ReadonlyMap<string, Property>): string {
  const names = [...properties.keys()];
  return names.length > 0 ? `this tool takes ${names.join(", ")}` : "this tool takes none";
}

function problem(
  schema: z.ZodObject,
  given: Readonly<Record<string, unknown>>,
  issue: z.core.$ZodIssue,
): string {
  const [name] = issue.path;
  const field = typeof name === "string" ? schema.shape[name] : undefined;
  const accepted = field ? acceptedValues(field) : "something else";
  return Object.hasOwn(given, name ?? "")
    ? `${String(name)} must be ${accepted}`
    : `${String(name)} is required: ${accepted}`;
}

function propertySchema(field: z.core.$ZodType): PropertySchema {
  return z.toJSONSchema(field, { io: "input", unrepresentable: "any" });
}

function acceptedValues(field: z.core.$ZodType): string {
  return accepted(propertySchema(field));
}

function accepted(schema: PropertySchema): string {
  if (schema.enum) return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(", ")}`;
  switch (schema.type) {
    case "integer":
      return schema.maximum === undefined || schema.maximum >= Number.MAX_SAFE_INTEGER
        ? `an integer of at least ${schema.minimum}`
        : `an integer from ${schema.minimum} to ${schema.maximum}`;
    case "number":
      return schema.minimum === undefined ? "a number" : `a number of at least ${schema.minimum}`;
    case "object":
      return `an object whose values are ${valuesOf(Object(schema.additionalProperties))}`;
    case "array": {
      const { minItems, maxItems } = schema;
      const least = minItems === undefined ? "at most" : `${minItems} to`;
      const limit = maxItems === undefined ? "" : ` of ${least} ${maxItems}`;
      return `a list${limit}, each ${accepted(Object(schema.items))}`;
    }
    case "string":
      return schema.pattern === undefined
        ? lengthOf(schema)
        : PATTERNS.get(schema.pattern) ?? `a text like ${schema.pattern}`;
    default:
      return typeof schema.type === "string" ? `a ${schema.type}` : "a different value";
  }
}

function valuesOf(schema: PropertySchema): string {
  return schema.pattern === undefined ? "texts" : `each ${accepted(schema)}`;
}

/** Matches an address that anybody's servers can read. */
export const HTTPS_URL = /^https:\/\/[^\s/?#]\S*$/i;

/** Matches a date, or an RFC 3339 time; the month and the day need not exist. */
export const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))?$/;

/** Words for the patterns in the schemas of arguments. */
const PATTERNS: ReadonlyMap<string, string> = new Map([
  [ID.source, "an id of 1 to 128 letters, digits, _ or -"],
  [EVENT_ID.source, "an event id of 1 to 128 printable characters without spaces"],
  [EVENT_TYPE.source, 'an event type such as "agent.message"'],
  [TIME.source, "a date such as 2026-11-25, or a time such as 2026-11-25T09:00:00Z"],
  [HTTPS_URL.source, "an https:// address of at most 2048 characters"],
]);

function lengthOf({ minLength = 0, maxLength }: PropertySchema): string {
  return maxLength === undefined
    ? `a text of ${minLength} or more characters`
    : `a text of ${minLength} to ${maxLength} characters`;
}
