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
import type { EventBody, SessionStatus, WireEvent } from "./wire.ts";

interface Running {
  readonly session: SimulatedSession;
  readonly engine: TurnEngine;
}

const BUSY: ReadonlySet<SessionStatus> = new Set(["running", "rescheduling"]);

/** Sessions by id and by time of creation. */
export class SessionStore {
  readonly list = new SortedList<SimulatedSession>();
  readonly #world: World;
  readonly #clock: SimulatorClock;
  readonly #maxSessions: number;
  /** The session that was not sent to for longest comes first. */
  readonly #byId = new Map<string, Running>();
  #created = 0;

  /** @param maxSessions how many sessions are kept; those at work and those with streams stay */
  constructor(world: World, clock: SimulatorClock, maxSessions: number) {
    this.#world = world;
    this.#clock = clock;
    this.#maxSessions = maxSessions;
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
    if (this.#byId.size >= this.#maxSessions) this.#dropOldest();
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
    const running = this.#running(session.id);
    const { engine } = running;
    this.#byId.delete(session.id);
    this.#byId.set(session.id, running);
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
    this.#remove(session);
  }

  /** Ends every turn and stream. */
  close(): void {
    for (const { session, engine } of this.#byId.values()) {
      engine.close();
      session.releaseStreams();
    }
  }

  /** Drops the session at rest that was not sent to for longest, so that a long run stays small. */
  #dropOldest(): void {
    for (const { session, engine } of this.#byId.values()) {
      if (this.#isBusy(session) || session.streams.size > 0) continue;
      engine.close();
      this.#remove(session);
      return;
    }
  }

  #remove(session: SimulatedSession): void {
    this.list.remove(session);
    this.#byId.delete(session.id);
  }

  #running(id: string): Running {
    const running = this.#byId.get(id);
    if (!running) throw notFound(`Session ${id} not found.`);
    return running;
  }

  #isBusy({ archivedAt, openRuns, status, shownStatus }: SimulatedSession): boolean {
    if (archivedAt !== null) return false;
    return openRuns.size > 0 || BUSY.has(status) || BUSY.has(shownStatus);
  }

  #refuseBusy(session: SimulatedSession, what: string): void {
    if (!this.#isBusy(session)) return;
    if (session.openRuns.size > 0) {
      throw invalid(
        `Session ${session.id} has an open workflow run and cannot be ${what}.`,
        "workflow_run_open",
      );
    }
    throw invalid(
      `Session ${session.id} is running and cannot be ${what}: send a user.interrupt event and wait until it is idle.`,
    );
  }
}
