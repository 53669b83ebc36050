/**
 * Progress notifications of one call.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";

/** One `notifications/progress` without its token. */
export interface ProgressUpdate {
  /** Seconds since the call began; larger than in every update before. */
  readonly progress: number;
  readonly message: string;
}

/** Reports progress until it is stopped. */
export interface ProgressReporter {
  report(message: string): void;
  /** After this nothing is sent, and failures to send are nobody's concern. */
  stop(): void;
}

/** Longest message, in characters: hosts show it on one line. */
const MAX_MESSAGE_CHARS = 200;

/**
 * @param send sends one update; updates go out in order, one after the other
 * @param onFailure told of updates that could not be sent while the call went on
 */
export function createProgressReporter(
  clock: Clock,
  send: (update: ProgressUpdate) => Promise<void>,
  onFailure: (error: unknown) => void,
): ProgressReporter {
  const startedAt = clock.now();
  let last = -1;
  let stopped = false;
  return {
    report(message) {
      if (stopped) return;
      const elapsedSec = Math.round((clock.now() - startedAt) / 100) / 10;
      // The protocol wants every value to be larger than the one before, however little time passed.
      last = elapsedSec > last ? elapsedSec : Math.round((last + 0.001) * 1_000) / 1_000;
      const update = {
        progress: last,
        message: `${message.slice(0, MAX_MESSAGE_CHARS)} (${Math.round(elapsedSec)} s)`,
      };
      send(update).catch((error) => {
        if (!stopped) onFailure(error);
      });
    },
    stop() {
      stopped = true;
    },
  };
}
