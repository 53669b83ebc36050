/**
 * Keeps a record of the events that pass through an API, whoever asks for them.
 *
 * @module
 */

import { ApiError } from "./api_error.ts";
import { LruMap } from "../core/lru.ts";
import type { EventStream, ManagedAgentsApi } from "./api.ts";
import type { EventRecord } from "./event_record.ts";

/** Sessions that were made here, and how long, in milliseconds, a replica may not know them. */
const MAX_CREATED = 1_000;
const NEW_MS = 10_000;

/**
 * An API that keeps a record of the events that pass through it. Reads of a session that was made
 * through it moments ago are not told that there is no such session: a replica may trail.
 */
export function recordEvents(api: ManagedAgentsApi, record: EventRecord): ManagedAgentsApi {
  const { sessions, events } = api;
  const created = new LruMap<string, number>(MAX_CREATED);
  const reading = async <T>(sessionId: string, read: Promise<T>): Promise<T> => {
    try {
      return await read;
    } catch (error) {
      const createdAt = created.get(sessionId) ?? -Infinity;
      const isNew = record.localTime().monotonic - createdAt < NEW_MS;
      if (!isNew || !(error instanceof ApiError) || !error.isNotFound) throw error;
      const { requestId, origin } = error;
      const text = "The API does not show the new session yet";
      throw new ApiError(text, { kind: "timeout", requestId, origin }, { cause: error });
    }
  };
  return {
    ...api,
    eventRecord: record,
    sessions: {
      ...sessions,
      async create(params, options) {
        const sentAt = record.localTime();
        const session = await sessions.create(params, options);
        record.noteCreated(session.id, sentAt);
        created.set(session.id, record.localTime().monotonic);
        return session;
      },
      retrieve: (sessionId, options) => reading(sessionId, sessions.retrieve(sessionId, options)),
    },
    events: {
      async list(sessionId, params, options) {
        const page = await reading(sessionId, events.list(sessionId, params, options));
        record.noteEvents(sessionId, page.data);
        return page;
      },
      async send(sessionId, sent, options) {
        const sentAt = record.localTime();
        const result = await events.send(sessionId, sent, options);
        record.noteSent(sessionId, result.data, sentAt);
        return result;
      },
      async stream(sessionId, options) {
        const stream = await reading(sessionId, events.stream(sessionId, options));
        return recorded(stream, sessionId, record);
      },
    },
  };
}

function recorded(stream: EventStream, sessionId: string, record: EventRecord): EventStream {
  return {
    close: () => stream.close(),
    async *[Symbol.asyncIterator]() {
      for await (const item of stream) {
        if (item.kind === "event") record.noteEvents(sessionId, [item.event]);
        yield item;
      }
    },
  };
}
