/**
 * From method and path to a route.
 *
 * @module
 */

import { notFound } from "./envelope.ts";
import type { Handler } from "./exchange.ts";
import { agentRoutes } from "./routes/agents.ts";
import { environmentRoutes } from "./routes/environments.ts";
import { eventRoutes } from "./routes/events.ts";
import { sessionRoutes } from "./routes/sessions.ts";

interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly handler: Handler;
}

const table = { ...agentRoutes, ...environmentRoutes, ...sessionRoutes, ...eventRoutes };

const routes: readonly Route[] = Object.entries(table).map(([key, handler]) => {
  const [method = "", pattern = ""] = key.split(" ");
  return { method, path: new RegExp(`^${pattern.replaceAll("*", "([^/]+)")}$`), handler };
});

/** The route of a request and the variable parts of its path; throws 404 when there is none. */
export function findRoute(method: string, pathname: string): { handler: Handler; ids: string[] } {
  for (const route of routes) {
    if (route.method !== method) continue;
    const match = route.path.exec(pathname);
    if (match) return { handler: route.handler, ids: match.slice(1) };
  }
  throw notFound(`No such endpoint: ${method} ${pathname}.`);
}
