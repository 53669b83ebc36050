/**
 * HTTP servers on Deno.
 *
 * @module
 */

import { type Clock, systemClock } from "../core/clock.ts";
import { messageOf, UsageError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import {
  BOUNDS,
  CutConnection,
  type HandleRequest,
  isStream,
  type ListenAddress,
  ListenError,
  type Listening,
} from "./runtime.ts";

/** Time in which what has arrived is taken: connections, and bytes of them, in milliseconds. */
const ARRIVAL_MS = 5;

/** Longest time for that, where more and more comes, in milliseconds. */
const ARRIVALS_MS = 100;

/** Pause before `accept` is tried again when no connection could be closed, in milliseconds. */
const FULL_MS = 50;

/** The part of an `AbortSignal` that Deno's server uses. */
interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", cancel: () => void): void;
}

/** Deno's HTTP server on one connection. */
type ServeConnection = (
  connection: Deno.Conn,
  signal: CancelSignal,
  handle: (request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>) => Promise<Response>,
  onError: (error: unknown) => Response,
  onListen: () => void,
) => Pick<Deno.HttpServer, "finished" | "shutdown">;

/** An accepted connection: its TLS handshake, and then its requests. */
interface Accepted {
  /** True while none of its requests waits for a response. */
  readonly isIdle: boolean;
  /** True once a request has come. */
  readonly isUsed: boolean;
  /** When the connection came, by the clock's `now()`. */
  readonly cameAt: number;
  readonly finished: Promise<void>;
  /** Cuts the connection. */
  close(): void;
  /** Closes the connection when its requests have their responses. */
  shutdown(): Promise<void>;
}

/**
 * Returns Deno's server for an already accepted connection. `Deno.serve` is the same server with an
 * accept loop of its own, which ends for good when no file can be opened, does not report that
 * while a connection lives, and cannot close a single connection. Deno has no public name for it
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
 * Serves as {@linkcode Listen} says. Deno bounds the headers of a request (about 64 KB, about 100
 * fields: 400), but not the time that a client takes to send them.
 */
export function listen(
  address: ListenAddress,
  handle: HandleRequest,
  log: Logger,
  clock: Clock = systemClock,
): Listening {
  const serveConnection = connectionServer();
  const stopped = new AbortController();
  /** Connections in the order of their last request. */
  const connections = new Set<Accepted>();
  let accepting = true;
  let toldAt = -Infinity;
  let closedForRoom = 0;
  let stopping = false;
  let acceptedCount = 0;

  const serve = (connection: Deno.Conn) => {
    const { remoteAddr } = connection;
    const client = "hostname" in remoteAddr ? remoteAddr.hostname : "";
    let cancel = () => {};
    let running = 0;
    let isUsed = false;
    const cameAt = clock.now();
    let usedAt = cameAt;
    const endRequest = () => {
      running--;
      if (clock.now() - usedAt < BOUNDS.usedAgainMs) return;
      usedAt = clock.now();
      if (connections.delete(accepted)) connections.add(accepted);
    };
    const server = serveConnection(
      connection,
      { aborted: false, addEventListener: (_type, listener) => cancel = listener },
      async (request, info) => {
        isUsed = true;
        running++;
        let streams = false;
        try {
          const response = await handle(request, client);
          streams = isStream(response);
          return response;
        } catch (error) {
          // Once the server ends, a connection cannot be cut: it closes after a response.
          if (error instanceof CutConnection && !stopped.signal.aborted) {
            cancel();
            // Until the server is closed, Deno would still send a response.
            await accepted.finished;
          }
          throw error;
        } finally {
          // Other responses are whole, so a client that does not read them delays nothing.
          if (streams) info.completed.then(endRequest, endRequest);
          else endRequest();
        }
      },
      (error) => {
        log.debug("A request failed", { error: String(error) });
        return new Response(null, { status: 500 });
      },
      () => {},
    );
    const accepted: Accepted = {
      get isIdle() {
        return running === 0;
      },
      get isUsed() {
        return isUsed;
      },
      cameAt,
      finished: server.finished.catch(async (error: unknown) => {
        log.debug("A connection failed", { error: String(error) });
        // After an error, Deno keeps its entry until the server is shut down.
        await server.shutdown().catch(() => {});
      }).finally(() => connections.delete(accepted)),
      close: () => unlessOver(() => cancel()),
      shutdown: () => server.shutdown().catch(() => {}),
    };
    connections.add(accepted);
  };

  /**
   * Serves TLS. Until its handshake is done, close a connection directly: Deno waits for the
   * handshake for ever.
   */
  const serveTls = (connection: Deno.TlsConn) => {
    const closed = Promise.withResolvers<void>();
    const close = () => {
      connections.delete(handshake);
      unlessOver(() => connection.close());
      closed.resolve();
    };
    connection.handshake().then(() => {
      if (connections.delete(handshake)) serve(connection);
      closed.resolve();
    }).catch((error: unknown) => {
      log.debug("A TLS handshake failed", { error: String(error) });
      close();
    });
    const finished = closed.promise;
    const handshake = {
      isIdle: true,
      isUsed: false,
      cameAt: clock.now(),
      finished,
      close,
      shutdown: () => finished,
    };
    connections.add(handshake);
  };

  /** Closes idle connections, the longest unused first. */
  const makeRoom = async (error: unknown) => {
    if (clock.now() - toldAt >= BOUNDS.tellFullMs) {
      toldAt = clock.now();
      log.error("The port took no more connections: idle ones are closed", {
        error: messageOf(error),
      });
    }
    const idle = connections.values().filter(({ isIdle }) => isIdle).take(BOUNDS.closedAtOnce)
      .toArray();
    for (const one of idle) one.close();
    closedForRoom += idle.length;
    if (idle.length === 0) accepting = false;
    // Not every runtime reports the end of all cut connections.
    await Promise.race([
      ...idle.length > 0 ? [Promise.all(idle.map((one) => one.finished))] : [],
      clock.sleep(FULL_MS, stopped.signal),
    ]);
  };

  /** Accepts what has arrived: to close the port before would break it off. */
  const arrivals = async () => {
    const giveUpAt = clock.now() + ARRIVALS_MS;
    for (let before = -1; before < acceptedCount && clock.now() < giveUpAt;) {
      before = acceptedCount;
      await clock.sleep(ARRIVAL_MS);
    }
  };

  const listener = open(address);
  const accept = async () => {
    for (;;) {
      try {
        const connection = await listener.accept();
        acceptedCount++;
        if (isTls(connection)) serveTls(connection);
        else serve(connection);
        accepting = true;
      } catch (error) {
        if (stopped.signal.aborted) return;
        if (!isOfOneConnection(error)) await makeRoom(error);
      }
    }
  };
  const accepts = accept().catch(() => {/* The server ends. */});
  return {
    addr: addressOf(listener),
    get isAccepting() {
      return accepting && !stopping;
    },
    get openConnections() {
      return connections.size;
    },
    get closedForRoom() {
      return closedForRoom;
    },
    async shutdown() {
      if (!stopping) {
        stopping = true;
        await arrivals();
        stopped.abort();
        listener.close();
      }
      // The port is free when the pending `accept` has ended.
      await accepts;
      await clock.sleep(ARRIVAL_MS);
      await Promise.all(
        Array.from(connections, async (one) => {
          if (!one.isUsed) await clock.sleep(one.cameAt + BOUNDS.firstRequestMs - clock.now());
          // Some runtimes wait for the rest of a first request, which may never come.
          if (!one.isUsed) one.close();
          else await one.shutdown();
          await one.finished;
        }),
      );
    },
  };
}

/** Runs `run`, which throws for a connection that has just ended by itself. */
function unlessOver(run: () => void): void {
  try {
    run();
  } catch {
    // The connection is over.
  }
}

/** Listens on an address for a moment; returns the error if that fails. */
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
  // Deno has no error class for a name that cannot be resolved; Windows has its own message.
  if (error instanceof Error && /failed to lookup|os error 1100\d/.test(error.message)) {
    return "unresolved";
  }
  const isAboutHost = error instanceof Deno.errors.AddrNotAvailable ||
    error instanceof Deno.errors.NotCapable;
  return isTls && !isAboutHost ? "certificate" : "unavailable";
}

/** Returns true if `accept` failed because of the connection that it would have accepted. */
function isOfOneConnection(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}

function isTls(connection: Deno.Conn): connection is Deno.TlsConn {
  return "handshake" in connection;
}

function addressOf({ addr }: Deno.Listener): Listening["addr"] {
  // Older runtimes leave out the transport in addresses of TLS listeners.
  if (!("hostname" in addr)) throw new TypeError("The listener has no network address");
  return { hostname: addr.hostname, port: addr.port };
}
