/**
 * The sessions of the simulated workspace, each with the engine that plays its turns.
 *
 * @module
 */

import type { SimulatorClock } from "./clock.ts";
import { invalid, notFound } from "./errors.ts";
import type { SimulatedFile } from "./files.ts";
import { formatMicros } from "./ids.ts";
import type { Script } from "./script.ts";
import { appendSent, echoOf } from "./sending.ts";
import { type SessionInit, SimulatedSession, type World } from "./session.ts";
import { SortedList } from "./sorted.ts";
import { TurnEngine } from "./turn.ts";
import type { EventBody, WireEvent } from "./wire.ts";

interface Running {
  readonly session: SimulatedSession;
  readonly engine: TurnEngine;
}

/** Sessions by id and by time of creation. */
export class SessionStore {
  readonly list = new SortedList<SimulatedSession>();
  readonly #world: World;
  readonly #clock: SimulatorClock;
  readonly #byId = new Map<string, Running>();
  #created = 0;

  constructor(world: World, clock: SimulatorClock) {
    this.#world = world;
    this.#clock = clock;
  }

  /**
   * Creates a session.
   *
   * @param script plays the session's turns; without one, sent events stay queued
   */
  create(init: SessionInit, script: Script | undefined): SimulatedSession {
    const session = new SimulatedSession(this.#world, this.#created++, init);
    const { habits, makeId } = this.#world;
    const engine = new TurnEngine(session, { clock: this.#clock, habits, makeId, script });
    this.list.insert(session);
    this.#byId.set(session.id, { session, engine });
    return session;
  }

  /**
   * Finds a session.
   *
   * @throws 404 when there is none
   */
  find(id: string): SimulatedSession {
    return this.#running(id).session;
  }

  /** Finds a file of a session. */
  findFile(id: string): SimulatedFile | undefined {
    for (const { files } of this.list.items) {
      const file = files.find(id);
      if (file) return file;
    }
    return undefined;
  }

  /** Adds checked events to the session's history and applies them; returns their echo. */
  send(session: SimulatedSession, events: readonly EventBody[]): WireEvent[] {
    const { engine } = this.#running(session.id);
    const sent = appendSent(session, events, this.#world.makeId);
    engine.accept(sent);
    return sent.map((event) => echoOf(event, this.#world.habits, this.#world.makeId));
  }

  /** Lets a session that waits at its budget continue. */
  raiseBudget(session: SimulatedSession): void {
    this.#running(session.id).engine.raiseBudget();
  }

  /** Archives a session for good; repeating it changes nothing. */
  archive(id: string): SimulatedSession {
    const { session, engine } = this.#running(id);
    if (session.archivedAt !== null) return session;
    this.#refuseBusy(session, "archived");
    engine.close();
    if (this.#world.habits.archiveEmitsTerminated) {
      session.append({ type: "session.status_terminated" });
    }
    session.archivedAt = formatMicros(this.#world.micros());
    session.touch();
    return session;
  }

  /** Deletes a session with its history; open streams report it and end. */
  delete(id: string): void {
    const { session, engine } = this.#running(id);
    this.#refuseBusy(session, "deleted");
    engine.close();
    session.append({ type: "session.deleted" }, { streamOnly: true });
    this.list.remove(session);
    this.#byId.delete(id);
  }

  /** Ends every turn and stream. */
  close(): void {
    for (const { session, engine } of this.#byId.values()) {
      engine.close();
      session.releaseStreams();
    }
  }

  #running(id: string): Running {
    const running = this.#byId.get(id);
    if (!running) throw notFound(`Session ${id} not found.`);
    return running;
  }

  #refuseBusy(session: SimulatedSession, what: string): void {
    if (session.archivedAt !== null) return;
    if (session.openRuns.size > 0) {
      throw invalid(
        `Session ${session.id} has an open workflow run and cannot be ${what}.`,
        "workflow_run_open",
      );
    }
    const busy = ["running", "rescheduling"];
    if (busy.includes(session.status) || busy.includes(session.shownStatus)) {
      throw invalid(
        `Session ${session.id} is running and cannot be ${what}: send a user.interrupt event and wait until it is idle.`,
      );
    }
  }
}
