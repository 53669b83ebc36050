/**
 * `/v1/environments`
 *
 * @module
 */

import { answer, answerPage, type Handler, idAt, queryOf } from "../exchange.ts";
import { readPage } from "../pages.ts";

const list: Handler = (exchange) => {
  const query = queryOf(exchange, "limit", "page", "include_archived");
  const archived = query.flag("include_archived");
  const page = readPage(exchange.workspace.environments.list, {
    scope: exchange.url.pathname,
    query,
    order: "desc",
    defaultLimit: 20,
    maxLimit: 100,
    filter: ({ wire }) => archived || wire.archived_at === null,
  });
  return answerPage(exchange, page, ({ wire }) => wire);
};

const retrieve: Handler = (exchange) => {
  queryOf(exchange);
  return answer(exchange, exchange.workspace.environments.find(idAt(exchange, 0)).wire);
};

const archive: Handler = (exchange) =>
  answer(exchange, exchange.workspace.environments.archive(idAt(exchange, 0)));

/** Routes by method and path. */
export const environmentRoutes: Readonly<Record<string, Handler>> = {
  "GET /v1/environments": list,
  "GET /v1/environments/*": retrieve,
  "POST /v1/environments/*/archive": archive,
};
