/**
 * A session's threads: the primary one, and those of its subagents.
 *
 * @module
 */

import { parseMicros } from "./ids.ts";
import { type Place, SortedList } from "./sorted.ts";
import { UsageCounter } from "./usage.ts";
import { isWireObject, type WireEvent, type WireObject } from "./wire.ts";

type Thread = Record<string, unknown> & { id: string; status: string };

const STATUS = "session.thread_status_";

/** Threads, primary first, built from the session's events. */
export class SessionThreads {
  readonly primaryId: string;
  readonly #sessionId: string;
  readonly #agent: WireObject;
  readonly #byId = new Map<string, Thread>();
  readonly #usage = new Map<string, UsageCounter>();

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

  /** Adds the usage of a model request to a thread's. */
  addUsage(id: string, modelUsage: WireObject): void {
    const thread = this.#byId.get(id);
    if (!thread) return;
    const counter = this.#usage.get(id) ?? new UsageCounter();
    counter.addRequest(modelUsage);
    this.#usage.set(id, counter);
    thread.usage = counter.toWire();
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

/** An event of a thread, at its place in the thread's list. */
export interface ThreadEvent extends Place {
  readonly event: WireEvent;
}

const ANSWERED = ["tool_use_id", "mcp_tool_use_id", "custom_tool_use_id"];

/**
 * Makes the list of a thread's own events from those of the session. The primary thread has what no
 * subagent's has. A subagent's begins each task with the message that gave it, and has as its own
 * words what the session gets as a message from it: the session shows less of subagents than their
 * threads do.
 *
 * @param events all of the session, in ascending order
 */
export function threadEvents(
  threadId: string,
  threads: SessionThreads,
  events: Iterable<WireEvent>,
): SortedList<ThreadEvent> {
  const list = new SortedList<ThreadEvent>();
  const threadOfCall = new Map<string, string>();
  const isPrimary = threadId === threads.primaryId;
  let seq = 0;
  const add = (event: WireEvent) => {
    const at = event.processed_at;
    const rank = (typeof at === "string" ? parseMicros(at) : undefined) ?? Number.MAX_SAFE_INTEGER;
    list.insert({ event, rank, seq: seq++ });
  };
  for (const event of events) {
    const answered = ANSWERED.map((name) => event[name]).find((id) => typeof id === "string");
    const named = event.session_thread_id ?? threadOfCall.get(String(answered));
    const owner = typeof named === "string" ? named : threads.primaryId;
    threadOfCall.set(event.id, owner);
    if (owner === threadId) add(event);
    else if (!isPrimary) { for (const seen of mirrored(event, threadId, threads)) add(seen); }
  }
  return list;
}

/** Returns how a subagent's thread shows a message that the session shows between two threads. */
function mirrored(event: WireEvent, threadId: string, threads: SessionThreads): WireEvent[] {
  const { content, processed_at, id } = event;
  if (event.to_session_thread_id === threadId) {
    const from = {
      from_session_thread_id: threads.primaryId,
      from_agent_name: threads.agentName(threads.primaryId),
    };
    const type = "agent.thread_message_received";
    return [{ id: `${id}r`, type, ...from, content, processed_at }];
  }
  if (event.from_session_thread_id !== threadId) return [];
  const to = {
    to_session_thread_id: threads.primaryId,
    to_agent_name: threads.agentName(threads.primaryId),
  };
  return [
    { id: `${id}t`, type: "agent.message", content, processed_at },
    { id: `${id}s`, type: "agent.thread_message_sent", ...to, content, processed_at },
  ];
}
