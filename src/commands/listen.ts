/**
 * Opens the port of the commands that serve HTTP, and keeps it open.
 *
 * @module
 */

import { backoffMs } from "../core/backoff.ts";
import { type Clock, systemClock } from "../core/clock.ts";
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

/** How often the loss of a port is told of while it is lost again and again, in milliseconds. */
const TELL_MS = 60_000;

/** A port that is lost sooner than this is opened again after a pause, both in milliseconds. */
const STEADY_MS = 10_000;
const PAUSE_MS = 250;

/** Makes the runtime listen somewhere else, or there as well, whatever `Deno.serve` is told. */
const OVERRIDE = "DENO_SERVE_ADDRESS";

/**
 * Serves `handle` on an address.
 *
 * When the process has as many files open as it may, the runtime gives up the port for good
 * (`accept` fails with EMFILE). Then the connections on which no request runs are closed, which is
 * what frees files where somebody opens connections for nothing, and the port is opened again.
 *
 * The runtime bounds the head of a request (about 64 KB, about 100 fields: 400), but neither the
 * time that a client takes over it nor how long a connection stays idle. Against those who open
 * connections for nothing helps what stands in front.
 *
 * @param log told of a port that is lost, and of requests that `handle` rejects, such as those whose
 *   client has gone
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
  const onError = (error: unknown) => {
    log.debug("A request failed", { error: String(error) });
    return new Response(null, { status: 500 });
  };
  const stopped = new AbortController();
  const ending = new Set<Promise<void>>();
  let { certificate } = address;
  let accepting = false;
  let openedAt = -Infinity;
  let toldAt = -Infinity;

  const open = (port: number) => {
    const opened = Deno.serve(
      { hostname: address.host, port, ...certificate, onListen: () => {}, onError },
      (request: Request, { remoteAddr }: Deno.ServeHandlerInfo<Deno.NetAddr>) =>
        handle(request, remoteAddr.hostname),
    );
    opened.finished.catch(onLost);
    openedAt = clock.now();
    accepting = true;
    return opened;
  };
  const end = () => {
    accepting = false;
    const done = server.shutdown().catch(() => {}).finally(() => ending.delete(done));
    ending.add(done);
  };
  const reopen = async () => {
    for (let attempt = 0;; attempt++) {
      try {
        server = open(addr.port);
        return;
      } catch (error) {
        log.debug("The port cannot be opened yet", { error: String(error) });
      }
      await clock.sleep(backoffMs(attempt, REOPEN), stopped.signal);
    }
  };
  const recover = async () => {
    const lostAt = clock.now();
    if (lostAt - openedAt < STEADY_MS) await clock.sleep(PAUSE_MS, stopped.signal);
    await reopen();
    if (toldAt === lostAt) log.warn("The port takes connections again");
  };
  const onLost = (error: unknown) => {
    if (stopped.signal.aborted) return;
    if (clock.now() - toldAt >= TELL_MS) {
      toldAt = clock.now();
      log.error("The port took no more connections: idle ones are closed and it is opened again", {
        error: error instanceof Error ? error.message : String(error),
      });
    }
    end();
    recover().catch(() => {/* The server ends. */});
  };

  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = open(address.port);
  } catch (cause) {
    throw unusable(address, cause);
  }
  const { addr } = server;
  return {
    addr,
    get isAccepting() {
      return accepting;
    },
    async replaceCertificate(next) {
      certificate = next;
      end();
      await reopen();
    },
    async shutdown() {
      stopped.abort();
      end();
      await Promise.all(ending);
    },
  };
}

function unusable({ host, port }: ListenAddress, cause: unknown): UsageError {
  const words = cause instanceof Deno.errors.AddrInUse
    ? `Port ${port} is taken: type --port <another>, or 0 for a free one`
    : `Cannot listen on ${host}:${port}: type another --host or --port`;
  return new UsageError(words, { cause });
}
