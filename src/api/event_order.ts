/**
 * Which way a page of events runs, by what it holds.
 *
 * @module
 */

import { instantMs } from "./read.ts";
import type { SessionEvent } from "./events.ts";

/** The direction of a list of events: oldest first, or newest first. */
export type Order = "asc" | "desc";

/** The other direction. */
export function opposite(order: Order): Order {
  return order === "asc" ? "desc" : "asc";
}

/** Fields that name an event which came before. */
const REFERENCES = [
  "tool_use_id",
  "mcp_tool_use_id",
  "custom_tool_use_id",
  "model_request_start_id",
] as const;

/**
 * The direction in which the events of a page stand, oldest or newest first. Some servers ignore the
 * order that is asked for.
 *
 * What decides, the first that says anything: an event that refers to another came after it; the
 * times of what the server itself made, pair by pair (the majority counts, since clocks differ);
 * the server's running numbers; the times of inputs, which some servers stamp only when their turn
 * has ended; that a message precedes the turn that it starts.
 *
 * @returns undefined where nothing tells
 */
export function directionOf(events: readonly SessionEvent[]): Order | undefined {
  const votes = referenceVotes(events) ||
    stepVotes(events.filter((event) => !isInput(event)).map(timeOf)) ||
    stepVotes(events.map(({ seq }) => typeof seq === "number" ? seq : undefined)) ||
    stepVotes(events.map(timeOf)) ||
    startVotes(events);
  if (votes === 0) return undefined;
  return votes > 0 ? "asc" : "desc";
}

/** Whether a client sent the event: its time says when it was taken up, or less. */
export function isInput({ type }: SessionEvent): boolean {
  return type.startsWith("user.") || type.startsWith("system.");
}

function referenceVotes(events: readonly SessionEvent[]): number {
  const places = new Map(events.map(({ id }, index) => [id, index]));
  let votes = 0;
  for (const [index, event] of events.entries()) {
    for (const name of REFERENCES) {
      const id = event[name];
      const place = typeof id === "string" ? places.get(id) : undefined;
      if (place !== undefined) votes += Math.sign(index - place);
    }
  }
  return votes;
}

function timeOf(event: SessionEvent): number | undefined {
  return instantMs(event.processed_at ?? event.created_at);
}

/** Steps up less steps down. */
function stepVotes(values: readonly (number | undefined)[]): number {
  const known = values.filter((value) => value !== undefined);
  return known.reduce((votes, value, index) => {
    const before = known[index - 1];
    return before === undefined ? votes : votes + Math.sign(value - before);
  }, 0);
}

/** Whether the event shows that a turn has begun. */
export function beginsTurn({ type }: SessionEvent): boolean {
  return STARTS.has(type);
}

const STARTS: ReadonlySet<string> = new Set([
  "session.status_running",
  "session.thread_status_running",
  "span.model_request_start",
]);

function startVotes(events: readonly SessionEvent[]): number {
  let votes = 0;
  for (const [index, event] of events.entries()) {
    const next = events[index + 1];
    if (!next) break;
    if (event.type === "user.message" && beginsTurn(next)) votes++;
    if (next.type === "user.message" && beginsTurn(event)) votes--;
  }
  return votes;
}
