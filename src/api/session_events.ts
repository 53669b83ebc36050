/**
 * `/v1/sessions/{id}/events`: the log, sending, and the stream.
 *
 * @module
 */

import * as z from "zod";
import type { ClientEvent, ManagedAgentsApi } from "./api.ts";
import { decodeAnswer, decodeEvents } from "./decode.ts";
import { openEventStream } from "./event_stream.ts";
import { type HttpContext, requestJson } from "./http.ts";
import { pageSchema } from "./resources.ts";
import { pathSegment } from "./url.ts";

/** Entries are checked one by one, so that a bad one does not spoil the page. */
const rawPageSchema = pageSchema(z.unknown());

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
      const raw = decodeAnswer(rawPageSchema, answer, "page");
      return { ...raw, data: decodeEvents(raw.data, context.log) };
    },
    async send(sessionId, events, options) {
      const body: SendEventsBody = { events };
      const spec = { method: "POST", path: eventsPath(sessionId), body } as const;
      const answer = await requestJson(context, spec, options);
      // Accepted without an echo, as one implementation does.
      if (answer.value === undefined) return { data: [] };
      const raw = decodeAnswer(rawPageSchema, answer, "echo");
      return { ...raw, data: decodeEvents(raw.data, context.log) };
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
