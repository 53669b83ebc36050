/**
 * The order of a session's events: which way a page runs, and each event once.
 *
 * @module
 */

import { isInput, isQueued, type SessionEvent } from "./events.ts";
import { instantMs } from "./read.ts";

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
    stepVotes(events.filter((event) => !isInput(event)).map(instantOf)) ||
    stepVotes(events.map(({ seq }) => typeof seq === "number" ? seq : undefined)) ||
    stepVotes(events.map(instantOf)) ||
    startVotes(events);
  if (votes === 0) return undefined;
  return votes > 0 ? "asc" : "desc";
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

function instantOf(event: SessionEvent): number | undefined {
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

/** True for events that show that a turn has begun. */
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

/**
 * Each event once, where it stood first in time: what comes again under the same id is the same
 * event, and of two versions the fuller one counts.
 */
export function eachOnce(events: readonly SessionEvent[], order: Order = "asc"): SessionEvent[] {
  const versions = new Map<string, SessionEvent>();
  let again = false;
  for (const event of events) {
    if (!event.id) continue;
    const other = versions.get(event.id);
    again ||= other !== undefined;
    versions.set(event.id, other ? fullerEvent(other, event) : event);
  }
  if (!again) return [...events];
  const ascending = order === "asc" ? events : events.toReversed();
  const kept = ascending.flatMap((event) => {
    if (!event.id) return event;
    const version = versions.get(event.id);
    versions.delete(event.id);
    return version ?? [];
  });
  return order === "asc" ? kept : kept.reverse();
}

/**
 * Of two versions of an event the one that says more: stamped before queued, then the longer one,
 * then the second.
 */
export function fullerEvent(first: SessionEvent, second: SessionEvent): SessionEvent {
  if (isQueued(first) !== isQueued(second)) return isQueued(first) ? second : first;
  return JSON.stringify(first).length > JSON.stringify(second).length ? first : second;
}
