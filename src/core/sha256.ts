/**
 * SHA-256.
 *
 * @module
 */

import type { createHash } from "node:crypto";

/** Loaded on first use: on Deno the module takes as long as a fifth of a start, and 8 MB. */
let create: typeof createHash | undefined;

/**
 * Returns the SHA-256 of a text as lower-case hex. Synchronous, since Web Crypto's detour over a
 * thread takes far longer.
 */
export function sha256(text: string): string {
  create ??= process.getBuiltinModule("node:crypto").createHash;
  return create("sha256").update(text).digest("hex");
}
