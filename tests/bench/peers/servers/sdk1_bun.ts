/**
 * A server in the shape of the quickstart's: Bun, SDK 1.x, the API's official client.
 *
 * @module
 */

import { officialUpstream } from "./official_upstream.ts";
import { listensUntilStdinEnds, peerArguments } from "./program.ts";
import { respond, serveStreams } from "./sdk1.ts";

interface BunRuntime {
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    readonly idleTimeout: number;
    fetch(request: Request): Promise<Response>;
  }): { readonly port: number };
}

const bun: BunRuntime = Reflect.get(globalThis, "Bun");
const { tools, isOnStdio } = peerArguments(officialUpstream);
if (isOnStdio) await serveStreams(tools);
else {
  // By default, Bun ends responses that have been silent for ten seconds; 0 is never.
  const options = { hostname: "127.0.0.1", port: 0, idleTimeout: 0 };
  const { port } = bun.serve({ ...options, fetch: (request) => respond(tools, request) });
  listensUntilStdinEnds(port);
}
