/**
 * What a runtime gives the program, so that one can take another's place.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";

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
  /** With one, TLS, and HTTP/2 for clients that ask for it. */
  readonly certificate?: Certificate;
}

/** Answers a request that came from an address. */
export type HandleRequest = (request: Request, remoteAddress: string) => Promise<Response>;

/** A server that can be told to end. */
export interface Listening {
  readonly addr: { readonly hostname: string; readonly port: number };
  /** False while new connections cannot be taken, and after a shutdown has begun. */
  readonly isAccepting: boolean;
  /** Takes no more connections; resolves when running requests are answered. */
  shutdown(): Promise<void>;
}

/** An address that cannot be listened on. */
export class ListenError extends UsageError {
  constructor(
    readonly reason: "taken" | "forbidden" | "unavailable" | "certificate",
    { host, port }: ListenAddress,
    options?: ErrorOptions,
  ) {
    const words = {
      taken: `Port ${port} is taken: type --port <another>, or 0 for a free one`,
      forbidden: `Cannot listen on ${host}:${port}: type another --host or --port`,
      unavailable: `Cannot listen on ${host}:${port}: type another --host or --port`,
      certificate: "The certificate and its key cannot be used together: check that both are " +
        "whole and belong to each other",
    };
    super(words[reason], options);
  }
}
