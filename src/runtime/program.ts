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

/** The machine, its files and the command that starts this program, for hosts' configurations. */
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
  | "stderrIsTerminal"
  | "columns"
  | "writeOut"
  | "onReload"
  | "usage"
  | "certificateDates"
  | "listen"
  | "tryListen"
  | "openHttpClient"
  | "connect"
>;

/** The process, as far as commands may use it. */
export interface Program extends Machine, FileReaders, Usable {
  readonly clock: Clock;
  /** The operator's log, on stderr. */
  readonly log: Logger;
  readonly redact: Redact;
  /** Aborts when the process is asked to end; the command must then return promptly. */
  readonly stopping: AbortSignal;
  /**
   * Stdin and stdout, for commands that speak a protocol there; read the input only once. The
   * output also shows when nobody reads it.
   */
  readonly protocol: {
    readonly input: Runtime["stdin"];
    readonly output: Pick<Output, "write" | "failure" | "failed">;
  };
  /** True when stdout shows colours. */
  readonly color: boolean;
  /** Writes a line to stdout. Never used while stdout carries JSON-RPC. */
  readonly print: (line: string) => void;
  /** Writes a text to stdout unchanged, for texts that go into files. */
  readonly printExactly: (text: string) => void;
  /** Writes a line to stderr, for people, beside the output that goes into files. */
  readonly note: (line: string) => void;
  /** Shows on stderr the state of a running command. */
  readonly liveLine: {
    readonly show: (text: string) => void;
    /** Resolves when the line has gone from the terminal, which may be that of stdout. */
    readonly hide: () => Promise<void>;
  };
  /** Set if fewer files can be opened than the waits of the settings need. */
  readonly openFilesProblem: { readonly message: string; readonly cure: string } | undefined;
}
