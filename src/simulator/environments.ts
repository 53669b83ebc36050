/**
 * Environments of the simulated workspace.
 *
 * @module
 */

import { invalid, notFound, SimulatorError } from "./errors.ts";
import { formatMicros } from "./ids.ts";
import type { World } from "./session.ts";
import { type Place, SortedList } from "./sorted.ts";
import { isWireObject, type WireObject } from "./wire.ts";

/** An environment; `wire` is the object that the API shows. */
export interface EnvironmentRecord extends Place {
  readonly id: string;
  wire: WireObject;
}

/** The fields of an environment beside its name; absent ones are filled in. */
export interface EnvironmentInit {
  readonly description?: string | null;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Configuration as the API shows it; a cloud container without limits when absent. */
  readonly config?: WireObject;
}

const CLOUD: WireObject = {
  type: "cloud",
  networking: { type: "unrestricted" },
  packages: { type: "packages", apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] },
};

/** The environments of the simulated workspace. */
export class EnvironmentStore {
  readonly list = new SortedList<EnvironmentRecord>();
  readonly #world: World;
  readonly #byId = new Map<string, EnvironmentRecord>();

  constructor(world: World) {
    this.#world = world;
  }

  /**
   * Creates an environment.
   *
   * @throws 409 when there is one of this name
   */
  create(name: string, init: EnvironmentInit = {}): EnvironmentRecord {
    this.#refuseTaken(name);
    const micros = this.#world.micros();
    const at = formatMicros(micros);
    const id = this.#world.makeId("env");
    const wire = {
      id,
      type: "environment",
      name,
      description: init.description ?? null,
      config: init.config ?? CLOUD,
      metadata: init.metadata ?? {},
      created_at: at,
      updated_at: at,
      archived_at: null,
    };
    const record = { id, rank: micros, seq: 0, wire };
    this.list.insert(record);
    this.#byId.set(id, record);
    return record;
  }

  /**
   * Finds an environment.
   *
   * @throws 404 when there is none
   */
  find(id: string): EnvironmentRecord {
    const record = this.#byId.get(id);
    if (!record) throw notFound(`Environment ${id} not found.`, "environment_not_found");
    return record;
  }

  /**
   * Changes an environment.
   *
   * @throws 400 when it is archived or `config.type` would change, 409 when the name is taken
   */
  update(id: string, changes: WireObject): WireObject {
    const record = this.find(id);
    const { archived_at, config, name } = record.wire;
    if (archived_at !== null) {
      throw invalid(`Environment ${id} is archived.`, "environment_archived");
    }
    if (
      isWireObject(changes.config) && isWireObject(config) && changes.config.type !== config.type
    ) {
      throw invalid("config.type cannot change.", "invalid_config_type_change");
    }
    if (typeof changes.name === "string" && changes.name !== name) this.#refuseTaken(changes.name);
    const updated_at = formatMicros(this.#world.micros());
    record.wire = { ...record.wire, ...changes, updated_at };
    return record.wire;
  }

  /** Deletes an environment; its sessions stay. */
  delete(id: string): void {
    this.list.remove(this.find(id));
    this.#byId.delete(id);
  }

  #refuseTaken(name: string): void {
    if (!this.list.items.some(({ wire }) => wire.name === name)) return;
    throw new SimulatorError(409, "conflict_error", `An environment is already named "${name}".`);
  }

  /** Archives an environment; repeating it changes nothing. */
  archive(id: string): WireObject {
    const record = this.find(id);
    if (record.wire.archived_at === null) {
      record.wire = { ...record.wire, archived_at: formatMicros(this.#world.micros()) };
    }
    return record.wire;
  }
}
