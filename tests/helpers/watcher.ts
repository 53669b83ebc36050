import type { SessionLook } from "../../src/session/session_watch.ts";
import { KnownTimeline, replyOf } from "../../src/view/timeline.ts";
import type { HabitWorld } from "./habit_world.ts";

/** Room of a look for entries, in characters of their JSON text. */
export const LOOK_ROOM = 30_000;
/** Longest time that a turn takes here, and longest proof that it is over, in milliseconds. */
const MAX_MS = 180_000;

/** Somebody who looks at the session of a world, again and again. */
export class Watcher {
  readonly #world: HabitWorld;
  readonly #replica: number;
  readonly known = new KnownTimeline();
  readonly statuses: string[] = [];
  latest: SessionLook | undefined;

  constructor(world: HabitWorld, replica = 0) {
    this.#world = world;
    this.#replica = replica;
  }

  get words(): string[] {
    return replyOf(this.known.entries).split("\n\n").filter((word) => word !== "");
  }

  async look(): Promise<SessionLook> {
    const look = await this.#world.look(this.latest === undefined, this.#replica);
    this.known.add(look.timeline(this.known.cursor, LOOK_ROOM));
    this.statuses.push(look.status);
    return this.latest = look;
  }

  /**
   * Looks until nothing goes on any more.
   *
   * @param pauseMs between two looks
   */
  async untilRest(pauseMs = 1_000): Promise<void> {
    const { clock } = this.#world;
    for (const until = clock.now() + MAX_MS; clock.now() < until;) {
      const { status } = await this.look();
      if (status !== "running" && status !== "reading") return;
      await clock.advance(pauseMs);
    }
    throw new Error(`Still ${this.latest?.status}: ${this.latest?.doing}`);
  }
}
