/**
 * The interface between the program and the runtime it runs on, so that another runtime can take
 * Deno's place.
 *
 * @module
 */

import type { OpenHttpClient } from "../api/connections.ts";
import type { Clock } from "../core/clock.ts";
import { UsageError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Executable } from "../hosts/entry.ts";
import type { Os } from "../hosts/hosts.ts";

/** The process, its machine and its network. `runtime/deno.ts` is the one for Deno. */
export interface Runtime {
  /** What follows the program's name on the command line. */
  readonly args: readonly string[];
  readonly os: Os;
  /** How another program starts this one: the compiled executable, or what runs the source. */
  readonly executable: () => Executable;
  /** Reads an environment variable that the program may read. */
  readonly env: (name: string) => string | undefined;
  /** Gives this process another value of a variable, or none. */
  readonly setEnv: (name: string, value: string | undefined) => void;

  /**
   * The bytes of stdin; asked for once, by a program that a host has started: the pipes that it has
   * to the host may be made ones that do not block, which nothing else should share.
   */
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** The bytes of stdin, which is left as it is: for what a person or a shell gives. */
  readonly plainStdin: () => AsyncIterable<Uint8Array>;
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Finds out how many columns the terminal has; undefined where there is none that tells. */
  readonly columns: () => number | undefined;
  /** Writes at least one of the bytes without blocking the thread; returns how many. */
  readonly writeOut: (bytes: Uint8Array) => Promise<number>;
  /** As {@linkcode Runtime.writeOut}, to stderr. */
  readonly writeErr: (bytes: Uint8Array) => Promise<number>;

  /** Calls `listener` whenever the process is asked to end: SIGINT, SIGTERM or their like. */
  readonly onStop: (listener: () => void) => void;
  /**
   * Calls `listener` whenever the operator asks for files to be read again (SIGHUP).
   *
   * @returns ends that
   */
  readonly onReload: (listener: () => void) => () => void;
  /** Calls `listener` with every error that nothing handles, which then ends nothing by itself. */
  readonly onUnhandledError: (listener: (error: unknown) => void) => void;
  readonly exit: (code: number) => never;

  /**
   * Gives up the permission to read files for the rest of the process; does nothing where the runtime
   * has no permissions that can be given up.
   */
  readonly giveUpReading: () => void;
  /**
   * Finds out whether so many files can be open at once. Called before {@linkcode giveUpReading}.
   *
   * @returns how many can be, at most `wanted`; undefined when that cannot be found out
   */
  readonly countOpenableFiles: (wanted: number) => number | undefined;

  /** Reads from when and until when the first certificate of a PEM text is valid. */
  readonly certificateDates: (pem: string) => Promise<CertificateDates>;
  readonly listen: Listen;
  /** Listens on an address for a moment; returns what is in the way of it. */
  readonly tryListen: (address: ListenAddress) => Promise<ListenError | undefined>;
  readonly openHttpClient: OpenHttpClient;
  /** Connects without any proxy that the environment names. */
  readonly connect: (address: ConnectAddress) => Promise<Connection>;
}

/**
 * Serves `handle` on an address.
 *
 * When the process has as many files open as it may, connections without a request that waits for
 * its answer are closed, those first that have been without one for longest: whoever opens
 * connections for nothing, or sends half a request, pushes out his own.
 *
 * A request that `handle` rejects gets 500; with a {@linkcode CutConnection}, no response.
 *
 * @param log told when connections are closed so, and of requests that `handle` rejects, such as
 *   those whose client has gone
 * @throws ListenError when the address or the certificate cannot be used
 */
export type Listen = (
  address: ListenAddress,
  handle: HandleRequest,
  log: Logger,
  clock?: Clock,
) => Promise<Listening>;

/** Answers a request that came from an address. */
export type HandleRequest = (request: Request, remoteAddress: string) => Promise<Response>;

/** Rejects a request by closing its connection. */
export class CutConnection extends Error {}

/** Where to serve. */
export interface ListenAddress {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** With one, TLS, and HTTP/2 for clients that ask for it. */
  readonly certificate?: Certificate;
}

/** A certificate chain and its private key, both PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** When a certificate is valid, as the runtime writes dates. */
export interface CertificateDates {
  readonly validFrom: string;
  readonly validTo: string;
}

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
    readonly reason: "taken" | "forbidden" | "unresolved" | "unavailable" | "certificate",
    { host, port }: ListenAddress,
    options?: ErrorOptions,
  ) {
    const words = {
      taken: `Port ${port} is taken: type --port <another>, or 0 for a free one`,
      forbidden: `Cannot listen on ${host}:${port}: type another --host or --port`,
      unresolved: `The name '${host}' has no address: type another --host, such as 127.0.0.1`,
      unavailable: `Cannot listen on ${host}:${port}: type another --host or --port`,
      certificate: "The certificate and its key cannot be used together: check that both are " +
        "whole and belong to each other",
    };
    super(words[reason], options);
  }
}

/** Where to connect to. */
export interface ConnectAddress {
  readonly host: string;
  readonly port: number;
  /** With it, TLS: the certificate chain that the server has, in PEM, whatever name is on it. */
  readonly certificate?: string;
}

/** A connection that carries bytes. */
export interface Connection {
  /** Reads into the buffer; returns how many bytes came, null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}
