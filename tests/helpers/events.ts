import type { SessionEvent } from "../../src/api/events.ts";

type Fields = Record<string, unknown>;

/** Makes events of one session; see {@linkcode eventMaker}. */
export interface EventMaker {
  make(type: string, fields?: Fields): SessionEvent;
  user(text: string, fields?: Fields): SessionEvent;
  queuedUser(text: string): SessionEvent;
  /** Returns the same event, taken up now. */
  stamped(event: SessionEvent): SessionEvent;
  running(): SessionEvent;
  text(text: string): SessionEvent;
  tool(name: string, fields?: Fields): SessionEvent;
  toolResult(toolUseId: string, fields?: Fields): SessionEvent;
  idle(type: string, fields?: Fields): SessionEvent;
  endTurn(): SessionEvent;
  error(type: string, retryStatus?: string): SessionEvent;
  asks(...eventIds: string[]): SessionEvent;
}

/** Makes a maker of one session's events: ids and times grow, times by a second each. */
export function eventMaker(startMs = Date.parse("2026-11-23T09:00:00.000Z")): EventMaker {
  let count = 0;
  const make = (type: string, fields: Record<string, unknown> = {}): SessionEvent => {
    count++;
    return {
      type,
      id: `sevt_${String(count).padStart(6, "0")}`,
      processed_at: new Date(startMs + count * 1_000).toISOString(),
      ...fields,
    };
  };
  const content = (text: string) => [{ type: "text", text }];
  const idle = (type: string, fields: Record<string, unknown> = {}) =>
    make("session.status_idle", { stop_reason: { type, ...fields }, stop_details: null });
  return {
    make,
    user: (text: string, fields = {}) =>
      make("user.message", { content: content(text), ...fields }),
    queuedUser: (text: string) =>
      make("user.message", { content: content(text), processed_at: null }),
    stamped: (event) => ({
      ...event,
      processed_at: make("tick").processed_at,
    }),
    running: () => make("session.status_running"),
    text: (text: string) => make("agent.message", { content: content(text) }),
    tool: (name: string, fields = {}) => make("agent.tool_use", { name, input: {}, ...fields }),
    toolResult: (toolUseId: string, fields = {}) =>
      make("agent.tool_result", { tool_use_id: toolUseId, ...fields }),
    idle,
    endTurn: () => idle("end_turn"),
    error: (type, retryStatus = "retrying") =>
      make("session.error", { error: { type, retry_status: { type: retryStatus } } }),
    asks: (...eventIds: string[]) => idle("requires_action", { event_ids: eventIds }),
  };
}
