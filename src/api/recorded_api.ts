/**
 * Keeps a record of the events that pass through an API, whoever asks for them.
 *
 * @module
 */

import type { EventStream, ManagedAgentsApi } from "./api.ts";
import type { EventRecord } from "./event_record.ts";

/** An API that keeps a record of the events that pass through it. */
export function recordEvents(api: ManagedAgentsApi, record: EventRecord): ManagedAgentsApi {
  const { sessions, events } = api;
  return {
    ...api,
    eventRecord: record,
    sessions: {
      ...sessions,
      async create(params, options) {
        const sentAt = record.localTime();
        const session = await sessions.create(params, options);
        record.noteCreated(session.id, sentAt);
        return session;
      },
    },
    events: {
      async list(sessionId, params, options) {
        const page = await events.list(sessionId, params, options);
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
        return recorded(await events.stream(sessionId, options), sessionId, record);
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
