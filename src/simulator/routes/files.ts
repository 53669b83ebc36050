/**
 * `/v1/files`: lists of what sessions write, and any file by its id
 *
 * @module
 */

import { invalid, notFound } from "../errors.ts";
import {
  type Handler,
  idAt,
  queryOf,
  respond,
  respondPage,
  type SimulatedExchange,
} from "../exchange.ts";
import type { SimulatedFile } from "../files.ts";
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

function fileAt(exchange: SimulatedExchange): SimulatedFile {
  const { sessions, uploads } = exchange.workspace;
  const id = idAt(exchange, 0);
  const file = uploads.find(id) ?? sessions.findFile(id);
  if (!file) throw notFound(`File ${id} not found.`);
  if (file.expired) throw notFound(`File ${id} has expired.`, "file_expired");
  return file;
}

const retrieve: Handler = (exchange) => {
  queryOf(exchange);
  return respond(exchange, fileAt(exchange).wire);
};

const content: Handler = (exchange) => {
  queryOf(exchange);
  const { id, content, wire } = fileAt(exchange);
  if (!wire.downloadable) {
    throw invalid(`File ${id} was uploaded and cannot be downloaded.`, "file_not_downloadable");
  }
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
