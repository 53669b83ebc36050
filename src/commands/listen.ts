/**
 * Opens the port of the commands that serve HTTP.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";

/**
 * Serves `handle` on an address.
 *
 * @param address `port` 0 takes a free one
 * @param log told of requests that `handle` rejects, such as those whose client has gone
 * @throws UsageError when the address cannot be had
 */
export function listen(
  address: { readonly host: string; readonly port: number },
  handle: (request: Request) => Promise<Response>,
  log: Logger,
): Deno.HttpServer<Deno.NetAddr> {
  const { host, port } = address;
  const onError = (error: unknown) => {
    log.debug("A request failed", { error: String(error) });
    return new Response(null, { status: 500 });
  };
  try {
    return Deno.serve({ hostname: host, port, onListen: () => {}, onError }, handle);
  } catch (cause) {
    if (cause instanceof Deno.errors.AddrInUse) {
      throw new UsageError(`Port ${port} is taken: type --port <another>, or 0 for a free one`);
    }
    throw new UsageError(`Cannot listen on ${host}:${port}: type another --host or --port`, {
      cause,
    });
  }
}
