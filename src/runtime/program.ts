/**
 * What a command gets from the process it runs in.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Output } from "../core/output.ts";
import type { Redact } from "../core/redact.ts";

/** The process, as far as commands may touch it. */
export interface Program {
  readonly clock: Clock;
  /** Goes to stderr. */
  readonly log: Logger;
  readonly redact: Redact;
  /** Aborts when the process is asked to end; the command then returns promptly. */
  readonly stopping: AbortSignal;
  /** Stdin and stdout, for those who speak a protocol there; the input is asked for once. */
  readonly protocol: {
    readonly input: () => AsyncIterable<Uint8Array>;
    readonly output: Pick<Output, "write" | "failure" | "failed">;
  };
  /** Writes a line to stdout. Never used while stdout carries JSON-RPC. */
  readonly print: (line: string) => void;
  /** Writes a text to stdout as it is, for what goes into files. */
  readonly printExactly: (text: string) => void;
  /** Writes a line to stderr, for people, beside what goes into files. */
  readonly note: (line: string) => void;
  /** Whether stdin is a terminal, so that nobody but a person can be typing. */
  readonly stdinIsTerminal: boolean;
  /** Whether stdout shows colours. */
  readonly color: boolean;
  /** Reads an environment variable that the program may read. */
  readonly env: (name: string) => string | undefined;
  readonly readFile: (path: string) => Promise<string>;
  /**
   * Calls `listener` whenever the operator asks for files to be read again (SIGHUP).
   *
   * @returns ends that
   */
  readonly onReload: (listener: () => void) => () => void;
  /** How many files can be opened, at most as many as the waits of the settings need, if known. */
  readonly openableFiles: number | undefined;
}

/** Resolves when the signal aborts; leaves no listener when it already has. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
