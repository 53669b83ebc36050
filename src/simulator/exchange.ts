/**
 * One running request, as the routes see it.
 *
 * @module
 */

import type { AgentStore } from "./agents.ts";
import type { SimulatorClock } from "./clock.ts";
import type { EnvironmentStore } from "./environments.ts";
import { invalid, SimulatorError } from "./errors.ts";
import type { StreamFault } from "./faults.ts";
import type { SimulatedFiles } from "./files.ts";
import type { ListPage } from "./pages.ts";
import { RequestQuery } from "./query.ts";
import type { Script } from "./script.ts";
import type { World } from "./session.ts";
import type { SessionStore } from "./sessions.ts";
import type { Heartbeats } from "./stream.ts";
import { isWireObject, type WireObject } from "./wire.ts";

/** The simulated workspace. */
export interface Workspace {
  readonly world: World;
  readonly clock: SimulatorClock;
  readonly heartbeats: Heartbeats;
  readonly agents: AgentStore;
  readonly environments: EnvironmentStore;
  readonly sessions: SessionStore;
  /** Files that were uploaded, and belong to no session. */
  readonly uploads: SimulatedFiles;
  /** Script of agents that clients create. */
  readonly defaultScript: Script;
}

/** A request, matched to a route. */
export interface SimulatedExchange {
  readonly workspace: Workspace;
  readonly request: Request;
  readonly url: URL;
  readonly requestId: string;
  /** The path's variable parts, in order. */
  readonly ids: readonly string[];
  /** Takes a fault for the stream that is about to open. */
  readonly takeStreamFault: () => StreamFault | undefined;
}

/** Handles a request; throws a `SimulatorError` to reject it. */
export type Handler = (exchange: SimulatedExchange) => Response | Promise<Response>;

/** Returns a variable part of the path. */
export function idAt(exchange: SimulatedExchange, index: number): string {
  return exchange.ids[index] ?? "";
}

/** Returns the request's query, which may contain only the known parameters. */
export function queryOf(exchange: SimulatedExchange, ...known: string[]): RequestQuery {
  return new RequestQuery(exchange.url.searchParams, known, exchange.workspace.world.habits);
}

/** Largest body in bytes; the API documents 32 MB. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Reads the request's JSON object. */
export async function bodyOf(exchange: SimulatedExchange): Promise<WireObject> {
  const bytes = await exchange.request.arrayBuffer();
  if (bytes.byteLength > MAX_BODY_BYTES) {
    throw new SimulatorError(413, "request_too_large", "The request body exceeds 32 MB.");
  }
  const text = new TextDecoder().decode(bytes);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw invalid("The request body is not valid JSON.");
  }
  if (isWireObject(body)) return body;
  throw invalid("The request body must be a JSON object.");
}

/** Makes a JSON response with status 200. */
export function respond(exchange: SimulatedExchange, body: unknown): Response {
  return new Response(JSON.stringify(body), {
    headers: { "content-type": "application/json", "request-id": exchange.requestId },
  });
}

/** Makes the response with a page of a list. */
export function respondPage<T>(
  exchange: SimulatedExchange,
  page: Pick<ListPage<T>, "items" | "next_page">,
  show: (item: T) => WireObject,
  more: WireObject = {},
): Response {
  const data = page.items.map(show);
  if (!exchange.workspace.world.habits.pagesWithoutNext) {
    return respond(exchange, { data, next_page: page.next_page, ...more });
  }
  const ids = { first_id: data.at(0)?.id ?? null, last_id: data.at(-1)?.id ?? null };
  return respond(exchange, { data, has_more: page.next_page !== null, ...ids });
}
