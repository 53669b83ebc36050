/**
 * The process and the machine as a command sees them.
 *
 * @module
 */

import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Output } from "../core/output.ts";
import type { Redact } from "../core/redact.ts";
import type { FileReaders } from "./files.ts";
import type { Runtime } from "./runtime.ts";

/** The machine, its files and this program's start, on which hosts' configurations depend. */
export type Machine =
  & Pick<Runtime, "os" | "executable" | "setEnv">
  & Pick<FileReaders, "readText" | "exists" | "listFolder">;

/** The rest of the runtime that commands may use. */
type Usable = Pick<
  Runtime,
  | "env"
  | "plainStdin"
  | "stdinIsTerminal"
  | "stdoutIsTerminal"
  | "columns"
  | "writeOut"
  | "onReload"
  | "certificateDates"
  | "listen"
  | "tryListen"
  | "openHttpClient"
  | "connect"
>;

/** The process, as far as commands may touch it. */
export interface Program extends Machine, FileReaders, Usable {
  readonly clock: Clock;
  /** Goes to stderr. */
  readonly log: Logger;
  readonly redact: Redact;
  /** Aborts when the process is asked to end; the command then returns promptly. */
  readonly stopping: AbortSignal;
  /**
   * Stdin and stdout, for commands that speak a protocol there; the input is asked for once. The
   * output also tells when nobody reads what is printed.
   */
  readonly protocol: {
    readonly input: Runtime["stdin"];
    readonly output: Pick<Output, "write" | "failure" | "failed">;
  };
  /** True when stdout shows colours. */
  readonly color: boolean;
  /** Writes a line to stdout. Never used while stdout carries JSON-RPC. */
  readonly print: (line: string) => void;
  /** Writes a text to stdout as it is, for what goes into files. */
  readonly printExactly: (text: string) => void;
  /** Writes a line to stderr, for people, beside what goes into files. */
  readonly note: (line: string) => void;
  /** Shows on stderr what a command is at, while it goes on. */
  readonly liveLine: {
    readonly show: (text: string) => void;
    /** Resolves when the line has gone from the terminal, which may be that of stdout. */
    readonly hide: () => Promise<void>;
  };
  /** Says that fewer files can be opened than the waits of the settings need. */
  readonly openFilesProblem: { readonly message: string; readonly cure: string } | undefined;
}
