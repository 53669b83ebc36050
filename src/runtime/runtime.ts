/**
 * The interface between the program and its runtime, so that another runtime can take Deno's place.
 *
 * @module
 */

import type { OpenHttpClient } from "../api/connections.ts";
import type { Clock } from "../core/clock.ts";
import { UsageError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { ProcessUsage } from "../core/process_usage.ts";
import type { Executable } from "../hosts/entry.ts";
import type { Os } from "../hosts/hosts.ts";

/** The process, its machine and its network. `runtime/deno.ts` implements it for Deno. */
export interface Runtime {
  /** Arguments after the program's name on the command line. */
  readonly args: readonly string[];
  readonly os: Os;
  /**
   * Returns the command that starts this program: the compiled executable, or the runtime and the
   * source.
   */
  readonly executable: () => Executable;
  /** Reads an environment variable that the program may read. */
  readonly env: (name: string) => string | undefined;
  /** Sets or removes a variable of this process. */
  readonly setEnv: (name: string, value: string | undefined) => void;

  /**
   * Reads the bytes of stdin. Call it once, in a program that a host has started: it may make the
   * pipes to the host non-blocking, and nothing else may share those.
   */
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** Reads the bytes of stdin without changing its mode: for input from a person or a shell. */
  readonly plainStdin: () => AsyncIterable<Uint8Array>;
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Returns the number of the terminal's columns; undefined where it is not known. */
  readonly columns: () => number | undefined;
  /** Writes at least one of the bytes without blocking the thread; returns the number written. */
  readonly writeOut: (bytes: Uint8Array) => Promise<number>;
  /** As {@linkcode Runtime.writeOut}, to stderr. */
  readonly writeErr: (bytes: Uint8Array) => Promise<number>;

  /** Calls `listener` whenever the process is asked to end: SIGINT, SIGTERM or their like. */
  readonly onStop: (listener: () => void) => void;
  /**
   * Calls `listener` whenever the operator asks for files to be read again (SIGHUP).
   *
   * @returns the function that removes the listener
   */
  readonly onReload: (listener: () => void) => () => void;
  /** Calls `listener` with every unhandled error, which then does not end the process. */
  readonly onUnhandledError: (listener: (error: unknown) => void) => void;
  readonly exit: (code: number) => never;

  /**
   * Gives up the permission to read files for the rest of the process; does nothing where the
   * runtime has no such permission.
   */
  readonly giveUpReading: () => void;
  /**
   * Counts the files that can be open at once. Call it before {@linkcode giveUpReading}.
   *
   * @returns the number, at most `wanted`; undefined when it cannot be found out
   */
  readonly countOpenableFiles: (wanted: number) => number | undefined;

  /** Reads what the process uses, as far as the runtime tells it without more permissions. */
  readonly usage: () => Promise<ProcessUsage>;

  /** Reads the validity dates of the first certificate of a PEM text. */
  readonly certificateDates: (pem: string) => Promise<CertificateDates>;
  readonly listen: Listen;
  /** Listens on an address for a moment; returns the error if that fails. */
  readonly tryListen: (address: ListenAddress) => Promise<ListenError | undefined>;
  readonly openHttpClient: OpenHttpClient;
  /** Connects directly, without the environment's proxies. */
  readonly connect: (address: ConnectAddress) => Promise<Connection>;
}

/**
 * Serves `handle` on an address.
 *
 * When the process has as many files open as it may, it closes connections that have no running
 * request, the longest idle first: a client that opens connections without using them, or sends
 * half a request, thus pushes out its own.
 *
 * A request that `handle` rejects gets 500; with a {@linkcode CutConnection}, no response.
 *
 * @param log gets a line when connections are closed so, and for requests that `handle` rejects,
 * such as those whose client has gone
 * @throws ListenError when the address or the certificate cannot be used
 */
export type Listen = (
  address: ListenAddress,
  handle: HandleRequest,
  log: Logger,
  clock?: Clock,
) => Promise<Listening>;

/** Handles a request that came from an address. */
export type HandleRequest = (request: Request, remoteAddress: string) => Promise<Response>;

/** Thrown to reject a request by closing its connection. */
export class CutConnection extends Error {}

/** Address to listen on. */
export interface ListenAddress {
  readonly host: string;
  /** Port; 0 takes a free one. */
  readonly port: number;
  /** Set to serve TLS, and HTTP/2 for clients that ask for it. */
  readonly certificate?: Certificate;
}

/** A certificate chain and its private key, both PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** The validity of a certificate, in the runtime's date format. */
export interface CertificateDates {
  readonly validFrom: string;
  readonly validTo: string;
}

/** A running server. */
export interface Listening {
  readonly addr: { readonly hostname: string; readonly port: number };
  /** False while new connections cannot be accepted, and once a shutdown has begun. */
  readonly isAccepting: boolean;
  /** Connections that are open now. */
  readonly openConnections: number;
  /** Idle connections that were closed because the process had as many files open as it may. */
  readonly closedForRoom: number;
  /** Accepts no more connections; resolves when running requests have their responses. */
  shutdown(): Promise<void>;
}

/** Thrown for an address that cannot be listened on. */
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

/** Address to connect to. */
export interface ConnectAddress {
  readonly host: string;
  readonly port: number;
  /** Set to use TLS: the server's certificate chain, in PEM, whatever name is on it. */
  readonly certificate?: string;
}

/** A connection for bytes. */
export interface Connection {
  /** Reads into the buffer; returns the number of bytes, null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** Bounds that hold on every runtime. Times are milliseconds. */
export const BOUNDS = {
  /** Bytes that are read or written at once: what a pipe holds. */
  pipeBytes: 64 * 1024,
  /** Time after which a write to a full pipe that does not block is tried again. */
  wouldBlockMs: 10,
  /** Most files that are opened to count them: that takes time, about half a second. */
  triedFiles: 50_000,
  /** Time between two log lines while descriptor tables stay full. */
  tellFullMs: 60_000,
  /**
   * Connections that are closed when no file can be opened: more than the one that is needed, so
   * that running requests find files for their own connections to the API.
   */
  closedAtOnce: 32,
  /**
   * Least time after which a connection counts as used again: otherwise connections with many
   * pipelined requests would always be newer than one that has just come.
   */
  usedAgainMs: 1_000,
  /**
   * Time for the first request of a connection that has just come when the server ends. A proxy
   * connects to send one, and may not repeat what it has sent into a connection that breaks.
   */
  firstRequestMs: 300,
} as const;

/**
 * Returns true for a response that goes on after it has begun, as those to calls do, and those that
 * carry a file; all others are whole.
 */
export function isStream({ headers }: Response): boolean {
  return headers.has("content-disposition") ||
    (headers.get("content-type")?.startsWith("text/event-stream") ?? false);
}
