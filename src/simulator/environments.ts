/**
 * Environments of the simulated workspace.
 *
 * @module
 */

import { notFound } from "./envelope.ts";
import { formatMicros } from "./ids.ts";
import type { World } from "./session.ts";
import { type Place, SortedList } from "./sorted.ts";
import type { Fields } from "./wire.ts";

/** An environment; `wire` is what the API shows. */
export interface EnvironmentRecord extends Place {
  readonly id: string;
  wire: Fields;
}

/** The environments of the simulated workspace. */
export class EnvironmentStore {
  readonly list = new SortedList<EnvironmentRecord>();
  readonly #world: World;
  readonly #byId = new Map<string, EnvironmentRecord>();

  constructor(world: World) {
    this.#world = world;
  }

  create(name: string, description: string | null = null): EnvironmentRecord {
    const micros = this.#world.micros();
    const at = formatMicros(micros);
    const id = this.#world.makeId("env");
    const packages = { type: "packages", apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] };
    const wire = {
      id,
      type: "environment",
      name,
      description,
      config: { type: "cloud", networking: { type: "unrestricted" }, packages },
      metadata: {},
      created_at: at,
      updated_at: at,
      archived_at: null,
    };
    const record = { id, rank: micros, seq: 0, wire };
    this.list.insert(record);
    this.#byId.set(id, record);
    return record;
  }

  /** @throws 404 when there is no such environment */
  find(id: string): EnvironmentRecord {
    const record = this.#byId.get(id);
    if (!record) throw notFound(`Environment ${id} not found.`, "environment_not_found");
    return record;
  }

  /** Archives an environment; repeating it changes nothing. */
  archive(id: string): Fields {
    const record = this.find(id);
    if (record.wire.archived_at === null) {
      record.wire = { ...record.wire, archived_at: formatMicros(this.#world.micros()) };
    }
    return record.wire;
  }
}
