/**
 * Seals what leaves the server and comes back: nobody else can read it, change it, or use it for
 * another purpose.
 *
 * @module
 */

import { fromBase64Url, toBase64Url } from "../core/text.ts";

/** Uses of sealed texts; a text of one does not open as another. */
export type Purpose =
  | "approval state"
  | "session owner"
  | "session list"
  | "session page"
  | "file link"
  | "proof"
  | "client extension"
  | "idempotency"
  | "subject hash";

/** Seals and opens values with one key per purpose. */
export interface Sealer {
  /** Encrypts a JSON value; the text is base64url. */
  seal(purpose: Purpose, value: unknown): Promise<string>;
  /** Opens a text that any of the keys sealed for this purpose; undefined for every other text. */
  open(purpose: Purpose, text: string): Promise<unknown>;
  /** Returns the key for HMAC-SHA256 of each sealing key, the one that seals first. */
  macKeys(purpose: Purpose): Promise<readonly CryptoKey[]>;
}

/** Bytes of the nonce of AES-GCM, as NIST SP 800-38D recommends. */
const NONCE_BYTES = 12;

/** Least bytes of a sealing key. */
export const MIN_SEALING_KEY_BYTES = 32;

/**
 * Makes a sealer.
 *
 * @param keys each {@linkcode MIN_SEALING_KEY_BYTES} random bytes or more: the first seals, all
 *   open. Without any, a random one that ends with the process
 */
export function createSealer(keys: readonly Uint8Array<ArrayBuffer>[] = []): Sealer {
  const secrets = keys.length > 0
    ? keys
    : [crypto.getRandomValues(new Uint8Array(MIN_SEALING_KEY_BYTES))];
  const derived = new Map<string, Promise<readonly CryptoKey[]>>();
  const keysFor = (purpose: Purpose, use: KeyUse) => {
    const name = `${use} ${purpose}`;
    const known = derived.get(name);
    if (known) return known;
    const made = Promise.all(secrets.map((secret) => deriveKey(secret, purpose, use)));
    derived.set(name, made);
    return made;
  };
  return {
    async seal(purpose, value) {
      const [key] = await keysFor(purpose, "encrypt");
      if (!key) throw new Error("A sealer has a key");
      const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
      const plain = new TextEncoder().encode(JSON.stringify(value));
      const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain);
      const bytes = new Uint8Array(NONCE_BYTES + sealed.byteLength);
      bytes.set(iv);
      bytes.set(new Uint8Array(sealed), NONCE_BYTES);
      return toBase64Url(bytes);
    },
    async open(purpose, text) {
      const bytes = bytesOf(text);
      if (!bytes) return undefined;
      for (const key of await keysFor(purpose, "encrypt")) {
        const value = await openWith(key, bytes);
        if (value !== undefined) return value;
      }
      return undefined;
    },
    macKeys: (purpose) => keysFor(purpose, "sign"),
  };
}

/** `encrypt`: AES-256-GCM; `sign`: HMAC-SHA256. */
type KeyUse = "encrypt" | "sign";

/** Derives a key of one purpose and one use (HKDF, RFC 5869). */
async function deriveKey(
  secret: Uint8Array<ArrayBuffer>,
  purpose: Purpose,
  use: KeyUse,
): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const info = new TextEncoder().encode(`cma-mcp ${purpose} ${use} v1`);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  return use === "encrypt"
    ? await crypto.subtle.deriveKey(hkdf, base, { name: "AES-GCM", length: 256 }, false, [
      "encrypt",
      "decrypt",
    ])
    : await crypto.subtle.deriveKey(
      hkdf,
      base,
      { name: "HMAC", hash: "SHA-256", length: 256 },
      false,
      ["sign"],
    );
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const bytes = new Uint8Array(fromBase64Url(text));
    return bytes.byteLength > NONCE_BYTES ? bytes : undefined;
  } catch {
    return undefined;
  }
}

async function openWith(key: CryptoKey, bytes: Uint8Array<ArrayBuffer>): Promise<unknown> {
  const iv = bytes.subarray(0, NONCE_BYTES);
  const sealed = bytes.subarray(NONCE_BYTES);
  try {
    const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, sealed);
    return JSON.parse(new TextDecoder().decode(plain));
  } catch {
    return undefined;
  }
}
