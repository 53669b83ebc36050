/**
 * SHA-256.
 *
 * @module
 */

import { createHash } from "node:crypto";

/**
 * Returns the SHA-256 of a text as lower-case hex. Synchronous, since Web Crypto's detour over a
 * thread takes far longer.
 */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
