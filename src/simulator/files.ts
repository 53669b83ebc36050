/**
 * Files: those that a session's agent writes to its outputs, and those that were uploaded.
 *
 * @module
 */

import { formatMicros, type MakeId } from "./ids.ts";
import { type Place, SortedList } from "./sorted.ts";
import type { WireObject } from "./wire.ts";

/** Lists of files trail the agent by so many milliseconds; the API's documentation says seconds. */
const LIST_LAG_MS = 1_500;

/** Types of files by the end of their names, as far as scripts write them. */
const TYPES: Readonly<Record<string, string>> = {
  csv: "text/csv",
  json: "application/json",
  md: "text/markdown",
  pdf: "application/pdf",
  png: "image/png",
  txt: "text/plain",
};

/** A file, and its content. */
export interface SimulatedFile extends Place {
  readonly id: string;
  readonly content: Uint8Array<ArrayBuffer>;
  /** As the API shows it. */
  readonly wire: WireObject;
  /** True once it is no longer kept: nobody gets it, and no list shows it. */
  expired?: true;
}

/** What a {@linkcode SimulatedFiles} needs of the simulated world. */
export interface FileWorld {
  readonly makeId: MakeId;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Microseconds since the epoch, strictly increasing. */
  readonly micros: () => number;
}

/** The files of one session, or those that were uploaded to the workspace. */
export class SimulatedFiles {
  readonly #list = new SortedList<SimulatedFile>();
  readonly #sessionId: string | null;
  readonly #world: FileWorld;

  /** @param sessionId the session that has the files; null for uploaded ones */
  constructor(sessionId: string | null, world: FileWorld) {
    this.#sessionId = sessionId;
    this.#world = world;
  }

  /** Every file, oldest first. */
  get all(): readonly SimulatedFile[] {
    return this.#list.items;
  }

  /** The files that lists show by now. */
  get listed(): SortedList<SimulatedFile> {
    const listed = new SortedList<SimulatedFile>();
    const until = (this.#world.now() - LIST_LAG_MS) * 1_000;
    for (const file of this.all) {
      if (file.rank <= until && !file.expired) listed.insert(file);
    }
    return listed;
  }

  find(id: string): SimulatedFile | undefined {
    return this.all.find((file) => file.id === id);
  }

  /** Takes a copy of a file, which nobody can download, and returns its id. */
  mount({ content, wire: { filename } }: SimulatedFile): string {
    return this.#add(String(filename), content, false);
  }

  /** Writes a file, and returns its id; another one of its name stays, as a file of its own. */
  write(filename: string, content: Uint8Array<ArrayBuffer>): string {
    return this.#add(filename, content, this.#sessionId !== null);
  }

  #add(filename: string, content: Uint8Array<ArrayBuffer>, downloadable: boolean): string {
    const rank = this.#world.micros();
    const id = this.#world.makeId("file");
    const wire = {
      id,
      type: "file",
      filename,
      mime_type: TYPES[/\.(\w+)$/.exec(filename)?.[1] ?? ""] ?? "application/octet-stream",
      size_bytes: content.byteLength,
      created_at: formatMicros(rank),
      downloadable,
      scope: this.#sessionId === null ? null : { id: this.#sessionId, type: "session" },
    };
    this.#list.insert({ id, rank, seq: 0, content, wire });
    return id;
  }
}
