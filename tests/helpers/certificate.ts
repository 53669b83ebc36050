/** A key pair's private key and its self-signed certificate, both PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

function der(tag: number, ...parts: (Uint8Array | readonly number[])[]): Uint8Array<ArrayBuffer> {
  const body = parts.flatMap((part) => [...part]);
  const { length } = body;
  const size = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return new Uint8Array([tag, ...size, ...body]);
}

const SEQUENCE = 0x30;
const ascii = (text: string) => new TextEncoder().encode(text);
const ED25519 = der(SEQUENCE, der(0x06, [0x2b, 0x65, 0x70]));

function utcTime(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().replace(/\D/g, "").slice(2, 14);
  return der(0x17, ascii(`${digits}Z`));
}

/** `commonName=name` as an X.501 name. */
function nameOf(name: string): Uint8Array {
  const attribute = der(SEQUENCE, der(0x06, [0x55, 0x04, 0x03]), der(0x0c, ascii(name)));
  return der(SEQUENCE, der(0x31, attribute));
}

/** The extension `subjectAltName` with one IPv4 address. */
function alternativeNames(address: readonly number[]): Uint8Array {
  const names = der(SEQUENCE, der(0x87, address));
  const extension = der(SEQUENCE, der(0x06, [0x55, 0x1d, 0x11]), der(0x04, names));
  return der(0xa3, der(SEQUENCE, extension));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/**
 * Makes a certificate for 127.0.0.1; nothing is written anywhere.
 *
 * @param validMs how long it is valid, in milliseconds; an hour when absent
 */
export async function makeCertificate(validMs = 3_600_000): Promise<Certificate> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("No key pair");
  const now = Date.now();
  const name = nameOf("cma-mcp test");
  const unsigned = der(
    SEQUENCE,
    der(0xa0, der(0x02, [2])),
    der(0x02, [0x01, ...crypto.getRandomValues(new Uint8Array(8))]),
    ED25519,
    name,
    der(SEQUENCE, utcTime(now - 60_000), utcTime(now + validMs)),
    name,
    new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey)),
    alternativeNames([127, 0, 0, 1]),
  );
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, unsigned));
  const cert = der(SEQUENCE, unsigned, ED25519, der(0x03, [0], signature));
  const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  return { key: pem("PRIVATE KEY", key), cert: pem("CERTIFICATE", cert) };
}
