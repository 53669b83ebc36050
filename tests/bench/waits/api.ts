import type { FetchLike, ManagedAgentsApi } from "../../../src/api/api.ts";
import { createApi } from "../../../src/api/client.ts";
import { systemClock } from "../../../src/core/clock.ts";

/** Clients for plain calls and for long streams, apart as the program has them. */
export interface Clients {
  readonly plain: Deno.HttpClient;
  readonly streams: Deno.HttpClient;
}

/** @param caCerts PEM, of an API with TLS */
export function clientsFor(caCerts: string[] = []): Clients {
  return {
    plain: Deno.createHttpClient({ caCerts }),
    streams: Deno.createHttpClient({ caCerts, http1: true, http2: false, poolMaxIdlePerHost: 8 }),
  };
}

/** The program's client of the API. */
export function apiOver(baseUrl: string, { plain, streams }: Clients): ManagedAgentsApi {
  const over = (client: Deno.HttpClient): FetchLike => (request) => fetch(request, { client });
  return createApi({
    baseUrl,
    credential: () => ({ kind: "api_key", value: "bench-key" }),
    fetch: over(plain),
    streamFetch: over(streams),
    clock: systemClock,
  });
}
