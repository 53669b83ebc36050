/**
 * What a process uses of its machine.
 *
 * @module
 */

/** What a process uses, as far as its runtime tells. */
export interface ProcessUsage {
  /** When the process started, in seconds since 1970. */
  readonly startedAtSec: number;
  readonly residentBytes: number;
  /** Processor time of all its threads since then. */
  readonly cpuSec: number;
  /** Files that are open, sockets among them; absent where the runtime does not tell. */
  readonly openFiles?: number;
  /** Files that may be open at once; absent likewise. */
  readonly maxFiles?: number;
}
