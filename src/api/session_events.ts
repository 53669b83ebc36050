/**
 * `/v1/sessions/{id}/events`: the log, sending, and the stream.
 *
 * @module
 */

import { LruMap } from "../core/lru.ts";
import type { ClientEvent, ManagedAgentsApi } from "./api.ts";
import { decoded } from "./decode.ts";
import { decodeEvent, type SessionEvent } from "./events.ts";
import { openEventStream } from "./event_stream.ts";
import { createEventPages, type ServerPage, type ServerQuery } from "./event_pages.ts";
import { AnswerTooLargeError, type HttpContext, requestJson, timeoutOf } from "./http.ts";
import { envelopeOf, pageOf, type Read } from "./resources.ts";
import { pathSegment } from "./url.ts";

const eventOf: Read<SessionEvent> = (entry) => decodeEvent(entry);

/** The longest text of an event in a large page; longer ones are screenshots and files. */
const MAX_TEXT_CHARS = 256 * 1024;
/** Of a larger event only the short fields are kept, and of a longer text to be read its end. */
const MAX_ENTRY_CHARS = 8 * 1024 * 1024;
const MAX_PROSE_CHARS = MAX_ENTRY_CHARS - 128 * 1024;
/** An answer with one event may be this many times as large as others: little of it is kept. */
const ALONE_FACTOR = 16;
/** The API's own. */
const DEFAULT_LIMIT = 1_000;
/** Sessions of which it is remembered how large a page may be. */
const MAX_SESSIONS = 1_000;

/** The body of `POST /v1/sessions/{id}/events`. */
export interface SendEventsBody {
  readonly events: readonly ClientEvent[];
}

/** The event endpoints over `context`. */
export function createSessionEvents(context: HttpContext): ManagedAgentsApi["events"] {
  const pages = createEventPages(context.log);
  /** Events that a page of a session may have, where more were too large. */
  const fitting = new LruMap<string, number>(MAX_SESSIONS);

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
    // An event that is alone too large comes in as well, as far as it can be of use.
    const isAlone = limit === 1;
    const list = {
      maxTextChars: query.maxTextChars ?? MAX_TEXT_CHARS,
      ...(query.maxTextChars === undefined &&
        { maxProseChars: Math.min(MAX_PROSE_CHARS, context.maxBodyBytes / 9) }),
      maxEntryChars: Math.min(MAX_ENTRY_CHARS, context.maxBodyBytes / 8),
      ...(isAlone && { maxBytes: context.maxBodyBytes * ALONE_FACTOR }),
    };
    const spec = { method: "GET", path: eventsPath(sessionId), query: fields, list } as const;
    const answer = await requestJson(context, spec, options);
    const listed = decoded(pageOf(answer.value, eventOf, context.log), answer, "page of events");
    const { has_more, next_page } = envelopeOf(answer.value)?.fields ?? {};
    // Absent and null are told apart here: null says that there is no more.
    return { ...listed, has_more, next_page: next_page === null ? null : listed.next_page };
  }

  /** Asks for fewer events as long as the answer is too large. */
  async function askFitting(
    sessionId: string,
    query: ServerQuery,
    optionsNow: () => Parameters<typeof requestJson>[2],
  ): Promise<ServerPage> {
    for (let limit = lesser(query.limit, fitting.get(sessionId));;) {
      try {
        const page = await ask(sessionId, { ...query, limit }, optionsNow());
        return limit === query.limit ? page : { ...page, reduced: limit };
      } catch (error) {
        if (!(error instanceof AnswerTooLargeError) || limit === 1) throw error;
        const half = Math.max(1, Math.floor((limit ?? DEFAULT_LIMIT) / 2));
        limit = error.entries > 0 ? Math.min(half, error.entries) : half;
        fitting.set(sessionId, limit);
        context.log.info("A page of events is too large, asking for less", { limit });
      }
    }
  }

  return {
    async list(sessionId, params, options) {
      const { clock } = context;
      const endAt = clock.now() + timeoutOf(options);
      // Mostly one request; the bound is that of all together.
      const optionsNow = () => ({ ...options, timeoutMs: Math.max(0, endAt - clock.now()) });
      return await pages.read(
        sessionId,
        params,
        (query) => askFitting(sessionId, query, optionsNow),
      );
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
      return await openEventStream(context, spec, sessionId, options);
    },
  };
}

function lesser(limit: number | undefined, bound: number | undefined): number | undefined {
  return bound === undefined ? limit : Math.min(limit ?? Infinity, bound);
}

function eventsPath(sessionId: string): string {
  return `/v1/sessions/${pathSegment(sessionId)}/events`;
}
