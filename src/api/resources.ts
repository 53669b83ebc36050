/**
 * Resources of the Managed Agents API as they cross the wire. Unknown fields pass through; a field
 * that cannot be read is absent; an entry of a list that cannot be read is left out alone.
 *
 * @module
 */

import type { Logger } from "../core/logger.ts";
import type { SessionEvent } from "./events.ts";
import {
  entriesOf,
  type Fields,
  fieldsOf,
  integerOf,
  MAX_ENTRIES,
  readEach,
  textOf,
  timeOf,
} from "./read.ts";

/** A page of a list. */
export interface Page<T> {
  readonly data: T[];
  /**
   * The cursor of the next page; an empty page may have one too. Null where the server says that this
   * is the last page, absent where it says nothing.
   */
  readonly next_page?: string | null;
  /** True where there is more after the last entry: some servers give it instead of `next_page`. */
  readonly has_more?: boolean;
  /** True when there is more after the last entry, without a cursor that leads to it. */
  readonly isCut?: boolean;
}

/** A tool, or set of tools, of an agent. */
export interface AgentTool {
  readonly type?: string;
  readonly name?: string;
  readonly mcp_server_name?: string;
  readonly [field: string]: unknown;
}

/** A versioned agent definition. */
export interface Agent {
  readonly id: string;
  readonly name?: string | null;
  readonly description?: string | null;
  readonly model?: string | { readonly id?: string; readonly [field: string]: unknown } | null;
  readonly version?: number | null;
  readonly tools?: readonly AgentTool[] | null;
  readonly created_at?: string | null;
  readonly updated_at?: string | null;
  readonly archived_at?: string | null;
  readonly [field: string]: unknown;
}

/** A container configuration that sessions run in. */
export interface Environment {
  readonly id: string;
  readonly name?: string | null;
  readonly archived_at?: string | null;
  readonly [field: string]: unknown;
}

/** A run of an agent. */
export interface Session {
  readonly id: string;
  /** `idle`, `running`, `rescheduling`, `terminated`; others pass through. Absent: not told. */
  readonly status?: string;
  readonly title?: string | null;
  /** The agent in its version of then, or its id. */
  readonly agent?: string | Partial<Agent> | null;
  readonly environment_id?: string | null;
  readonly metadata?: Fields | null;
  readonly budget?: unknown;
  readonly usage?: unknown;
  readonly created_at?: string | null;
  readonly updated_at?: string | null;
  readonly archived_at?: string | null;
  readonly [field: string]: unknown;
}

/** Events as the API echoes them after they were sent; none where it echoes nothing. */
export interface SentEvents {
  readonly data: SessionEvent[];
}

/** A resource of the wire, if the value is one. */
export type Read<T> = (value: unknown) => T | undefined;

/** The fields that hold the entries of a list; the first is the documented one. */
export const LIST_FIELDS: readonly string[] = [
  "data",
  ...["events", "agents", "sessions", "environments"],
  ...["items", "results", "records", "entries", "list"],
];
/** Fields of a list beside its entries; an empty list may have these alone. */
const PAGE_FIELDS = ["next_page", "has_more", "first_id", "last_id", "prev_page"];
/** Envelopes in envelopes are followed so far. */
const MAX_ENVELOPES = 3;

/** The entries of a list, and the object that they stand in. */
export interface Envelope {
  readonly entries: readonly unknown[];
  readonly fields: Fields;
}

/**
 * Opens a list: entries in `data`, or nothing there, which some write for an empty
 * one; a bare list; or a list under another name or in an envelope more.
 *
 * @returns undefined for what is no list: whether there are entries is then not known
 */
export function envelopeOf(value: unknown, depth = 0): Envelope | undefined {
  if (Array.isArray(value)) return { entries: entriesOf(value) ?? [], fields: {} };
  const fields = fieldsOf(value);
  if (!fields || depth >= MAX_ENVELOPES) return undefined;
  for (const name of LIST_FIELDS) {
    const field = fields[name];
    if (field === undefined || field === null) continue;
    const entries = entriesOf(field);
    const isList = Array.isArray(field) || (entries !== undefined && entries.length > 0);
    if (isList) return { entries: entries ?? [], fields };
    const inner = envelopeOf(field, depth + 1);
    if (inner) return { entries: inner.entries, fields: { ...fields, ...inner.fields } };
  }
  const isEmpty = Object.keys(fields).length === 0 || fields.object === "list" ||
    [...LIST_FIELDS, ...PAGE_FIELDS].some((name) => name in fields && isNothing(fields[name]));
  return isEmpty ? { entries: [], fields } : undefined;
}

function isNothing(value: unknown): boolean {
  if (value === null || value === false || value === "") return true;
  return Object.keys(fieldsOf(value) ?? { some: "thing" }).length === 0;
}

/**
 * Reads a page, as {@linkcode envelopeOf} opens it.
 *
 * @param read entries for which it gives undefined are left out, with a line in the log
 * @returns undefined for what is no page: whether there are entries is then not known
 */
export function pageOf<T>(value: unknown, read: Read<T>, log: Logger): Page<T> | undefined {
  const page = envelopeOf(value);
  if (!page) return undefined;
  const { entries, fields } = page;
  const data = readEach(entries, read);
  const skipped = entries.length - data.length;
  if (skipped > 0) log.debug("Skipped entries of a list that cannot be read", { skipped });
  if (entries.length === MAX_ENTRIES) log.warn("Read no more of a list", { entries: MAX_ENTRIES });
  const { next_page: cursor, has_more } = fields;
  const next = cursor === null ? null : textOf(cursor) ?? integerOf(cursor)?.toString();
  return {
    data,
    ...(next !== undefined && { next_page: next }),
    ...(typeof has_more === "boolean" && { has_more }),
  };
}

/**
 * Reads an agent.
 *
 * @param value an object that has an id, or a name where the id is known
 * @param knownId the id that was asked for, where the response does not repeat it
 */
export function agentOf(value: unknown, knownId?: string): Agent | undefined {
  const fields = fieldsOf(value);
  const id = textOf(fields?.id) ?? (textOf(fields?.name) === undefined ? undefined : knownId);
  return fields && id !== undefined ? { ...agentFields(fields), id } : undefined;
}

function agentFields(fields: Fields): Partial<Agent> {
  return {
    ...fields,
    id: textOf(fields.id),
    name: textOf(fields.name),
    description: textOf(fields.description),
    model: modelOf(fields.model),
    version: integerOf(fields.version),
    tools: readEach(entriesOf(fields.tools) ?? [], toolOf),
    ...timesOf(fields),
  };
}

function modelOf(value: unknown): Agent["model"] {
  const fields = fieldsOf(value);
  return fields ? { ...fields, id: textOf(fields.id) } : textOf(value);
}

const toolOf: Read<AgentTool> = (value) => {
  const fields = textOf(value) === undefined ? fieldsOf(value) : { name: value };
  return fields && {
    ...fields,
    type: textOf(fields.type),
    name: textOf(fields.name),
    mcp_server_name: textOf(fields.mcp_server_name),
  };
};

/** Reads an environment. */
export function environmentOf(value: unknown): Environment | undefined {
  const fields = fieldsOf(value);
  const id = textOf(fields?.id);
  if (!fields || id === undefined) return undefined;
  return { ...fields, id, name: textOf(fields.name), ...timesOf(fields) };
}

/**
 * Reads a session.
 *
 * @param value an object that has an id, or a status where the id is known
 * @param knownId the id that was asked for, where the response does not repeat it
 */
export function sessionOf(value: unknown, knownId?: string): Session | undefined {
  const fields = fieldsOf(value);
  const ownId = textOf(fields?.id);
  // Servers spell the words their own way: "IDLE", "Running".
  const status = textOf(textOf(fields?.status)?.trim().toLowerCase());
  const id = ownId ?? (status === undefined ? undefined : knownId);
  if (!fields || id === undefined) return undefined;
  const agent = fieldsOf(fields.agent);
  return {
    ...fields,
    id,
    status,
    title: textOf(fields.title),
    agent: agent ? agentFields(agent) : textOf(fields.agent),
    environment_id: textOf(fields.environment_id),
    metadata: fieldsOf(fields.metadata),
    ...timesOf(fields),
  };
}

function timesOf(fields: Fields) {
  return {
    created_at: timeOf(fields.created_at),
    updated_at: timeOf(fields.updated_at),
    archived_at: timeOf(fields.archived_at),
  };
}
