/**
 * `/v1/files`, as far as sessions write them
 *
 * @module
 */

import { invalid } from "../errors.ts";
import { type Handler, idAt, queryOf, respond, respondPage } from "../exchange.ts";
import { readListPage } from "../pages.ts";

const list: Handler = (exchange) => {
  const query = queryOf(exchange, "scope_id", "limit", "page");
  const scope = query.text("scope_id");
  if (scope === undefined) throw invalid("scope_id: only files of sessions are simulated.");
  const page = readListPage(exchange.workspace.sessions.find(scope).files.listed, {
    scope: exchange.url.pathname,
    query,
    order: "desc",
    defaultLimit: 20,
    maxLimit: 1_000,
  });
  return respondPage(exchange, page, ({ wire }) => wire);
};

const retrieve: Handler = (exchange) => {
  queryOf(exchange);
  return respond(exchange, exchange.workspace.sessions.findFile(idAt(exchange, 0)).wire);
};

const content: Handler = (exchange) => {
  queryOf(exchange);
  const { content, wire } = exchange.workspace.sessions.findFile(idAt(exchange, 0));
  return new Response(content, {
    headers: {
      "content-type": String(wire.mime_type),
      "content-length": String(content.byteLength),
      "request-id": exchange.requestId,
    },
  });
};

/** Routes by method and path. */
export const fileRoutes: Readonly<Record<string, Handler>> = {
  "GET /v1/files": list,
  "GET /v1/files/*": retrieve,
  "GET /v1/files/*/content": content,
};
