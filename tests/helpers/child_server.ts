/**
 * The inside of a program that a {@linkcode Child} runs and that serves HTTP.
 *
 * @module
 */

import { printLines } from "../../scripts/table.ts";

/**
 * Serves HTTP on a port of 127.0.0.1, prints `url` and the rest of `address` as one line of JSON, and
 * ends the program when its standard input does.
 */
export async function serveUntilStdinEnds(
  handle: (request: Request) => Response | Promise<Response>,
  address: Readonly<Record<string, string>> = {},
): Promise<never> {
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  // Clients break connections on purpose, and complain of a response that is not what they want.
  const onError = () => new Response(null, { status: 500 });
  const server = Deno.serve({ ...options, onError }, handle);
  printLines([JSON.stringify({ ...address, url: `http://127.0.0.1:${server.addr.port}` })]);
  for await (const _ of Deno.stdin.readable) { /* until it ends */ }
  Deno.exit(0);
}
