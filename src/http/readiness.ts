/**
 * Whether this server can do its work, asked often and found out rarely.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";

/** How long an answer holds, in milliseconds: probes must not cost the API's rate limit. */
const CACHE_MS = 10_000;

/**
 * A cached `probe`: one at a time, and its answer holds for ten seconds. A probe that fails counts
 * as not ready.
 */
export function createReadiness(
  clock: Clock,
  probe: () => Promise<boolean>,
): () => Promise<boolean> {
  let cached: { readonly at: number; readonly ready: Promise<boolean> } | undefined;
  return () => {
    const now = clock.now();
    if (cached === undefined || now - cached.at >= CACHE_MS) {
      cached = { at: now, ready: probe().catch(() => false) };
    }
    return cached.ready;
  };
}
