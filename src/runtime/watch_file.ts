/**
 * Files that may change while the program runs.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";

/** What is watched, and who is told. */
export interface WatchOptions {
  readonly path: string;
  readonly readFile: (path: string) => Promise<string>;
  readonly clock: Clock;
  /** Told of the content that is found first, and of each that differs from the one before. */
  readonly onContent: (content: string) => void;
  /** Told once when the file cannot be read, until it could be again. */
  readonly onUnreadable: (error: unknown) => void;
}

/** A file that is being watched. */
export interface WatchedFile {
  /** Looks now instead of at the next turn. */
  check(): Promise<void>;
  close(): void;
}

/** How often a file is looked at, in milliseconds. */
const POLL_MS = 3_000;

/**
 * Reads a small file every three seconds. Comparing contents also notices what times of change do
 * not show, such as a mounted volume whose links are exchanged.
 */
export function watchFile(options: WatchOptions): WatchedFile {
  const { path, readFile, clock, onContent, onUnreadable } = options;
  const closing = new AbortController();
  let last: string | undefined;
  let readable = true;

  const look = async () => {
    try {
      const content = await readFile(path);
      if (closing.signal.aborted) return;
      readable = true;
      if (content !== last) onContent(last = content);
    } catch (error) {
      if (readable && !closing.signal.aborted) onUnreadable(error);
      readable = false;
    }
  };
  // One look after the other, so that an old content never comes last.
  let looking = Promise.resolve();
  const check = () => looking = looking.then(look);
  const poll = async () => {
    while (!closing.signal.aborted) {
      await check();
      await clock.sleep(POLL_MS, closing.signal);
    }
  };
  // Ends by the signal only.
  poll().catch(() => {});
  return { check, close: () => closing.abort() };
}
