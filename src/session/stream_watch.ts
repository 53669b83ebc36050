/**
 * Whether a stream is slow to open, and whether an open one is still alive.
 *
 * @module
 */

import { bindSignal } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { type SilenceWatch, watchSilence } from "../core/silence.ts";

/** A stream whose headers are slower than this is not waited for: history is read meanwhile. */
const OPEN_GRACE_MS = 1_500;
/** Longer than two heartbeats of 15 s: a stream without a byte for so long is taken for dead. */
const SILENCE_MS = 35_000;

/** Resolves with whether `opening` takes longer than a stream should; false when it fails sooner. */
export async function isSlow(
  opening: Promise<unknown>,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const grace = new AbortController();
  const bound = bindSignal(clock, { signals: [signal, grace.signal] });
  const slow = clock.sleep(OPEN_GRACE_MS, bound.signal).then(() => true, () => false);
  return await Promise.race([opening.then(() => false), slow]).finally(() => {
    grace.abort();
    bound.dispose();
  });
}

/** Calls `onSilent` once when a stream has been silent for too long. */
export function watchStreamSilence(clock: Clock, onSilent: () => void): SilenceWatch {
  return watchSilence(clock, SILENCE_MS, onSilent);
}
