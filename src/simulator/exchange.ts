/**
 * One request under way, as the routes see it.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import type { AgentStore } from "./agents.ts";
import { invalid, jsonResponse, SimulatorError } from "./envelope.ts";
import type { EnvironmentStore } from "./environments.ts";
import type { StreamFault } from "./faults.ts";
import type { Heartbeats } from "./heartbeats.ts";
import type { ListPage } from "./pages.ts";
import { Query } from "./query.ts";
import type { Script } from "./script.ts";
import type { World } from "./session.ts";
import type { SessionStore } from "./sessions.ts";
import { type Fields, isFields } from "./wire.ts";

/** The simulated workspace. */
export interface Workspace {
  readonly world: World;
  readonly clock: Clock;
  readonly heartbeats: Heartbeats;
  readonly agents: AgentStore;
  readonly environments: EnvironmentStore;
  readonly sessions: SessionStore;
  /** Plays agents that clients create. */
  readonly defaultScript: Script;
}

/** A request, matched to a route. */
export interface Exchange {
  readonly workspace: Workspace;
  readonly request: Request;
  readonly url: URL;
  readonly requestId: string;
  /** The path's variable parts, in order. */
  readonly ids: readonly string[];
  /** Takes a fault for the stream that is about to open. */
  readonly takeStreamFault: () => StreamFault | undefined;
}

/** Answers a request; throws a `SimulatorError` to refuse it. */
export type Handler = (exchange: Exchange) => Response | Promise<Response>;

/** A variable part of the path. */
export function idAt(exchange: Exchange, index: number): string {
  return exchange.ids[index] ?? "";
}

/** The request's query, which may hold these parameters only. */
export function queryOf(exchange: Exchange, ...known: string[]): Query {
  return new Query(exchange.url.searchParams, known, exchange.workspace.world.habits);
}

/** Largest body in bytes; the API documents 32 MB. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** The request's JSON object. */
export async function bodyOf(exchange: Exchange): Promise<Fields> {
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
  if (isFields(body)) return body;
  throw invalid("The request body must be a JSON object.");
}

/** A JSON answer with status 200. */
export function answer(exchange: Exchange, body: unknown): Response {
  return jsonResponse(body, exchange.requestId);
}

/** A page of a list. */
export function answerPage<T>(
  exchange: Exchange,
  page: Pick<ListPage<T>, "items" | "next_page">,
  show: (item: T) => Fields,
  more: Fields = {},
): Response {
  const data = page.items.map(show);
  if (!exchange.workspace.world.habits.pagesWithoutNext) {
    return answer(exchange, { data, next_page: page.next_page, ...more });
  }
  const ids = { first_id: data.at(0)?.id ?? null, last_id: data.at(-1)?.id ?? null };
  return answer(exchange, { data, has_more: page.next_page !== null, ...ids });
}
