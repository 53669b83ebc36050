/**
 * The certificate of the HTTP server, from its files.
 *
 * @module
 */

import { fileTrouble } from "../config/file_trouble.ts";
import { UsageError } from "../core/errors.ts";
import type { Certificate } from "./listen.ts";

/** Where a certificate is kept, as PEM. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----/;
const PRIVATE_KEY = /-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/;
const ENCRYPTED_KEY = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/**
 * Reads both files.
 *
 * @throws UsageError one line that says which file is wrong; never what the key file holds
 */
export async function readCertificate(
  { certFile, keyFile }: CertificateFiles,
  readFile: (path: string) => Promise<string>,
): Promise<Certificate> {
  const read = (path: string, flag: string) =>
    readFile(path).catch((error) => {
      throw fileTrouble(error, path, flag);
    });
  const cert = await read(certFile, "--tls-cert");
  const key = await read(keyFile, "--tls-key");
  if (!CERTIFICATE.test(cert)) {
    throw new UsageError(`'${certFile}' (--tls-cert) holds no certificate: give the chain as PEM`);
  }
  if (ENCRYPTED_KEY.test(key)) {
    throw new UsageError(`'${keyFile}' (--tls-key) is encrypted: give it without a passphrase`);
  }
  if (!PRIVATE_KEY.test(key)) {
    throw new UsageError(`'${keyFile}' (--tls-key) holds no private key: give it as PEM`);
  }
  return { cert, key };
}

/**
 * Makes sure that TLS can be served with a certificate.
 *
 * @param host an address of this machine; a port of it is bound for a moment
 * @throws UsageError when the certificate or its key is damaged, or they are not a pair
 */
export function assertUsable(
  certificate: Certificate,
  { certFile, keyFile }: CertificateFiles,
  host: string,
): void {
  try {
    Deno.listenTls({ hostname: host, port: 0, ...certificate }).close();
  } catch (cause) {
    // Whether the address can be had is for those to say who listen there.
    if (isAboutAddress(cause)) return;
    throw new UsageError(
      `'${certFile}' (--tls-cert) and '${keyFile}' (--tls-key) cannot be used together: check ` +
        "that both are whole and belong to each other",
      { cause },
    );
  }
}

function isAboutAddress(error: unknown): boolean {
  return error instanceof Deno.errors.AddrNotAvailable ||
    error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable;
}
