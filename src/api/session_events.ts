/**
 * `/v1/sessions/{id}/events`: the log, sending, and the stream.
 *
 * @module
 */

import type { ClientEvent, ManagedAgentsApi } from "./api.ts";
import { decoded } from "./decode.ts";
import { decodeEvent, type SessionEvent } from "./events.ts";
import { openEventStream } from "./event_stream.ts";
import { type HttpContext, requestJson } from "./http.ts";
import { pageOf, type Read } from "./resources.ts";
import { pathSegment } from "./url.ts";

const eventOf: Read<SessionEvent> = (entry) => decodeEvent(entry);

/** The body of `POST /v1/sessions/{id}/events`. */
export interface SendEventsBody {
  readonly events: readonly ClientEvent[];
}

/** The event endpoints over `context`. */
export function createSessionEvents(context: HttpContext): ManagedAgentsApi["events"] {
  return {
    async list(sessionId, { order, types, createdAtGte, limit, page }, options) {
      const query = { order, types, "created_at[gte]": createdAtGte, limit, page };
      const spec = { method: "GET", path: eventsPath(sessionId), query } as const;
      const answer = await requestJson(context, spec, options);
      return decoded(pageOf(answer.value, eventOf, context.log), answer, "page of events");
    },
    async send(sessionId, events, options) {
      const body: SendEventsBody = { events };
      const spec = { method: "POST", path: eventsPath(sessionId), body } as const;
      const answer = await requestJson(context, spec, options);
      // Accepted, whether or not the body echoes it: one implementation sends none.
      return pageOf(answer.value, eventOf, context.log) ?? { data: [] };
    },
    async stream(sessionId, options) {
      const spec = { method: "GET", path: `${eventsPath(sessionId)}/stream` } as const;
      return await openEventStream(context, spec, options);
    },
  };
}

function eventsPath(sessionId: string): string {
  return `/v1/sessions/${pathSegment(sessionId)}/events`;
}
