/**
 * What the programs behind the bench have in common.
 *
 * @module
 */

import { printLines } from "../../../scripts/table.ts";

/** What a program that listens prints, as one line of JSON. */
export interface Listening {
  readonly port: number;
}

/** Serves HTTP on a port of 127.0.0.1, says which, and ends when standard input does. */
export async function serveUntilStdinEnds(
  handle: (request: Request) => Response | Promise<Response>,
): Promise<never> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handle);
  const listening: Listening = { port: server.addr.port };
  printLines([JSON.stringify(listening)]);
  for await (const _ of Deno.stdin.readable) { /* until it ends */ }
  Deno.exit(0);
}
