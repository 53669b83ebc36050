/**
 * Opens the port of the commands that serve HTTP.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";

/** A certificate chain and its private key, both PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Where to serve. */
export interface ListenAddress {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** With one, TLS, and HTTP/2 for those who ask for it. */
  readonly certificate?: Certificate;
}

/** Answers a request that came from an address. */
export type HandleRequest = (request: Request, remoteAddress: string) => Promise<Response>;

/**
 * Serves `handle` on an address.
 *
 * The runtime bounds the head of a request (about 64 KB, about 100 fields: 400), but neither the
 * time that a client takes over it nor how long a connection stays idle. Against those who open
 * connections for nothing helps what stands in front.
 *
 * @param log told of requests that `handle` rejects, such as those whose client has gone
 * @throws UsageError when the address cannot be had; when the port is taken, its cause is a
 * `Deno.errors.AddrInUse`
 */
export function listen(
  address: ListenAddress,
  handle: HandleRequest,
  log: Logger,
): Deno.HttpServer<Deno.NetAddr> {
  const { host, port, certificate } = address;
  const onError = (error: unknown) => {
    log.debug("A request failed", { error: String(error) });
    return new Response(null, { status: 500 });
  };
  try {
    return Deno.serve(
      { hostname: host, port, ...certificate, onListen: () => {}, onError },
      (request: Request, { remoteAddr }: Deno.ServeHandlerInfo<Deno.NetAddr>) =>
        handle(request, remoteAddr.hostname),
    );
  } catch (cause) {
    if (cause instanceof Deno.errors.AddrInUse) {
      const words = `Port ${port} is taken: type --port <another>, or 0 for a free one`;
      throw new UsageError(words, { cause });
    }
    throw new UsageError(`Cannot listen on ${host}:${port}: type another --host or --port`, {
      cause,
    });
  }
}
