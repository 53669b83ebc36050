/**
 * Whether a stream is slow to open, and whether an open one is still alive.
 *
 * @module
 */

import { bindSignal } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";

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

/** Watches for silence; see {@linkcode watchSilence}. */
export interface SilenceWatch {
  /** Notes a sign of life. */
  heard(): void;
  /** Ends the watch and its timer. */
  stop(): void;
}

/** Calls `onSilent` once when nothing has been heard for too long. Costs one timer, not one a byte. */
export function watchSilence(clock: Clock, onSilent: () => void): SilenceWatch {
  let heardAt = clock.now();
  let cancel = () => {};
  const watch = (delayMs: number) => {
    cancel = clock.after(delayMs, () => {
      const silentMs = clock.now() - heardAt;
      if (silentMs < SILENCE_MS) watch(SILENCE_MS - silentMs);
      else onSilent();
    });
  };
  watch(SILENCE_MS);
  return {
    heard: () => heardAt = clock.now(),
    stop: () => cancel(),
  };
}
