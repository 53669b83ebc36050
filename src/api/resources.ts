/**
 * Resources of the Managed Agents API as they cross the wire. Unknown fields pass through; a field
 * that cannot be read is absent; an entry of a list that cannot be read is left out alone.
 *
 * @module
 */

import {
  entriesOf,
  type Fields,
  fieldsOf,
  integerOf,
  type Read,
  readEach,
  textOf,
  timeOf,
} from "./read.ts";

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
  readonly created_at?: string | null;
  readonly archived_at?: string | null;
  readonly [field: string]: unknown;
}

/** A run of an agent. */
export interface Session {
  readonly id: string;
  /**
   * `idle`, `running`, `rescheduling`, `terminated`; others pass through. Absent where not known.
   */
  readonly status?: string;
  readonly title?: string | null;
  /** The agent in the version of the session's start, or its id. */
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

/** A thread of a session: its primary one, or that of a subagent. */
export interface SessionThread {
  readonly id: string;
  /** As of a session. */
  readonly status?: string;
  /** The thread that made this one; absent for the primary one. */
  readonly parent_thread_id?: string;
  /** The thread's agent, or its name; some have no name, such as an advisor. */
  readonly agent?: string | Fields;
  readonly usage?: unknown;
  readonly created_at?: string | null;
  readonly archived_at?: string | null;
  readonly [field: string]: unknown;
}

/** A file: one that the agent of a session has written for whoever asked, or an uploaded one. */
export interface SessionFile {
  readonly id: string;
  readonly filename?: string;
  readonly mime_type?: string;
  readonly size_bytes?: number;
  /** False for files that were uploaded. */
  readonly downloadable?: boolean;
  /** What the file belongs to; absent for files that were uploaded to the workspace. */
  readonly scope?: Fields | null;
  readonly created_at?: string | null;
  readonly [field: string]: unknown;
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
  const status = statusOf(fields);
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

/** Reads a status; servers write the words their own way: "IDLE", "Running". */
function statusOf(fields: Fields | undefined): string | undefined {
  return textOf(textOf(fields?.status)?.trim().toLowerCase());
}

/** Reads a thread. */
export function threadOf(value: unknown): SessionThread | undefined {
  const fields = fieldsOf(value);
  const id = textOf(fields?.id);
  if (!fields || id === undefined) return undefined;
  return {
    ...fields,
    id,
    status: statusOf(fields),
    parent_thread_id: textOf(fields.parent_thread_id),
    agent: fieldsOf(fields.agent) ?? textOf(fields.agent),
    ...timesOf(fields),
  };
}

/**
 * Reads a session that may be wrapped in an object (`session`, `data`), or given by its id alone
 * (`session_id`).
 */
export function wrappedSessionOf(value: unknown, knownId?: string): Session | undefined {
  const fields = fieldsOf(value);
  const { session, data, session_id } = fields ?? {};
  const id = textOf(session_id) ?? textOf(session);
  const named = id === undefined ? value : { id, ...fields };
  const read = [session, data, named].map((found) => sessionOf(found, knownId));
  return read.find((found) => found !== undefined);
}

/**
 * Reads a file's description.
 *
 * @param value an object that has an id, or a name where the id is known
 * @param knownId the id that was asked for, where the response does not repeat it
 */
export function fileOf(value: unknown, knownId?: string): SessionFile | undefined {
  const fields = fieldsOf(value);
  const id = textOf(fields?.id) ?? (textOf(fields?.filename) === undefined ? undefined : knownId);
  if (!fields || id === undefined) return undefined;
  const size = integerOf(fields.size_bytes);
  return {
    ...fields,
    id,
    filename: textOf(fields.filename),
    mime_type: textOf(fields.mime_type),
    size_bytes: size !== undefined && size >= 0 ? size : undefined,
    downloadable: typeof fields.downloadable === "boolean" ? fields.downloadable : undefined,
    scope: fieldsOf(fields.scope),
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

/** Returns resources by their creation, the newest first; those without a date come last. */
export function newestFirst<T extends { readonly created_at?: string | null }>(
  resources: readonly T[],
): T[] {
  const madeAt = ({ created_at: at }: T) => at ? Date.parse(at) : 0;
  return resources.toSorted((a, b) => madeAt(b) - madeAt(a));
}
