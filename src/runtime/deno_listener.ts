/**
 * HTTP servers on Deno.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import { UsageError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { type HandleRequest, type ListenAddress, ListenError, type Listening } from "./runtime.ts";

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
 * Serves as {@linkcode Listen} says. Deno bounds the head of a request (about 64 KB, about 100
 * fields: 400), but not the time that a client takes over it.
 */
export function listen(
  address: ListenAddress,
  handle: HandleRequest,
  log: Logger,
  clock: Clock = systemClock,
): Listening {
  const serveConnection = connectionServer();
  const onError = (error: unknown) => {
    log.debug("A request failed", { error: String(error) });
    return new Response(null, { status: 500 });
  };
  const stopped = new AbortController();
  /** In the order in which they had their last request. */
  const connections = new Set<Served>();
  let accepting = true;
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

  const listener = open(address);
  const addr = addressOf(listener);
  const acceptAll = async () => {
    for (;;) {
      try {
        serve(await listener.accept());
        accepting = true;
      } catch (error) {
        if (stopped.signal.aborted) return;
        if (!isOfOneConnection(error)) await makeRoom(error);
      }
    }
  };
  const accepts = acceptAll().catch(() => {/* The server ends. */});
  return {
    addr,
    get isAccepting() {
      return accepting;
    },
    async shutdown() {
      if (!stopped.signal.aborted) {
        stopped.abort();
        accepting = false;
        listener.close();
      }
      // The port is free when the `accept` that waits on it has ended.
      await accepts;
      await Promise.all(
        Array.from(connections, async (one) => {
          // Some runtimes wait for the rest of a first request that may never come.
          if (!one.isUsed) one.close();
          else await one.shutdown();
          await one.finished;
        }),
      );
    },
  };
}

/** Listens on an address for a moment; returns what is in the way of it. */
export function tryListen(address: ListenAddress): ListenError | undefined {
  try {
    open(address).close();
  } catch (error) {
    if (error instanceof ListenError) return error;
    throw error;
  }
}

function open(address: ListenAddress): Deno.Listener {
  const { host: hostname, port, certificate } = address;
  try {
    return certificate
      ? Deno.listenTls({ hostname, port, ...certificate, alpnProtocols: ["h2", "http/1.1"] })
      : Deno.listen({ hostname, port });
  } catch (cause) {
    throw new ListenError(reasonOf(cause, certificate !== undefined), address, { cause });
  }
}

function reasonOf(error: unknown, isTls: boolean): ListenError["reason"] {
  if (error instanceof Deno.errors.AddrInUse) return "taken";
  if (error instanceof Deno.errors.PermissionDenied) return "forbidden";
  const isAboutHost = error instanceof Deno.errors.AddrNotAvailable ||
    error instanceof Deno.errors.NotCapable ||
    (error instanceof Error && /failed to lookup address/.test(error.message));
  return isTls && !isAboutHost ? "certificate" : "unavailable";
}

/** Tells a response that goes on after it has begun, as those to calls do. */
function isStream({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}

/** Tells an `accept` that failed because of the connection that it would have accepted. */
function isOfOneConnection(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}

function isTls(connection: Deno.Conn): connection is Deno.TlsConn {
  return "handshake" in connection;
}

function addressOf({ addr }: Deno.Listener): Listening["addr"] {
  // Older runtimes give the addresses of TLS listeners no transport.
  if (!("hostname" in addr)) throw new TypeError("The listener has no network address");
  return { hostname: addr.hostname, port: addr.port };
}
