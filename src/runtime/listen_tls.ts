/**
 * Serves TLS, with the certificate that the files hold at the time.
 *
 * @module
 */

import { assertUsable, type CertificateFiles, readCertificate } from "./certificate.ts";
import { type HandleRequest, listen, type ListenAddress, type Listening } from "./listen.ts";
import type { Program } from "./program.ts";

/** How often the files are looked at, in milliseconds. */
const CHECK_MS = 10_000;

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
  let current = await readCertificate(files, readFile);
  assertUsable(current, files, address.host);
  const server = listen({ ...address, certificate: current }, handle, log, clock);

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
      if (next === current) continue;
      current = next;
      await server.replaceCertificate(next);
      log.info("The certificate has changed: new connections get the new one");
    }
  };

  watch().catch(() => {/* The server ends. */});
  return {
    addr: server.addr,
    get isAccepting() {
      return server.isAccepting;
    },
    replaceCertificate: (certificate) => server.replaceCertificate(certificate),
    async shutdown() {
      stopped.abort();
      await server.shutdown();
    },
  };
}
