/**
 * What the programs of all peers share. Arguments: the URL of the API, `stdio` or `http`, the id of
 * an environment.
 *
 * @module
 */

import { createServer, type RequestListener } from "node:http";
import process from "node:process";
import { type PeerTool, peerTools } from "./tools.ts";
import type { Upstream } from "./upstream.ts";

/** What a peer was told when it was started. */
export interface PeerArguments {
  readonly tools: readonly PeerTool[];
  readonly isOnStdio: boolean;
}

/** Reads the arguments of this program. */
export function peerArguments(upstreamAt: (apiUrl: string) => Upstream): PeerArguments {
  const [apiUrl = "", transport, environmentId = ""] = process.argv.slice(2);
  return {
    tools: peerTools(upstreamAt(apiUrl), environmentId),
    isOnStdio: transport === "stdio",
  };
}

/** Prints the port that a peer listens on, and ends the program when its standard input does. */
export function listensUntilStdinEnds(port: number): void {
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`);
  process.stdin.on("end", () => process.exit(0)).resume();
}

/** Serves HTTP with Node's own server. */
export function serveNode(listener: RequestListener): void {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    listensUntilStdinEnds(typeof address === "object" && address ? address.port : 0);
  });
}
