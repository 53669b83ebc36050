/**
 * How events look to clients, by habit.
 *
 * @module
 */

import type { Habits } from "./habits.ts";
import type { EventBody, WireEvent } from "./wire.ts";

/** The event as a client sees it. */
export function present(event: WireEvent, habits: Habits): EventBody {
  if (!habits.eventsWithoutIds && !habits.idleWithoutStopReason) return event;
  const shown: Record<string, unknown> & { type: string } = { ...event };
  if (habits.eventsWithoutIds) delete shown.id;
  if (habits.idleWithoutStopReason && event.type === "session.status_idle") {
    delete shown.stop_reason;
    delete shown.stop_details;
  }
  return shown;
}
