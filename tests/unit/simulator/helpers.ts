import type { Habits } from "../../../src/simulator/habits.ts";
import type { FixtureKey } from "../../../src/simulator/scripts/fixtures.ts";
import {
  createSimulator,
  type Simulator,
  type SimulatorOptions,
} from "../../../src/simulator/simulator.ts";
import { ManualClock } from "../../helpers/manual_clock.ts";

export const HEADERS: Readonly<Record<string, string>> = {
  "x-api-key": "test-key",
  "anthropic-beta": "managed-agents-2026-04-01",
};

export interface Wire {
  readonly [field: string]: unknown;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined when the body is empty. */
  readonly body: unknown;
}

/** What stands at a path within a JSON value: `dig(body, "data", 0, "id")`. */
export function dig(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>(
    (at, key) => typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined,
    value,
  );
}

/** The entries of a list answer. */
export function dataOf(reply: Reply): Wire[] {
  const data = dig(reply.body, "data");
  if (!Array.isArray(data)) throw new Error(`no data: ${JSON.stringify(reply.body)}`);
  return data;
}

export interface Bench {
  readonly clock: ManualClock;
  readonly simulator: Simulator;
  /** Sends a request; the body of the answer is parsed when there is one. */
  call(method: string, path: string, body?: unknown, headers?: HeadersInit): Promise<Reply>;
  send(sessionId: string, ...events: Wire[]): Promise<Reply>;
  events(sessionId: string, query?: string): Promise<Wire[]>;
  status(sessionId: string): Promise<string>;
  open(sessionId: string, query?: string): Promise<Listener>;
}

/** A simulator on a manual clock, and short words for what tests do with it. */
export function bench(
  habits: Partial<Habits> = {},
  apiKey?: string,
  options: SimulatorOptions = {},
): Bench {
  const clock = new ManualClock();
  const simulator = createSimulator({ clock, habits, apiKey, seed: 7, ...options });
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: HeadersInit = HEADERS,
  ): Promise<Reply> => {
    const response = await simulator.fetch(
      new Request(`http://simulator${path}`, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
      }),
    );
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
  };
  return {
    clock,
    simulator,
    call,
    send: (sessionId, ...events) => call("POST", `/v1/sessions/${sessionId}/events`, { events }),
    events: async (sessionId, query = "") =>
      dataOf(await call("GET", `/v1/sessions/${sessionId}/events${query}`)),
    status: async (sessionId) =>
      String(dig((await call("GET", `/v1/sessions/${sessionId}`)).body, "status")),
    open: (sessionId, query = "") => Listener.open(simulator, sessionId, query),
  };
}

/** Reads a stream in the background. */
export class Listener {
  readonly controller = new AbortController();
  text = "";
  /** `open`, `ended`, or the error that broke it. */
  state: "open" | "ended" | Error = "open";

  static async open(simulator: Simulator, sessionId: string, query = ""): Promise<Listener> {
    const listener = new Listener();
    const response = await simulator.fetch(
      new Request(`http://simulator/v1/sessions/${sessionId}/events/stream${query}`, {
        headers: HEADERS,
        signal: listener.controller.signal,
      }),
    );
    if (!response.body) throw new Error(`no stream: ${response.status}`);
    void listener.#read(response.body);
    return listener;
  }

  /** The data of every frame so far, heartbeats included. */
  get frames(): string[] {
    return this.text.split("\n\n").filter((frame) => frame !== "");
  }

  /** The events so far, without heartbeats. */
  get events(): Wire[] {
    return this.frames
      .map((frame) => JSON.parse(frame.slice(frame.indexOf("data: ") + 6)) as Wire)
      .filter((event) => event.type !== "ping");
  }

  get types(): unknown[] {
    return this.events.map((event) => event.type);
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    try {
      const decoder = new TextDecoder();
      for await (const chunk of body) this.text += decoder.decode(chunk, { stream: true });
      this.state = "ended";
    } catch (error) {
      this.state = error instanceof Error ? error : new Error(String(error));
    }
  }
}

/** A user message. */
export function message(text: string): Wire & { readonly type: string } {
  return { type: "user.message", content: [{ type: "text", text }] };
}

/** Starts a session of an agent, sends it a message and lets `ms` pass. */
export async function play(
  agent: FixtureKey,
  text: string,
  ms: number,
): Promise<Bench & { id: string }> {
  const tools = bench();
  const id = tools.simulator.createSession({ agent });
  await tools.send(id, message(text));
  await tools.clock.advance(ms);
  return { ...tools, id };
}

/** Types without spans, usage and thread status, which every turn has; idles with their reason. */
export function story(events: readonly Wire[]): string[] {
  return events
    .filter((event) => !/^span\.|^session\.(usage|thread_status)/.test(String(event.type)))
    .map((event) => {
      const reason = dig(event, "stop_reason", "type") ??
        dig(event, "error", "retry_status", "type");
      return reason ? `${event.type} ${reason}` : String(event.type);
    });
}

/** Everything that the agent says, line by line. */
export function replies(events: readonly Wire[]): string {
  const messages = events.filter((event) => event.type === "agent.message");
  return messages.map((event) => dig(event, "content", 0, "text")).join("\n");
}

/** A decision about a call. */
export function confirm(toolUseId: unknown, result: "allow" | "deny", deny_message?: string): Wire {
  return { type: "user.tool_confirmation", tool_use_id: toolUseId, result, deny_message };
}

/** The calls that the newest idle event names. */
export async function askedFor({ events }: Bench, id: string): Promise<unknown[]> {
  const idle = (await events(id)).findLast((event) => event.type === "session.status_idle");
  const ids = dig(idle, "stop_reason", "event_ids");
  return Array.isArray(ids) ? ids : [];
}
