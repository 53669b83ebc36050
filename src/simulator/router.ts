/**
 * Finds the route of a request, and checks its credential, its beta header and the rate limit.
 *
 * @module
 */

import { invalid, notFound, SimulatorError } from "./errors.ts";
import type { Handler } from "./exchange.ts";
import type { Habits } from "./habits.ts";
import { agentRoutes } from "./routes/agents.ts";
import { environmentRoutes } from "./routes/environments.ts";
import { eventRoutes } from "./routes/events.ts";
import { fileRoutes } from "./routes/files.ts";
import { sessionRoutes } from "./routes/sessions.ts";

interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly handler: Handler;
}

const table = {
  ...agentRoutes,
  ...environmentRoutes,
  ...sessionRoutes,
  ...eventRoutes,
  ...fileRoutes,
};

/** Every endpoint by method and path, with `*` for the variable parts. */
export const ENDPOINTS: readonly string[] = Object.keys(table);

const routes: readonly Route[] = Object.entries(table).map(([key, handler]) => {
  const [method = "", pattern = ""] = key.split(" ");
  return { method, path: new RegExp(`^${pattern.replaceAll("*", "([^/]+)")}$`), handler };
});

/**
 * Returns the route of a request and the variable parts of its path; throws 404 when there is none.
 */
export function findRoute(method: string, pathname: string): { handler: Handler; ids: string[] } {
  for (const route of routes) {
    if (route.method !== method) continue;
    const match = route.path.exec(pathname);
    if (match) return { handler: route.handler, ids: match.slice(1) };
  }
  throw notFound(`No such endpoint: ${method} ${pathname}.`);
}

const REQUIRED_BETA = "managed-agents-2026-04-01";
const KNOWN_BETAS = new Set([REQUIRED_BETA, "oauth-2025-04-20", "files-api-2025-04-14"]);
const MINUTE_MS = 60_000;

/** Throws 401 unless the request carries the key, or any key when none is set. */
export function checkApiKey(headers: Headers, apiKey: string | undefined): void {
  const bearer = /^bearer\s+(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  const given = headers.get("x-api-key") || bearer;
  if (given && (apiKey === undefined || given === apiKey)) return;
  const message = given ? "invalid x-api-key" : "x-api-key header is required";
  throw new SimulatorError(401, "authentication_error", message);
}

/** Throws when the `anthropic-beta` header is missing, or names something unknown. */
export function checkBeta(headers: Headers, pathname: string, habits: Habits): void {
  if (habits.betaHeader === "ignored") return;
  const betas = (headers.get("anthropic-beta") ?? "").split(",").map((beta) => beta.trim());
  const given = betas.filter((beta) => beta !== "");
  const unknown = given.find((beta) => !KNOWN_BETAS.has(beta));
  if (unknown) throw invalid(`anthropic-beta: unknown value "${unknown}".`);
  if (given.includes(REQUIRED_BETA)) return;
  // Without the header the thread endpoints do not exist.
  if (/\/threads(\/|$)/.test(pathname)) throw notFound("Not found.");
  throw invalid(`anthropic-beta: this endpoint needs ${REQUIRED_BETA}.`);
}

/** Counts reads by the minute. */
export class ReadLimit {
  readonly #now: () => number;
  readonly #perMinute: number;
  #windowStart = -Infinity;
  #count = 0;

  /** @param perMinute reads allowed per minute; 0 is no limit */
  constructor(now: () => number, perMinute: number) {
    this.#now = now;
    this.#perMinute = perMinute;
  }

  /** Counts a request; throws 429 with `retry-after` when a read exceeds the limit. */
  check(method: string): void {
    if (this.#perMinute <= 0 || method !== "GET") return;
    const now = this.#now();
    if (now - this.#windowStart >= MINUTE_MS) {
      this.#windowStart = now;
      this.#count = 0;
    }
    this.#count++;
    if (this.#count <= this.#perMinute) return;
    const resetMs = this.#windowStart + MINUTE_MS;
    throw new SimulatorError(429, "rate_limit_error", "Too many read requests this minute.", {
      headers: {
        "retry-after": String(Math.ceil((resetMs - now) / 1000)),
        "anthropic-ratelimit-requests-limit": String(this.#perMinute),
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": new Date(resetMs).toISOString(),
      },
    });
  }
}
