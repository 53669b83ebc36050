/**
 * One session: its fields, event history and streams, and the effects of its events.
 *
 * @module
 */

import { type Habits, present } from "./habits.ts";
import { formatMicros, type MakeId, parseMicros } from "./ids.ts";
import { type SimulatedFile, SimulatedFiles } from "./files.ts";
import { SessionOutcomes } from "./outcomes.ts";
import { SimulatedHistory, TrailingHistory } from "./history.ts";
import type { Place } from "./sorted.ts";
import { encodeFrame, type OutgoingStream } from "./stream.ts";
import { SessionThreads } from "./threads.ts";
import { UsageCounter } from "./usage.ts";
import {
  type EventBody,
  isWireObject,
  joinedText,
  type SessionStatus,
  type WireEvent,
  type WireObject,
} from "./wire.ts";

/** Tokens of a subagent's work, as its thread and its session count them. */
const REPORT_USAGE: WireObject = { input_tokens: 9_000, output_tokens: 600 };

/** Parts that all sessions share. */
export interface World {
  readonly habits: Habits;
  readonly makeId: MakeId;
  /** Returns milliseconds since the epoch. */
  readonly now: () => number;
  /** Returns microseconds since the epoch, strictly increasing. */
  readonly micros: () => number;
}

/** Options of {@linkcode SimulatedSession.append}. */
export interface AppendOptions {
  /** True to keep `processed_at` null until the event is stamped. */
  readonly queued?: boolean;
  /** True to send it to the streams, and not add it to the history. */
  readonly streamOnly?: boolean;
  /** True to add it to the history, and not send it to the streams. */
  readonly historyOnly?: boolean;
  /** The event's id; a new one when absent. */
  readonly id?: string;
  /** RFC 3339 time; now when absent. */
  readonly processedAt?: string;
}

/** The parameters of a new session. */
export interface SessionInit {
  readonly agent: WireObject;
  readonly agentName: string;
  readonly environmentId: string;
  readonly title: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly budget: WireObject | null;
  readonly vaultIds: readonly string[];
  readonly status: SessionStatus;
}

const STATUS_EVENTS: Readonly<Record<string, SessionStatus>> = {
  "session.status_idle": "idle",
  "session.status_running": "running",
  "session.status_rescheduled": "rescheduling",
  "session.status_terminated": "terminated",
};

/** A file that is mounted into a session. */
export interface Mount {
  readonly path: string;
  readonly content: Uint8Array<ArrayBuffer>;
  /** The resource as the API shows it. */
  readonly wire: WireObject;
}

/** A session. Its actual status follows its events at once; the shown one trails them. */
export class SimulatedSession implements Place {
  readonly id: string;
  readonly rank: number;
  readonly seq: number;
  readonly init: SessionInit;
  /** Every event, in its actual state. */
  readonly history: SimulatedHistory;
  readonly threads: SessionThreads;
  readonly outcomes: SessionOutcomes;
  readonly usage = new UsageCounter();
  readonly files: SimulatedFiles;
  /** Files that are mounted into the session, in their order. */
  readonly mounts: Mount[] = [];
  readonly streams = new Set<OutgoingStream>();
  /** Tool calls whose answers the session waits for. */
  readonly blocking = new Set<string>();
  /** Tool calls that waited for an answer when an interrupt ended their turn. */
  readonly abandoned = new Set<string>();
  /** Tool calls that have their answer. */
  readonly answered = new Set<string>();
  readonly openRuns = new Set<string>();
  title: string | null;
  metadata: Readonly<Record<string, string>>;
  budget: WireObject | null;
  /** True while it is idle because its budget is used up. */
  atBudget = false;
  archivedAt: string | null = null;
  readonly #world: World;
  /** The events that lists show, where they trail the history. */
  readonly #trailing: TrailingHistory | undefined;
  /** How often lists have shown each tool call that waited. */
  readonly #timesListed = new Map<string, number>();
  #status: SessionStatus;
  /** The shown statuses, each from a time on: the current one first, then the coming ones. */
  #shown: { readonly from: number; readonly status: SessionStatus }[];
  #updatedAt: string;
  readonly #createdMs: number;

  constructor(world: World, seq: number, init: SessionInit) {
    this.#world = world;
    this.seq = seq;
    this.init = init;
    this.rank = world.micros();
    this.#createdMs = world.now();
    this.id = world.makeId("sesn");
    const { stampAtSettle, neverStamps, stampsInterrupted, nullProcessedAt } = world.habits;
    const { listLagMs, callLagMs } = world.habits;
    const sorted = {
      order: stampAtSettle || neverStamps || !stampsInterrupted ? "appended" : "processed_at",
      queued: nullProcessedAt,
    } as const;
    this.history = new SimulatedHistory(sorted);
    if (listLagMs > 0 || callLagMs > 0) {
      this.#trailing = new TrailingHistory(sorted, { listLagMs, callLagMs, now: world.now });
    }
    this.files = new SimulatedFiles(this.id, world);
    this.outcomes = new SessionOutcomes(world.makeId);
    this.title = init.title;
    this.metadata = init.metadata;
    this.budget = init.budget;
    this.#status = init.status;
    this.#shown = [{ from: -Infinity, status: init.status }];
    this.#updatedAt = formatMicros(this.rank);
    this.threads = new SessionThreads(this.id, world.makeId("sthr"), init.agent, this.#updatedAt);
  }

  /** Returns the history as lists show it now. */
  get listed(): SimulatedHistory {
    return this.#trailing?.now() ?? this.history;
  }

  /** Returns an event as a list shows it this time: by habit a call that waits changes its input. */
  asListed(event: WireEvent): WireEvent {
    const { inputChangesAfter } = this.#world.habits;
    const times = this.#timesListed.get(event.id);
    if (inputChangesAfter === 0 || (times === undefined && !this.blocking.has(event.id))) {
      return event;
    }
    this.#timesListed.set(event.id, (times ?? 0) + 1);
    if ((times ?? 0) < inputChangesAfter) return event;
    return { ...event, input: { ...(isWireObject(event.input) && event.input), changed: true } };
  }

  /** Changes fields of an event in the history, and tells no stream. */
  rewrite(eventId: string, fields: WireObject): void {
    this.history.rewrite(eventId, fields);
    this.#trailing?.rewrite(eventId, fields);
  }

  /** Returns the actual status. */
  get status(): SessionStatus {
    return this.#status;
  }

  /** Returns the status that the API shows, which may trail the actual one. */
  get shownStatus(): SessionStatus {
    if (this.archivedAt !== null) return "terminated";
    this.#forgetPast();
    return this.#shown[0]?.status ?? this.#status;
  }

  /** Changes the status; it shows after `lagMs` milliseconds. */
  setStatus(status: SessionStatus, lagMs: number): void {
    const from = this.#world.now() + lagMs;
    this.#status = status;
    if (lagMs <= 0) this.#shown = [];
    else if (this.#shown.at(-1)?.from === from) this.#shown.pop();
    this.#shown.push({ from, status });
    this.#forgetPast();
    this.touch();
  }

  /** Applies a status event that is shown to nobody. */
  applyStatusSilently(type: string, stopReason: unknown): void {
    this.#applyStatus(type, stopReason);
  }

  /** Sets `updated_at`. */
  touch(): void {
    this.#updatedAt = formatMicros(this.#world.micros());
  }

  /** Adds an event, applies it, and sends it to the streams. */
  append(body: EventBody, options: AppendOptions = {}): WireEvent {
    const micros = options.queued ? undefined : this.#timeOf(options.processedAt);
    const event = {
      id: options.id ?? this.#world.makeId("sevt"),
      ...body,
      processed_at: micros === undefined ? null : formatMicros(micros),
    };
    if (!options.streamOnly) {
      this.history.append(event, micros);
      this.#trailing?.append(event, micros);
    }
    this.#applyEvent(event);
    if (!options.historyOnly) this.#publish(event);
    return event;
  }

  /** Stamps a queued event and, unless `quiet`, sends it again under its id. */
  stamp(eventId: string, quiet = false): void {
    const micros = this.#world.micros();
    const event = this.history.stamp(eventId, micros);
    if (!event) return;
    this.#trailing?.stamp(eventId, micros);
    if (!quiet) this.#publish(event);
  }

  /** Mounts a copy of a file, as the API does, which has an id of its own. */
  mount(file: SimulatedFile, path = `/mnt/session/uploads/${file.id}`): void {
    const at = formatMicros(this.#world.micros());
    const wire = {
      id: this.#world.makeId("sesrsc"),
      type: "file",
      file_id: this.files.mount(file),
      mount_path: path,
      created_at: at,
      updated_at: at,
    };
    this.mounts.push({ path, content: file.content, wire });
  }

  /** Ends every stream. */
  endStreams(): void {
    for (const stream of [...this.streams]) stream.end();
  }

  /** Ends every stream, also those that a fault holds. */
  releaseStreams(): void {
    for (const stream of [...this.streams]) stream.release();
  }

  /** Returns the session as the API shows it. */
  toWire(): WireObject {
    const { agent, environmentId, vaultIds } = this.init;
    const created = formatMicros(this.rank);
    return {
      id: this.id,
      type: "session",
      status: this.shownStatus,
      title: this.title,
      agent,
      environment_id: environmentId,
      metadata: this.metadata,
      vault_ids: vaultIds,
      resources: this.mounts.map(({ wire }) => wire),
      budget: this.budget,
      outcome_evaluations: this.outcomes.toWire(),
      deployment_id: null,
      usage: this.usage.toWire(),
      stats: {
        active_seconds: this.usage.activeSeconds(this.#world.now()),
        duration_seconds: Math.floor((this.#world.now() - this.#createdMs) / 1000),
      },
      created_at: created,
      updated_at: this.#updatedAt,
      archived_at: this.archivedAt,
    };
  }

  #forgetPast(): void {
    const now = this.#world.now();
    while (this.#shown[1] && this.#shown[1].from <= now) this.#shown.shift();
  }

  #timeOf(processedAt: string | undefined): number {
    if (processedAt === undefined) return this.#world.micros();
    const micros = parseMicros(processedAt);
    if (micros === undefined) throw new RangeError(`Not an RFC 3339 time: ${processedAt}`);
    return micros;
  }

  #publish(event: WireEvent): void {
    if (this.streams.size > 0 && this.#world.habits.streamShowsEvents) {
      const frame = encodeFrame(event.type, present(event, this.#world.habits));
      for (const stream of [...this.streams]) {
        if (stream.previews.has(event.type)) this.#preview(stream, event);
        stream.push(frame);
      }
    }
    const last = event.type === "session.deleted" ||
      (event.type === "session.status_terminated" && this.#world.habits.streamEndsWhenTerminated);
    if (last) this.endStreams();
  }

  /** Sends the announcement of an event: its text in two deltas, where it has one. */
  #preview(stream: OutgoingStream, event: WireEvent): void {
    const start = { type: "event_start", event: { id: event.id, type: event.type } };
    stream.pushAside(encodeFrame("event_start", start));
    const text = event.type === "agent.message" ? joinedText(event.content) : "";
    const half = Math.ceil(text.length / 2);
    for (const part of [text.slice(0, half), text.slice(half)]) {
      if (part === "") continue;
      const delta = { type: "content_delta", index: 0, content: { type: "text", text: part } };
      stream.pushAside(
        encodeFrame("event_delta", { type: "event_delta", event_id: event.id, delta }),
      );
    }
  }

  /** Applies an event to the session. */
  #applyEvent(event: WireEvent): void {
    if (event.type in STATUS_EVENTS) {
      this.#applyStatus(event.type, event.stop_reason);
    } else if (event.type === "workflow_run.created") {
      this.openRuns.add(String(event.workflow_run_id));
    } else if (event.type === "workflow_run.status_ended") {
      this.openRuns.delete(String(event.workflow_run_id));
    } else if (event.type === "span.model_request_end") {
      this.usage.addRequest(event.model_usage);
    } else if (event.type === "agent.thread_message_received") {
      // What a subagent reports has cost a request of its own.
      this.usage.addRequest(REPORT_USAGE);
      this.threads.addUsage(String(event.from_session_thread_id), REPORT_USAGE);
    } else if (event.type === "user.define_outcome" || event.type.startsWith("span.outcome_")) {
      this.outcomes.apply(event);
      this.usage.addRequest(event.usage);
    } else if (event.type.startsWith("session.thread_")) {
      this.threads.apply(event, formatMicros(this.#world.micros()));
    }
  }

  #applyStatus(type: string, stopReason: unknown): void {
    const status = STATUS_EVENTS[type];
    if (!status) return;
    this.setStatus(status, this.#world.habits.statusLagMs);
    this.usage.setStatus(status, this.#world.now());
    this.setBlocking(stopReason);
  }

  /**
   * Takes the tool calls that the session waits for from a stop reason; none when it is undefined.
   */
  setBlocking(stopReason: unknown): void {
    const reason = isWireObject(stopReason) ? stopReason : {};
    this.atBudget = reason.type === "budget_reached";
    this.blocking.clear();
    if (reason.type !== "requires_action" || !Array.isArray(reason.event_ids)) return;
    for (const id of reason.event_ids) this.blocking.add(String(id));
  }
}
