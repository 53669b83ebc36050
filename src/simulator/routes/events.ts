/**
 * `/v1/sessions/{id}/events` and `/v1/sessions/{id}/threads`
 *
 * @module
 */

import { notFound } from "../errors.ts";
import { bodyOf, type Handler, idAt, queryOf, respond, respondPage } from "../exchange.ts";
import { present } from "../habits.ts";
import { readCursor, readListPage, writeCursor } from "../pages.ts";
import { checkSend, parseSend } from "../sending.ts";
import { SortedList } from "../sorted.ts";
import { encodeFrame, OutgoingStream } from "../stream.ts";
import { threadEvents } from "../threads.ts";
import type { WireObject } from "../wire.ts";

const MAX_LIMIT = 1000;
const BOUNDS = ["created_at[gt]", "created_at[gte]", "created_at[lt]", "created_at[lte]"];

const list: Handler = (exchange) => {
  const { sessions, world } = exchange.workspace;
  const session = sessions.find(idAt(exchange, 0));
  const query = queryOf(exchange, "types[]", "order", "limit", "page", ...BOUNDS);
  const scope = exchange.url.pathname;
  const types = query.all("types[]");
  const range = query.range("created_at");
  const page = session.listed.read({
    order: query.order("asc"),
    limit: query.limit(MAX_LIMIT, MAX_LIMIT),
    after: readCursor(scope, query)?.place,
    types: types.length > 0 ? new Set(types) : undefined,
    minMicros: range.min,
    maxMicros: range.max,
  });
  const next_page = page.next ? writeCursor(scope, query, { place: page.next, back: false }) : null;
  return respondPage(
    exchange,
    { items: page.events, next_page },
    (event) => present(session.asListed(event), world.habits),
  );
};

const send: Handler = async (exchange) => {
  const { sessions, world } = exchange.workspace;
  const events = parseSend(await bodyOf(exchange));
  const session = sessions.find(idAt(exchange, 0));
  checkSend(session, events, world.habits);
  const sent = sessions.send(session, events);
  if (world.habits.sendAnswers202Empty) {
    return new Response(null, { status: 202, headers: { "request-id": exchange.requestId } });
  }
  if (world.habits.sendAnswersWithoutData) return respond(exchange, { accepted: true });
  return respond(exchange, { data: sent.map((event) => present(event, world.habits)) });
};

const stream: Handler = (exchange) => {
  const { sessions, world, clock, heartbeats } = exchange.workspace;
  const session = sessions.find(idAt(exchange, 0));
  const query = queryOf(exchange, "event_deltas[]");
  const previews = query.allOf("event_deltas[]", ["agent.message", "agent.thinking"]);
  const outgoing = new OutgoingStream({
    clock,
    heartbeats,
    fault: exchange.takeStreamFault(),
    signal: exchange.request.signal,
    previews: new Set(previews),
    onClosed: (closed) => session.streams.delete(closed),
  });
  if (!outgoing.ended) session.streams.add(outgoing);
  if (world.habits.streamReplaysHistory && world.habits.streamShowsEvents) {
    for (const event of session.history.events()) {
      outgoing.push(encodeFrame(event.type, present(event, world.habits)));
    }
  }
  return new Response(outgoing.body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "request-id": exchange.requestId,
    },
  });
};

const threads: Handler = (exchange) => {
  const session = exchange.workspace.sessions.find(idAt(exchange, 0));
  const query = queryOf(exchange, "statuses[]", "limit", "page");
  const statuses = query.all("statuses[]");
  const all = new SortedList<{ rank: number; seq: number; wire: WireObject }>();
  session.threads.list().forEach((wire, rank) => all.insert({ rank, seq: 0, wire }));
  const page = readListPage(all, {
    scope: exchange.url.pathname,
    query,
    order: "asc",
    defaultLimit: MAX_LIMIT,
    maxLimit: MAX_LIMIT,
    filter: ({ wire }) => statuses.length === 0 || statuses.includes(String(wire.status)),
  });
  return respondPage(exchange, page, ({ wire }) => wire);
};

const thread: Handler = (exchange) => {
  queryOf(exchange);
  const session = exchange.workspace.sessions.find(idAt(exchange, 0));
  const found = session.threads.find(idAt(exchange, 1));
  if (!found) throw notFound(`Thread ${idAt(exchange, 1)} not found.`);
  return respond(exchange, found);
};

const eventsOfThread: Handler = (exchange) => {
  const { sessions, world } = exchange.workspace;
  const session = sessions.find(idAt(exchange, 0));
  // It takes no types and no order (`threads.EventListParams` of `@anthropic-ai/sdk` 1.12.0).
  const query = queryOf(exchange, "limit", "page");
  const threadId = idAt(exchange, 1);
  if (!session.threads.find(threadId)) throw notFound(`Thread ${threadId} not found.`);
  const page = readListPage(threadEvents(threadId, session.threads, session.listed.events()), {
    scope: exchange.url.pathname,
    query,
    order: "asc",
    defaultLimit: MAX_LIMIT,
    maxLimit: MAX_LIMIT,
  });
  return respondPage(exchange, page, ({ event }) => present(session.asListed(event), world.habits));
};

/** Routes by method and path. */
export const eventRoutes: Readonly<Record<string, Handler>> = {
  "GET /v1/sessions/*/events": list,
  "POST /v1/sessions/*/events": send,
  "GET /v1/sessions/*/events/stream": stream,
  "GET /v1/sessions/*/threads": threads,
  "GET /v1/sessions/*/threads/*": thread,
  "GET /v1/sessions/*/threads/*/events": eventsOfThread,
};
