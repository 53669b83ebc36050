/**
 * Clients of the runtime's own HTTP.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { type Connections, createConnections, type OpenHttpClient } from "../api/connections.ts";

/**
 * Opens clients that speak HTTP/1.1 only. They follow the proxies that the environment names, and
 * trust the authorities that the runtime trusts, as a plain `fetch` does.
 *
 * @param caCerts PEM of further authorities
 */
export function httpClientOpener(caCerts: readonly string[] = []): OpenHttpClient {
  return ({ maxIdle, idleMs }) => {
    const client = Deno.createHttpClient({
      caCerts: [...caCerts],
      http1: true,
      http2: false,
      poolMaxIdlePerHost: maxIdle,
      poolIdleTimeout: idleMs,
    });
    // The request's own redirect mode stays.
    return { fetch: (request) => fetch(request, { client }), close: () => client.close() };
  };
}

/** Connections of this process to an API. */
export function openConnections(clock: Clock): Connections {
  return createConnections(httpClientOpener(), clock);
}
