/**
 * Opens the port of the commands that serve HTTP, and keeps it open.
 *
 * @module
 */

import { backoffMs } from "../core/backoff.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { UsageError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";

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

/** A server that can be told to end. */
export interface Listening {
  readonly addr: Deno.NetAddr;
  /** Whether the port takes connections now. */
  readonly isAccepting: boolean;
  /** Serves new connections with another certificate; requests that run go on under theirs. */
  replaceCertificate(certificate: Certificate): Promise<void>;
  /** Takes no more connections; resolves when running requests are answered. */
  shutdown(): Promise<void>;
}

/** Pauses between attempts at opening a port again. */
const REOPEN = { baseMs: 5, capMs: 2_000 };

/** How often full descriptor tables are told of while they are full again and again, in milliseconds. */
const TELL_MS = 60_000;

/** Pause before `accept` is tried again when there was nothing to close, in milliseconds. */
const FULL_MS = 50;

/**
 * How many connections are closed when no file can be opened: more than the one that is needed, so
 * that requests that run find files for their own connections to the API.
 */
const CLOSED_AT_ONCE = 32;

/**
 * A connection counts as used again at most this often, in milliseconds: otherwise those with many
 * pipelined requests would always be newer than one that has just come.
 */
const USED_MS = 1_000;

/** Makes `Deno.serve` listen somewhere else, whatever it is told. */
const OVERRIDE = "DENO_SERVE_ADDRESS";

/** The part of an `AbortSignal` that the runtime's server uses. */
interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", cancel: () => void): void;
}

/** The runtime's HTTP server on one connection. */
type ServeConnection = (
  connection: Deno.Conn,
  signal: CancelSignal,
  handle: (request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) => Promise<Response>,
  onError: (error: unknown) => Response,
  onListen: () => void,
) => Pick<Deno.HttpServer, "finished" | "shutdown">;

/** A connection that is served. */
interface Served {
  /** Whether no request on it waits for its answer. */
  readonly isIdle: boolean;
  /** Whether a request ever came. */
  readonly isUsed: boolean;
  readonly finished: Promise<void>;
  /** Cuts it. */
  close(): void;
  /** Closes it when its requests are answered. */
  shutdown(): Promise<void>;
}

/**
 * The runtime's server for a connection that somebody else accepted. `Deno.serve` is the same server
 * with an accept loop of its own, which ends for good when no file can be opened, tells nobody while
 * a connection lives, and lets nobody close one connection. The runtime has no public name for it
 * (`ext/http/00_serve.ts` puts it among the internals, for Deno's own tests and `node:http`).
 *
 * @throws UsageError on a runtime that does not have it
 */
function connectionServer(): ServeConnection {
  const internals: unknown = Reflect.get(Deno, Reflect.get(Deno, "internal") ?? "");
  const found = internals instanceof Object && Reflect.get(internals, "serveHttpOnConnection");
  if (typeof found === "function") return (...args) => found(...args);
  throw new UsageError(`Deno ${Deno.version.deno} cannot serve HTTP as this program needs it`);
}

/**
 * Serves `handle` on an address.
 *
 * When the process has as many files open as it may, connections without a request that waits for
 * its answer are closed, those first that have been without one for longest: whoever opens
 * connections for nothing, or sends half a request, pushes out his own.
 *
 * The runtime bounds the head of a request (about 64 KB, about 100 fields: 400), but not the time
 * that a client takes over it.
 *
 * @param log told when connections are closed so, and of requests that `handle` rejects, such as
 *   those whose client has gone
 * @throws UsageError when the address cannot be had; when the port is taken, its cause is a
 * `Deno.errors.AddrInUse`
 */
export function listen(
  address: ListenAddress,
  handle: HandleRequest,
  log: Logger,
  clock: Clock = systemClock,
): Listening {
  if (Deno.env.has(OVERRIDE)) {
    log.warn(`${OVERRIDE} is ignored: --host and --port say where to listen`);
    Deno.env.delete(OVERRIDE);
  }
  const serveConnection = connectionServer();
  const onError = (error: unknown) => {
    log.debug("A request failed", { error: String(error) });
    return new Response(null, { status: 500 });
  };
  const stopped = new AbortController();
  /** In the order in which they had their last request. */
  const connections = new Set<Served>();
  let { certificate } = address;
  let accepting = false;
  let closed = false;
  let toldAt = -Infinity;

  const serveOpen = (connection: Deno.Conn) => {
    let cancel = () => {};
    let running = 0;
    let isUsed = false;
    let usedAt = clock.now();
    const end = () => {
      running--;
      if (clock.now() - usedAt < USED_MS) return;
      usedAt = clock.now();
      if (connections.delete(served)) connections.add(served);
    };
    const server = serveConnection(
      connection,
      { aborted: false, addEventListener: (_type, listener) => cancel = listener },
      async (request, { remoteAddr, completed }) => {
        isUsed = true;
        running++;
        let streams = false;
        try {
          const response = await handle(request, remoteAddr.hostname);
          streams = isStream(response);
          return response;
        } finally {
          // Other answers are whole: whoever does not read them keeps nothing from its end.
          if (streams) completed.then(end, end);
          else end();
        }
      },
      onError,
      () => {},
    );
    const served: Served = {
      get isIdle() {
        return running === 0;
      },
      get isUsed() {
        return isUsed;
      },
      finished: server.finished.catch(async (error: unknown) => {
        log.debug("A connection failed", { error: String(error) });
        // After an error, such as a failed TLS handshake, the runtime keeps its entry until told.
        await server.shutdown().catch(() => {});
      }).finally(() => connections.delete(served)),
      close() {
        try {
          cancel();
        } catch {
          // It has just ended by itself.
        }
      },
      shutdown: () => server.shutdown().catch(() => {}),
    };
    connections.add(served);
  };

  /** Until it is done, the handshake is closed like a connection: the runtime waits for it for ever. */
  const shakeHands = (connection: Deno.TlsConn) => {
    const close = () => {
      try {
        connection.close();
      } catch {
        // It is closed.
      }
    };
    const closed = Promise.withResolvers<void>();
    const shaken = connection.handshake().then(() => {
      if (connections.delete(pending)) serveOpen(connection);
    }).catch((error: unknown) => {
      log.debug("A TLS handshake failed", { error: String(error) });
      connections.delete(pending);
      close();
    });
    const finished = Promise.race([shaken, closed.promise]);
    const closePending = () => {
      connections.delete(pending);
      close();
      closed.resolve();
    };
    const pending: Served = {
      isIdle: true,
      isUsed: false,
      finished,
      close: closePending,
      shutdown: () => finished,
    };
    connections.add(pending);
  };
  const serve = (connection: Deno.Conn) =>
    isTls(connection) ? shakeHands(connection) : serveOpen(connection);

  const makeRoom = async (error: unknown) => {
    if (clock.now() - toldAt >= TELL_MS) {
      toldAt = clock.now();
      log.error("The port took no more connections: idle ones are closed", {
        error: error instanceof Error ? error.message : String(error),
      });
    }
    const idle = [];
    for (const one of connections) {
      if (idle.length === CLOSED_AT_ONCE) break;
      if (one.isIdle) idle.push(one);
    }
    for (const one of idle) one.close();
    if (idle.length === 0) accepting = false;
    // Not every runtime tells of the end of all that were cut.
    await Promise.race([
      ...idle.length > 0 ? [Promise.all(idle.map((one) => one.finished))] : [],
      clock.sleep(FULL_MS, stopped.signal),
    ]);
  };

  const acceptAll = async (from: Deno.Listener) => {
    for (;;) {
      try {
        serve(await from.accept());
        accepting = true;
      } catch (error) {
        if (closed || from !== listener) return;
        if (!isOfOneConnection(error)) await makeRoom(error);
      }
    }
  };
  const open = (port: number): Deno.Listener => {
    const at = { hostname: address.host, port };
    const opened = certificate
      ? Deno.listenTls({ ...at, ...certificate, alpnProtocols: ["h2", "http/1.1"] })
      : Deno.listen(at);
    accepting = true;
    closed = false;
    return opened;
  };
  let loop = Promise.resolve();
  const start = () => {
    loop = acceptAll(listener).catch(() => {/* The server ends. */});
  };
  /** The port is free when the `accept` that waits on it has ended. */
  const close = async () => {
    const closing = listener;
    closed = true;
    accepting = false;
    closing.close();
    await loop;
  };
  const shutDownConnections = () =>
    Promise.all(
      Array.from(connections, async (one) => {
        // Some runtimes wait for the rest of a first request that may never come.
        if (!one.isUsed) one.close();
        else await one.shutdown();
        await one.finished;
      }),
    );
  const reopen = async () => {
    for (let attempt = 0;; attempt++) {
      try {
        listener = open(addr.port);
        return start();
      } catch (error) {
        log.debug("The port cannot be opened yet", { error: String(error) });
      }
      await clock.sleep(backoffMs(attempt, REOPEN), stopped.signal);
    }
  };

  let listener: Deno.Listener;
  try {
    listener = open(address.port);
  } catch (cause) {
    throw unusable(address, cause);
  }
  const addr = netAddress(listener);
  start();
  return {
    addr,
    get isAccepting() {
      return accepting;
    },
    async replaceCertificate(next) {
      certificate = next;
      await close();
      shutDownConnections();
      await reopen();
    },
    async shutdown() {
      stopped.abort();
      if (!closed) await close();
      await shutDownConnections();
    },
  };
}

/** Whether an answer goes on after it has begun, as those to calls do. */
function isStream({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}

/** Whether `accept` failed because of the connection that it would have accepted. */
function isOfOneConnection(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}

function isTls(connection: Deno.Conn): connection is Deno.TlsConn {
  return "handshake" in connection;
}

function netAddress({ addr }: Deno.Listener): Deno.NetAddr {
  // Older runtimes give the addresses of TLS listeners no transport.
  if (!("hostname" in addr)) throw new TypeError("Not an address of the network");
  return addr;
}

function unusable({ host, port }: ListenAddress, cause: unknown): UsageError {
  const words = cause instanceof Deno.errors.AddrInUse
    ? `Port ${port} is taken: type --port <another>, or 0 for a free one`
    : `Cannot listen on ${host}:${port}: type another --host or --port`;
  return new UsageError(words, { cause });
}
