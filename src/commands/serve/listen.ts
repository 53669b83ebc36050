/**
 * Prepares the HTTP server's port: its address, the host names that it accepts, and its
 * certificate, which is read from its files at start.
 *
 * @module
 */

import type { HttpConfig } from "../../config/config.ts";
import { isLoopback, LOOPBACK_HOSTS } from "../../core/addresses.ts";
import { fileError, UsageError } from "../../core/errors.ts";
import type { Program } from "../../runtime/program.ts";
import {
  type Certificate,
  type HandleRequest,
  ListenError,
  type Listening,
} from "../../runtime/runtime.ts";

type Address = Pick<HttpConfig, "listenAddress" | "allowedHosts" | "publicUrl">;

/**
 * Returns the `Host` headers that the server accepts: a client on this machine needs no setting, and
 * the name of the public address is known.
 */
export function acceptedHosts({ allowedHosts, publicUrl }: Address): string[] {
  const named = publicUrl === undefined ? [] : [new URL(publicUrl).hostname];
  return [...new Set([...LOOPBACK_HOSTS, ...allowedHosts, ...named])];
}

/**
 * Checks that a server which other machines can reach knows the names under which they call it.
 *
 * @throws UsageError when no such name is given, or the address to listen on is an unknown name
 */
export async function checkAddress(
  { listenAddress, allowedHosts, publicUrl }: Address,
  { tryListen }: Pick<Program, "tryListen">,
): Promise<void> {
  if (isLoopback(listenAddress) || allowedHosts.length > 0 || publicUrl !== undefined) return;
  // An address that does not exist would not work with more names either.
  const problem = await tryListen({ host: listenAddress, port: 0 });
  if (problem?.reason === "unresolved") throw problem;
  throw new UsageError(
    `Listening on '${listenAddress}' needs --allowed-hosts: name the hosts that clients call, such ` +
      "as mcp.example.com, or *.run.app until you know the name that your platform gives",
  );
}

type CertificateFiles = NonNullable<HttpConfig["tls"]>;

/** How files are named that no setting names, as in tests. */
const FLAGS = { cert: "--tls-cert", key: "--tls-key" };

const CERTIFICATE = /-----BEGIN CERTIFICATE-----/;
const PRIVATE_KEY = /-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/;
const ENCRYPTED_KEY = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/**
 * Reads both files.
 *
 * @throws UsageError one line that says which file is wrong; never the content of the key file
 */
export async function readCertificate(
  { certFile, keyFile, named = FLAGS }: CertificateFiles,
  readFile: (path: string) => Promise<string>,
): Promise<Certificate> {
  const read = (path: string, flag: string) =>
    readFile(path).catch((error) => {
      throw fileError(error, path, flag);
    });
  const cert = await read(certFile, named.cert);
  const key = await read(keyFile, named.key);
  if (!CERTIFICATE.test(cert)) {
    throw new UsageError(
      `'${certFile}' (${named.cert}) holds no certificate: give the chain as PEM`,
    );
  }
  if (ENCRYPTED_KEY.test(key)) {
    throw new UsageError(`'${keyFile}' (${named.key}) is encrypted: give it without a passphrase`);
  }
  if (!PRIVATE_KEY.test(key)) {
    throw new UsageError(`'${keyFile}' (${named.key}) holds no private key: give it as PEM`);
  }
  return { cert, key };
}

/** Makes the error for a certificate that the runtime rejects. */
export function unusableCertificate(
  { certFile, keyFile, named = FLAGS }: CertificateFiles,
  cause: unknown,
): UsageError {
  return new UsageError(
    `'${certFile}' (${named.cert}) and '${keyFile}' (${named.key}) cannot be used together: check ` +
      "that both are whole and belong to each other",
    { cause },
  );
}

/**
 * Returns when the server's certificate ends, in seconds since 1970; undefined without TLS, and where
 * its date cannot be read.
 */
export async function certificateEnd(
  { tls }: Pick<HttpConfig, "tls">,
  { readFile, certificateDates }: Pick<Program, "readFile" | "certificateDates">,
): Promise<number | undefined> {
  if (!tls) return undefined;
  const ends = await readFile(tls.certFile).then(certificateDates)
    .then(({ validTo }) => Date.parse(validTo) / 1_000, () => NaN);
  return Number.isNaN(ends) ? undefined : ends;
}

/**
 * Listens on the address of the settings.
 *
 * @throws UsageError one line that says what prevents it
 */
export async function openPort(
  { listenAddress: host, port, tls }: HttpConfig,
  handle: HandleRequest,
  { listen, readFile, log, clock }: Pick<Program, "listen" | "readFile" | "log" | "clock">,
): Promise<Listening> {
  const certificate = tls && await readCertificate(tls, readFile);
  try {
    return await listen({ host, port, certificate }, handle, log, clock);
  } catch (error) {
    if (!tls || !(error instanceof ListenError) || error.reason !== "certificate") throw error;
    throw unusableCertificate(tls, error);
  }
}
