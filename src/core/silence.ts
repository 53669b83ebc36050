/**
 * Noticing that something has fallen silent.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** Watches for silence; see {@linkcode watchSilence}. */
export interface SilenceWatch {
  /** Notes a sign of life. */
  heard(): void;
  /** Ends the watch and its timer. Idempotent. */
  stop(): void;
}

/**
 * Calls `onSilent` once when nothing has been heard for `silenceMs` milliseconds. Costs one timer,
 * not one a sign.
 */
export function watchSilence(
  clock: Clock,
  silenceMs: number,
  onSilent: () => void,
): SilenceWatch {
  let heardAt = clock.now();
  let cancel = () => {};
  const watch = (delayMs: number) => {
    cancel = clock.after(delayMs, () => {
      const silentMs = clock.now() - heardAt;
      if (silentMs < silenceMs) watch(silenceMs - silentMs);
      else onSilent();
    });
  };
  watch(silenceMs);
  return {
    heard: () => heardAt = clock.now(),
    stop: () => cancel(),
  };
}
