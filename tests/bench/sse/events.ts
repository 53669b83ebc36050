/**
 * Events of an agent at work, as they cross the wire.
 *
 * @module
 */

/** The events of a turn. */
export type Shape =
  /** Model requests, thinking, short messages, tool calls and their results: some 300 bytes each. */
  | "work"
  /** One long reply, in pieces of some 300 bytes. */
  | "reply"
  /** Tool calls that a person answers, one after another. */
  | "answers";

/** An event as JSON. */
export type EventJson = { readonly id: string; readonly type: string; readonly json: string };

type Fields = Readonly<Record<string, unknown>>;

const STARTS_AT = Date.parse("2026-11-23T09:00:00.000Z");
/** Between two events. */
const STEP_MS = 5;
/** Agents write lists, quotes and dashes, which JSON escapes and which take two bytes a character. */
const PROSE =
  'The report is ready. It says:\n- revenue grew by 4 %\n- "other costs" fell — see page 3\n';

/** Text of a length, in characters. */
export function proseOf(length: number): string {
  return PROSE.repeat(Math.ceil(length / PROSE.length)).slice(0, length);
}

const text = (length: number) => [{ type: "text", text: proseOf(length) }];

/** Makes the events of one session: ids and times grow. */
export class EventWriter {
  readonly #events: EventJson[] = [];

  /** Oldest first. */
  get events(): readonly EventJson[] {
    return this.#events;
  }

  /** @returns its id */
  add(type: string, fields: Fields = {}): string {
    const index = this.#events.length;
    const id = `sevt_01M83M3C${String(index).padStart(18, "0")}`;
    const processed_at = new Date(STARTS_AT + index * STEP_MS).toISOString().replace("Z", "321Z");
    this.#events.push({ id, type, json: JSON.stringify({ id, type, ...fields, processed_at }) });
    return id;
  }

  /** The message of a person, taken up. */
  ask(): void {
    this.add("user.message", { content: text(40) });
  }

  begin(): void {
    this.add("session.status_running");
  }

  /** Adds events until there are `count`, all of the same turn; no tool call is left without result. */
  fill(shape: Shape, count: number): void {
    let whole = this.#events.length;
    while (this.#events.length < count) {
      whole = this.#events.length;
      this[shape]();
    }
    if (this.#events.length > count) this.#events.length = whole;
    while (this.#events.length < count) this.add("agent.thinking");
  }

  end(): void {
    this.add("session.status_idle", { stop_reason: { type: "end_turn" }, stop_details: null });
  }

  /** A step of eight events. */
  work(): void {
    const model_request_start_id = this.add("span.model_request_start");
    this.add("agent.thinking");
    this.add("agent.message", { content: text(220) });
    const tool_use_id = this.add("agent.tool_use", {
      name: "bash",
      input: { command: proseOf(100) },
      evaluated_permission: "allow",
      evaluation: { type: "always_allow" },
      session_thread_id: null,
    });
    this.add("span.model_request_end", {
      model_request_start_id,
      is_error: null,
      model_usage: {
        input_tokens: 1_200,
        output_tokens: 80,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
      },
    });
    this.add("agent.tool_result", { tool_use_id, content: text(200), is_error: false });
    this.add("agent.message", { content: text(130) });
    this.add("session.thread_status_running", {
      session_thread_id: "sthr_01M83M3CPK00000KFS2QWNKZD7",
      agent_name: "A subagent that looks things up for the one that was asked",
    });
  }

  reply(): void {
    this.add("agent.message", { content: text(125) });
  }

  answers(): void {
    const custom_tool_use_id = this.add("agent.custom_tool_use", {
      name: "look_up",
      input: { query: proseOf(100) },
    });
    this.add("session.status_idle", {
      stop_reason: { type: "requires_action", event_ids: [custom_tool_use_id] },
      stop_details: null,
    });
    this.add("user.custom_tool_result", { custom_tool_use_id, content: text(100) });
    this.begin();
  }

  /** A message, or a tool's result, of a size. */
  large(type: "agent.message" | "agent.tool_result", length: number): void {
    const result = { tool_use_id: "sevt_01M83M3CPK00000M7W88VWP7ZN", is_error: false };
    this.add(type, { content: text(length), ...(type === "agent.tool_result" && result) });
  }
}

const encoder = new TextEncoder();

/** Returns events as frames of a stream, cut anywhere, as a network does. */
export function chunksOf(
  events: readonly EventJson[],
  chunkBytes: number,
): Uint8Array<ArrayBuffer>[] {
  const frames = events.map(({ type, json }) => `event: ${type}\ndata: ${json}\n\n`);
  const bytes = encoder.encode(frames.join(""));
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    chunks.push(bytes.slice(from, from + chunkBytes));
  }
  return chunks;
}
