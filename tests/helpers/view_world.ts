import type {
  PendingCall,
  TimelineEntry,
  WatchedSession,
} from "../../src/session/watched_session.ts";
import { isJsonObject } from "../../src/view/read.ts";
import { createSessionView, type SessionView } from "../../src/view/session.ts";
import type { PendingState, ViewState } from "../../src/view/state.ts";
import { ManualClock, settle } from "./manual_clock.ts";

/** A session as `watch_session` tells it, and the proofs that come with it. */
export interface Watched extends WatchedSession {
  readonly proofs?: Readonly<Record<string, string>>;
}

/** A request of the page to the host that has no answer yet. */
export interface OpenRequest {
  readonly id: unknown;
  readonly method: string;
  /** Name of the tool; the method for all other requests. */
  readonly name: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Arguments of the tool. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly at: number;
}

/** What a test's host says to a request: nothing for `undefined`, an error for a `fail`. */
export type Reply =
  | { readonly result: unknown }
  | { readonly fail: { readonly code: number; readonly message: string } }
  | undefined;

export const SESSION = "sesn_01AbCdEf";

/** Makes a session for `watch_session`. */
export function watched(given: Partial<Watched> = {}): Watched {
  return {
    session_id: SESSION,
    status: "running",
    turn: { key: "turn-1", task: "Do it", started_at: "2026-11-23T08:59:50.000Z" },
    timeline: { entries: [], is_whole: true, cursor: "c1" },
    pending: [],
    can: {
      decide: true,
      answer: true,
      interrupt: true,
      files: true,
      asks_by_form: false,
      wait_tool: "wait_for_idle",
    },
    poll_after_ms: 1_000,
    ...given,
  };
}

/** Makes a timeline that is whole. */
export function wholly(...entries: TimelineEntry[]): WatchedSession["timeline"] {
  return { entries, is_whole: true, cursor: `c${entries.length}` };
}

/** Makes a message of the session's own agent. */
export function message(key: string, text: string): TimelineEntry {
  return { key, kind: "message", text };
}

/** Makes a tool call that waits. */
export function pendingCall(id: string, given: Partial<PendingCall> = {}): PendingCall {
  return {
    event_id: id,
    kind: "tool_confirmation",
    tool: "bash",
    input: '{"command":"ls"}',
    may_allow: true,
    ...given,
  };
}

/** Makes the result of a tool as the server sends it. */
export function toolResult(
  { proofs, ...fields }: object & { readonly proofs?: unknown; readonly [field: string]: unknown },
  content: readonly unknown[] = [],
): Record<string, unknown> {
  return {
    content: [{ type: "text", text: JSON.stringify(fields) }, ...content],
    structuredContent: fields,
    ...(proofs !== undefined && { _meta: { "cma-mcp/view": { proofs } } }),
  };
}

/** Makes the result of a tool that has failed. */
export function toolFailure(text: string): Record<string, unknown> {
  return { content: [{ type: "text", text }], isError: true };
}

/** Makes the result of a wait. */
export function waitResult(given: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    session_id: SESSION,
    status: "idle",
    reply: "Done.",
    tool_activity: [],
    pending_actions: [],
    errors: [],
    last_event_id: "sevt_9",
    elapsed_sec: 3,
    ...given,
  };
}

/** The page, a host and a server that the test plays, and a clock that it moves. */
export class ViewWorld {
  readonly clock = new ManualClock();
  readonly view: SessionView;
  /** Every request of the page, in order. */
  readonly requests: OpenRequest[] = [];
  /** Requests without an answer. */
  readonly open = new Map<unknown, OpenRequest>();
  readonly notifications: Record<string, unknown>[] = [];
  /** States that were shown. */
  readonly shown: ViewState[] = [];
  /** Milliseconds until a request is answered. */
  latencyMs = 20;
  /** What the server has to tell of the session; no answer comes while undefined. */
  watched: Watched | undefined = watched();
  /** Replies by tool, or by method, in place of the usual ones. */
  replies: Record<string, (request: OpenRequest) => Reply> = {};
  #listener: (message: unknown) => void = () => {};

  constructor(
    readonly host: {
      readonly capabilities?: Record<string, unknown>;
      readonly context?: Record<string, unknown>;
    } = {},
  ) {
    this.view = createSessionView({
      port: {
        post: (message) => this.#take(message),
        onMessage: (listener) => this.#listener = listener,
      },
      clock: this.clock,
      locale: "en-GB",
      show: (state) => void this.shown.push(state),
    });
  }

  /** Starts the page, and lets the handshake pass. */
  async start(): Promise<this> {
    this.view.start();
    await this.advance(this.latencyMs);
    return this;
  }

  /** The state without the fields that are undefined. */
  get state(): ViewState {
    return defined(this.view.state);
  }

  get actions(): SessionView["actions"] {
    return this.view.actions;
  }

  /** Requests of a tool, or of a method. */
  of(name: string): OpenRequest[] {
    return this.requests.filter((request) => request.name === name);
  }

  pending(eventId: string): PendingState | undefined {
    return this.state.pending.find(({ call }) => call.event_id === eventId);
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await settle();
  }

  notify(method: string, params: unknown): void {
    this.#listener({ jsonrpc: "2.0", method: `ui/notifications/${method}`, params });
  }

  input(args: Record<string, unknown> = { session_id: SESSION }): void {
    this.notify("tool-input", { arguments: args });
  }

  /** Ends the tool's call. */
  result(fields: Record<string, unknown>, meta?: unknown): void {
    this.notify("tool-result", {
      ...toolResult(fields),
      ...(meta !== undefined && { _meta: { "cma-mcp/view": meta } }),
    });
  }

  teardown(): void {
    this.#listener({ jsonrpc: "2.0", id: "t", method: "ui/resource-teardown", params: {} });
  }

  /** Answers a request; does nothing for one that was answered. */
  reply(request: OpenRequest, reply: Reply): void {
    if (!reply || !this.open.delete(request.id)) return;
    this.#listener({
      jsonrpc: "2.0",
      id: request.id,
      ...("fail" in reply ? { error: reply.fail } : { result: reply.result }),
    });
  }

  #take(message: unknown): void {
    if (!isJsonObject(message)) throw new TypeError("The page posts objects only");
    const { id, method, params } = message;
    if (typeof method !== "string") return;
    if (id === undefined) return void this.notifications.push({ method, params });
    const given = isJsonObject(params) ? params : {};
    const request: OpenRequest = {
      id,
      method,
      name: typeof given.name === "string" ? given.name : method,
      params: given,
      args: isJsonObject(given.arguments) ? given.arguments : {},
      at: this.clock.now(),
    };
    this.requests.push(request);
    this.open.set(id, request);
    const replyTo = this.replies[request.name] ?? ((one: OpenRequest) => this.#usual(one));
    this.clock.after(this.latencyMs, () => this.reply(request, replyTo(request)));
  }

  #usual({ name }: OpenRequest): Reply {
    const { capabilities: hostCapabilities = {}, context: hostContext = {} } = this.host;
    switch (name) {
      case "ui/initialize":
        return { result: { hostCapabilities, hostContext } };
      case "watch_session": {
        if (!this.watched) return undefined;
        return { result: toolResult({ ...this.watched }) };
      }
      case "ui/message":
      case "ui/update-model-context":
      case "ui/open-link":
      case "ui/download-file":
        return { result: {} };
      default:
        return { fail: { code: -32601, message: "Method not found" } };
    }
  }
}

/** Returns a value without the fields that are undefined. */
function defined<T>(value: T): T;
function defined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((entry) => defined(entry));
  if (!isJsonObject(value) || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) =>
      field === undefined ? [] : [[name, defined(field)]]
    ),
  );
}
