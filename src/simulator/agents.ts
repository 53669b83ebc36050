/**
 * Agents of the simulated workspace and their versions.
 *
 * @module
 */

import { invalid, notFound, SimulatorError } from "./errors.ts";
import { formatMicros } from "./ids.ts";
import type { Script } from "./script.ts";
import type { World } from "./session.ts";
import { type Place, SortedList } from "./sorted.ts";
import { isWireObject, type WireObject } from "./wire.ts";

/** The fields of an agent that a client sets; the simulator fills in the rest. */
export interface AgentInit {
  readonly name: string;
  readonly description?: string | null;
  readonly system?: string | null;
  readonly model: string | WireObject;
  readonly tools?: readonly WireObject[];
  readonly mcp_servers?: readonly WireObject[];
  readonly skills?: readonly WireObject[];
  readonly metadata?: WireObject;
  readonly multiagent?: WireObject | null;
}

/** An agent: every version it had, and the script that plays it. */
export interface AgentRecord extends Place {
  readonly id: string;
  readonly script: Script;
  /** Budget of its sessions that are created without one. */
  readonly budget: WireObject | null;
  /** Versions as the API shows them, oldest first. */
  readonly versions: WireObject[];
}

/** The agents of the simulated workspace. */
export class AgentStore {
  readonly list = new SortedList<AgentRecord>();
  readonly #world: World;
  readonly #byId = new Map<string, AgentRecord>();

  constructor(world: World) {
    this.#world = world;
  }

  create(init: AgentInit, script: Script, budget: WireObject | null = null): AgentRecord {
    const micros = this.#world.micros();
    const id = this.#world.makeId("agent");
    const at = formatMicros(micros);
    const first = { ...agentFields(init), id, version: 1, created_at: at, updated_at: at };
    const record = { id, rank: micros, seq: 0, script, budget, versions: [first] };
    this.list.insert(record);
    this.#byId.set(id, record);
    return record;
  }

  /**
   * Finds an agent.
   *
   * @throws 404 when there is no such agent
   */
  find(id: string): AgentRecord {
    const record = this.#byId.get(id);
    if (!record) throw notFound(`Agent ${id} not found.`);
    return record;
  }

  /**
   * Returns an agent as the API shows it.
   *
   * @throws 404 when there is no such agent or version
   */
  retrieve(id: string, version?: number): WireObject {
    const record = this.find(id);
    const found = version === undefined ? latest(record) : record.versions[version - 1];
    if (!found) throw notFound(`Agent ${id} has no version ${version}.`);
    return found;
  }

  /** Makes a new version, unless nothing changes. */
  update(id: string, changes: WireObject, expected: number | undefined): WireObject {
    const record = this.find(id);
    const now = latest(record);
    if (now.archived_at !== null) throw invalid(`Agent ${id} is archived.`);
    if (expected !== undefined && expected !== now.version) {
      throw new SimulatorError(
        409,
        "conflict_error",
        `Agent ${id} is at version ${now.version}, not ${expected}.`,
      );
    }
    const next = { ...now, ...changes };
    if (JSON.stringify(next) === JSON.stringify(now)) return now;
    const updated = {
      ...next,
      version: record.versions.length + 1,
      updated_at: formatMicros(this.#world.micros()),
    };
    record.versions.push(updated);
    return updated;
  }

  /** Archives an agent for good; repeating it changes nothing. */
  archive(id: string): WireObject {
    const record = this.find(id);
    const now = latest(record);
    if (now.archived_at !== null) return now;
    const archived = { ...now, archived_at: formatMicros(this.#world.micros()) };
    record.versions[record.versions.length - 1] = archived;
    return archived;
  }
}

/** Returns the newest version. */
export function latest(record: AgentRecord): WireObject {
  return record.versions.at(-1) ?? {};
}

/** Returns the part of an agent that a session keeps as a snapshot. */
export function snapshot(agent: WireObject): WireObject {
  const { created_at: _c, updated_at: _u, archived_at: _a, metadata: _m, ...rest } = agent;
  return rest;
}

/**
 * Returns the wire fields of an agent from those that a client sets; for new agents and updates.
 */
export function agentFields(init: AgentInit): WireObject {
  return {
    type: "agent",
    name: init.name,
    description: init.description ?? null,
    system: init.system ?? null,
    model: isWireObject(init.model) ? init.model : { id: init.model },
    tools: (init.tools ?? []).map(completeTool),
    mcp_servers: init.mcp_servers ?? [],
    skills: init.skills ?? [],
    multiagent: init.multiagent ?? null,
    metadata: init.metadata ?? {},
    execution_identity: { type: "service_account" },
    archived_at: null,
  };
}

/** Returns a tool with the defaults that the API fills in. */
export function completeTool(tool: WireObject): WireObject {
  if (tool.type === "custom") return tool;
  const type = tool.type === "mcp_toolset" ? "always_ask" : "always_allow";
  const basis = { enabled: true, permission_policy: { type } };
  const default_config = { ...basis, ...given(tool.default_config) };
  const configs = Array.isArray(tool.configs) ? tool.configs : [];
  return {
    ...tool,
    configs: configs.map((config) => ({ ...default_config, ...given(config) })),
    default_config,
  };
}

/** Returns the fields of an object that are not null. */
function given(value: unknown): WireObject {
  const fields = isWireObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(fields.filter(([, field]) => field !== null));
}
