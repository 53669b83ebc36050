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
  /** The newest message is sent as soon as one may be; older ones that still wait are dropped. */
  report(message: string): void;
  /** After this nothing is sent, and failures to send are not reported. */
  stop(): void;
}

/** Longest message, in characters: hosts show it on one line. */
const MAX_MESSAGE_CHARS = 200;

/**
 * The first update waits this long, in milliseconds: a call that has its result by then has no
 * progress to tell.
 */
const FIRST_MS = 2_000;
/** Between two updates, in milliseconds: people read no faster, and models pay for none of it. */
const EVERY_MS = 1_000;
/**
 * Every update waits this long, in milliseconds, and is dropped when the result comes first: clients
 * take a notification that arrives together with the result for one of an unknown call.
 */
const HOLD_MS = 250;

/** What {@linkcode createProgressReporter} needs. */
export interface ProgressOptions {
  readonly clock: Clock;
  /** Hides secrets in messages, which may be the words of agents. */
  readonly redact: (text: string) => string;
  /** Sends one update; updates go out in order, one after the other. */
  readonly send: (update: ProgressUpdate) => Promise<void>;
  /** Told of updates that could not be sent while the call went on. */
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
    // The protocol wants every value to be larger than the one before.
    last = Math.max(elapsedSec, last + 1);
    // Stripped first, since a secret may be whole only then, and cut last.
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
