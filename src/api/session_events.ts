/**
 * `/v1/sessions/{id}/events`: the log, sending, and the stream.
 *
 * @module
 */

import type { ClientEvent, ManagedAgentsApi } from "./api.ts";
import { decoded } from "./decode.ts";
import { decodeEvent, type SessionEvent } from "./events.ts";
import { openEventStream } from "./event_stream.ts";
import { createEventPages, type ServerPage, type ServerQuery } from "./event_pages.ts";
import { type HttpContext, requestJson, timeoutOf } from "./http.ts";
import { fieldsOf } from "./read.ts";
import { pageOf, type Read } from "./resources.ts";
import { pathSegment } from "./url.ts";

const eventOf: Read<SessionEvent> = (entry) => decodeEvent(entry);

/** The body of `POST /v1/sessions/{id}/events`. */
export interface SendEventsBody {
  readonly events: readonly ClientEvent[];
}

/** The event endpoints over `context`. */
export function createSessionEvents(context: HttpContext): ManagedAgentsApi["events"] {
  const pages = createEventPages(context.log);

  async function ask(
    sessionId: string,
    query: ServerQuery,
    options: Parameters<typeof requestJson>[2],
  ): Promise<ServerPage> {
    const { order, types, createdAtGte, limit, page, afterId, afterSeq } = query;
    const fields = {
      order,
      types,
      "created_at[gte]": createdAtGte,
      limit,
      page,
      after_id: afterId,
      after_seq: afterSeq,
    };
    const spec = { method: "GET", path: eventsPath(sessionId), query: fields } as const;
    const answer = await requestJson(context, spec, options);
    const listed = decoded(pageOf(answer.value, eventOf, context.log), answer, "page of events");
    const { has_more, next_page } = fieldsOf(answer.value) ?? {};
    // Absent and null are told apart here: null says that there is no more.
    return { ...listed, has_more, next_page: next_page === null ? null : listed.next_page };
  }

  return {
    async list(sessionId, params, options) {
      const { clock } = context;
      const endAt = clock.now() + timeoutOf(options);
      // Mostly one request; the bound is that of all together.
      return await pages.read(sessionId, params, (query) => {
        return ask(sessionId, query, { ...options, timeoutMs: Math.max(0, endAt - clock.now()) });
      });
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
