/**
 * Progress notifications of one call.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import { firstChars, plainLine } from "../core/text.ts";

/** One `notifications/progress` without its token. */
export interface ProgressUpdate {
  /** Whole seconds since the call began; larger than in every update before. */
  readonly progress: number;
  readonly message: string;
}

/** Reports progress until it is stopped. */
export interface ProgressReporter {
  /** Sends the newest message as soon as possible; older ones that still wait are dropped. */
  report(message: string): void;
  /** Sends nothing from now on, and reports no failure to send. */
  stop(): void;
}

/** Longest message, in characters: hosts show it on one line. */
const MAX_MESSAGE_CHARS = 200;

/**
 * Delay of the first update, in milliseconds: a call that has its result by then has no progress to
 * report.
 */
const FIRST_MS = 2_000;
/**
 * Least time between two updates, in milliseconds: people read no faster, and models pay for none
 * of it.
 */
const EVERY_MS = 1_000;
/**
 * Delay of every update, in milliseconds. It is dropped when the result comes first: clients take a
 * notification that arrives together with the result for one of an unknown call.
 */
const HOLD_MS = 250;

/** Options of {@linkcode createProgressReporter}. */
export interface ProgressOptions {
  readonly clock: Clock;
  /** Hides secrets in messages, which may be the words of agents. */
  readonly redact: (text: string) => string;
  /** Sends one update. Updates are sent in order, one at a time. */
  readonly send: (update: ProgressUpdate) => Promise<void>;
  /** Called when an update could not be sent while the call ran. */
  readonly onFailure: (error: unknown) => void;
}

/** Reports the progress of a call that begins now. */
export function createProgressReporter(options: ProgressOptions): ProgressReporter {
  const { clock, redact, send, onFailure } = options;
  const startedAt = clock.now();
  let notBefore = startedAt + FIRST_MS;
  let last = 0;
  let newest = "";
  let cancel: (() => void) | undefined;
  let stopped = false;

  const sendNewest = () => {
    cancel = undefined;
    notBefore = clock.now() + EVERY_MS;
    const elapsedSec = Math.floor((clock.now() - startedAt) / 1_000);
    // The protocol demands that every value is larger than the one before.
    last = Math.max(elapsedSec, last + 1);
    // Strip first, since a secret may be whole only then, and cut last.
    const message = firstChars(redact(plainLine(newest)), MAX_MESSAGE_CHARS);
    send({ progress: last, message: `${message} (${elapsedSec} s)` }).catch((error) => {
      if (!stopped) onFailure(error);
    });
  };
  return {
    report(message) {
      if (stopped) return;
      newest = message;
      const waitMs = Math.max(HOLD_MS, notBefore - clock.now());
      cancel ??= clock.after(waitMs, sendNewest);
    },
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}
