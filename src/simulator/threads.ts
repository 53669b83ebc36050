/**
 * A session's threads: the primary one, and those of its subagents.
 *
 * @module
 */

import { isWireObject, type WireEvent, type WireObject } from "./wire.ts";

type Thread = Record<string, unknown> & { id: string; status: string };

const STATUS = "session.thread_status_";

/** Threads, primary first, built from the session's events. */
export class SessionThreads {
  readonly primaryId: string;
  readonly #sessionId: string;
  readonly #agent: WireObject;
  readonly #byId = new Map<string, Thread>();

  constructor(sessionId: string, primaryId: string, agent: WireObject, createdAt: string) {
    this.#sessionId = sessionId;
    this.primaryId = primaryId;
    this.#agent = agent;
    this.#add(primaryId, null, agent, null, createdAt);
  }

  /** Returns threads as the API shows them, primary first, then in the order they were made. */
  list(): WireObject[] {
    return [...this.#byId.values()];
  }

  find(id: string): WireObject | undefined {
    return this.#byId.get(id);
  }

  /** Returns the threads of subagents, in the order they were made. */
  subagents(): readonly { readonly id: string; readonly status: string }[] {
    return [...this.#byId.values()].filter(({ id }) => id !== this.primaryId);
  }

  /** Returns the thread of a subagent, by its name; undefined when there is none. */
  named(agentName: string): string | undefined {
    return this.subagents().find(({ id }) => this.agentName(id) === agentName)?.id;
  }

  /** Returns the name of a thread's agent. */
  agentName(id: string): string {
    const agent = this.#byId.get(id)?.agent;
    return isWireObject(agent) ? String(agent.name) : "";
  }

  /** Applies a `session.thread_*` event; `at` is the time in its `processed_at`. */
  apply(event: WireEvent, at: string): void {
    const id = String(event.session_thread_id);
    if (event.type === "session.thread_created") {
      const agent = { ...this.#agent, name: event.agent_name };
      this.#add(id, this.primaryId, agent, event.workflow_run_id ?? null, at);
      return;
    }
    const thread = this.#byId.get(id);
    if (!thread || !event.type.startsWith(STATUS)) return;
    const status = event.type.slice(STATUS.length);
    thread.status = status === "rescheduled" ? "rescheduling" : status;
    thread.updated_at = at;
  }

  #add(id: string, parentId: string | null, agent: WireObject, runId: unknown, at: string): void {
    this.#byId.set(id, {
      id,
      type: "session_thread",
      session_id: this.#sessionId,
      parent_thread_id: parentId,
      agent,
      status: "idle",
      stats: null,
      usage: null,
      workflow_run_id: runId,
      archived_at: null,
      created_at: at,
      updated_at: at,
    });
  }
}
