/**
 * Makes the results of the earlier servers from the same API responses: one text, indented by two.
 *
 * @module
 */

type Fields = Readonly<Record<string, unknown>>;

/** Longest text of a field in a list of events, in characters. */
const MAX_FIELD_CHARS = 4_000;

function indented(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

function pick(from: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, from[name]]));
}

function clipped(text: string): string {
  const rest = text.length - MAX_FIELD_CHARS;
  return rest > 0 ? `${text.slice(0, MAX_FIELD_CHARS)}… [${rest} more characters]` : text;
}

function textOf(content: unknown): string {
  const blocks: readonly Fields[] = Array.isArray(content) ? content : [];
  return blocks.map(({ text }) => typeof text === "string" ? text : "").join("");
}

/** A bare list, without a cursor. */
export function listAgents(agents: readonly Fields[]): string {
  return indented(agents.map((agent) => pick(agent, ["id", "name", "description", "model"])));
}

/** The API's whole object, system prompt included. */
export function getAgent(agent: Fields): string {
  return indented(agent);
}

/** With the whole snapshot of the agent. */
export function getSession(session: Fields): string {
  const names = ["id", "status", "title", "agent", "created_at", "updated_at", "usage"];
  return indented(pick(session, names));
}

function eventView(event: Fields): Fields {
  const view = pick(event, ["id", "type", "processed_at"]);
  switch (event.type) {
    case "agent.message":
      return { ...view, text: clipped(textOf(event.content)) };
    case "agent.tool_use":
    case "agent.mcp_tool_use":
      return { ...view, name: event.name, input: clipped(JSON.stringify(event.input)) };
    case "agent.tool_result":
    case "agent.mcp_tool_result":
      return { ...view, is_error: event.is_error };
    case "session.status_idle":
      return { ...view, stop_reason: event.stop_reason };
    default:
      return view;
  }
}

/** User texts, errors and results of tools are not shown. */
export function listEvents(events: readonly Fields[]): string {
  const last_event_id = events.at(-1)?.id;
  return indented({ events: events.map(eventView), has_more: false, last_event_id });
}

/** A turn's texts joined by blank lines, and a line per tool call. */
export function waitForIdle(turn: readonly Fields[]): string {
  const reply = turn.filter(({ type }) => type === "agent.message")
    .map(({ content }) => textOf(content)).join("\n\n");
  const tool_activity = turn.filter(({ type }) => String(type).endsWith("tool_use"))
    .map(({ name }) => `→ ${name}`);
  return indented({ status: "idle", reply, tool_activity, last_event_id: turn.at(-1)?.id });
}
