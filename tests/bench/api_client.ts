import type { FetchLike, ManagedAgentsApi } from "../../src/api/types.ts";
import { createApi } from "../../src/api/client.ts";
import { type Connections, createConnections } from "../../src/api/connections.ts";
import { httpClientOpener } from "../../src/runtime/deno.ts";
import { systemClock } from "../../src/core/clock.ts";

/**
 * Makes connections as the program has them.
 *
 * @param caCerts PEM, of an API with TLS
 */
export function connectionsFor(caCerts: string[] = []): Connections {
  return createConnections(httpClientOpener(caCerts), systemClock);
}

/** Makes the program's client of the API. */
export function apiOver(
  baseUrl: string,
  way: { readonly connections: Connections } | { readonly fetch: FetchLike },
): ManagedAgentsApi {
  return createApi({
    baseUrl,
    credential: () => ({ kind: "api_key", value: "bench-key" }),
    clock: systemClock,
    ...way,
  });
}
