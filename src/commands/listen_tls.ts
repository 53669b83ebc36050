/**
 * Serves TLS, with the certificate that the files hold at the time.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import { assertUsable, type CertificateFiles, readCertificate } from "./certificate.ts";
import { type Certificate, type HandleRequest, listen, type ListenAddress } from "./listen.ts";
import type { Program } from "./program.ts";

/** A server that can be told to end; `Deno.HttpServer` is one. */
export interface Listening {
  readonly addr: Deno.NetAddr;
  /** Resolves when it has ended. Rejects when it lost its port. */
  readonly finished: Promise<void>;
  /** Takes no more connections; resolves when running requests are answered. */
  shutdown(): Promise<void>;
}

/** How often the files are looked at, in milliseconds. */
const CHECK_MS = 10_000;
/** How long a port that was just given up may take to be free again, in milliseconds. */
const REBIND_MS = 10_000;
const REBIND_PAUSE_MS = 5;

/**
 * Serves `handle` over TLS. When the files change, new connections get the new certificate, and
 * requests that run go on to their end under the old one. Files that do not go together, such as in
 * the middle of a change, leave everything as it is.
 *
 * The runtime can neither change the certificate of a listener nor bind a second TLS listener to
 * its port (that is behind `--unstable-net`, and on Linux only), so the port is given up and taken
 * again: for some milliseconds connections to it are refused.
 *
 * @throws UsageError when the files or the address cannot be used
 */
export async function listenTls(
  address: Omit<ListenAddress, "certificate">,
  files: CertificateFiles,
  handle: HandleRequest,
  { readFile, clock, log }: Pick<Program, "readFile" | "clock" | "log">,
): Promise<Listening> {
  const stopped = new AbortController();
  const ended = Promise.withResolvers<void>();
  const open = (certificate: Certificate, port: number) =>
    listen({ host: address.host, port, certificate }, handle, log);

  let current = await readCertificate(files, readFile);
  assertUsable(current, files, address.host);
  let server = open(current, address.port);
  const { addr } = server;
  const ending = new Set<Promise<void>>();

  const end = (old: typeof server) => {
    const done = old.shutdown().finally(() => ending.delete(done));
    ending.add(done);
  };

  const replace = async (next: Certificate) => {
    current = next;
    end(server);
    const deadline = clock.now() + REBIND_MS;
    for (;;) {
      try {
        server = open(next, addr.port);
        log.info("The certificate has changed: new connections get the new one");
        return;
      } catch (error) {
        const isTaken = error instanceof UsageError &&
          error.cause instanceof Deno.errors.AddrInUse;
        if (!isTaken || clock.now() > deadline) throw error;
      }
      await clock.sleep(REBIND_PAUSE_MS, stopped.signal);
    }
  };

  const readNext = async () => {
    const next = await readCertificate(files, readFile);
    if (next.cert === current.cert && next.key === current.key) return current;
    assertUsable(next, files, address.host);
    return next;
  };

  const watch = async () => {
    let complaint = "";
    for (;;) {
      await clock.sleep(CHECK_MS, stopped.signal);
      const next = await readNext().catch((error: unknown) => {
        const words = error instanceof Error ? error.message : String(error);
        if (words !== complaint) log.error(`The old certificate stays: ${words}`);
        complaint = words;
        return undefined;
      });
      if (next === undefined) continue;
      complaint = "";
      if (next !== current) await replace(next);
    }
  };

  watch().catch((error) => {
    if (stopped.signal.aborted) ended.resolve();
    else ended.reject(error);
  });
  return {
    addr,
    finished: ended.promise,
    async shutdown() {
      stopped.abort();
      end(server);
      await Promise.all(ending);
    },
  };
}
