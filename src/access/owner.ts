/**
 * The mark that a session carries of the caller who created it.
 *
 * @module
 */

/** Metadata key of the mark. */
export const OWNER_KEY = "cma_mcp_owner";

/** Says what the key is used for, so that no other use of it gives the same values. */
const PURPOSE = "cma-mcp session owner v1\n";

/** Makes marks: the same name gives the same mark on every replica that has the same secret. */
export interface OwnerMarks {
  markOf(name: string): Promise<string>;
}

/**
 * Marks are HMAC-SHA256 values, 43 characters of base64url: they tell neither the name nor the
 * secret to those who can read a session's metadata.
 *
 * @param secret random text of 32 characters or more; without one, a new one that ends with the
 *   process, so that nobody reaches sessions from before
 */
export function createOwnerMarks(secret: string = randomSecret()): OwnerMarks {
  let key: Promise<CryptoKey> | undefined;
  const marks = new Map<string, Promise<string>>();
  const sign = async (name: string) => {
    key ??= importKey(secret);
    const data = new TextEncoder().encode(PURPOSE + name);
    return base64url(new Uint8Array(await crypto.subtle.sign("HMAC", await key, data)));
  };
  return {
    markOf(name) {
      const known = marks.get(name);
      if (known) return known;
      const mark = sign(name);
      marks.set(name, mark);
      return mark;
    },
  };
}

function importKey(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"]);
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function randomSecret(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}
