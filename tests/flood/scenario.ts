/** The program under a flood. */
export interface FloodTarget {
  readonly port: number;
  /** Bearer token that is accepted, without a limit. */
  readonly token: string;
  /** How hard to flood: 1 in the tests, more in `deno task flood`. */
  readonly scale: number;
  /** The certificate's PEM where the program serves TLS. */
  readonly certificate?: string;
  /** The session of {@linkcode FloodScenario.prepare}. */
  readonly session_id?: string;
}

/** Things that a scenario needs before the program starts. */
export interface Prepared {
  /** Arguments and environment of the program, such as the address of an API of the scenario's own. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A session for the flood to name. */
  readonly session_id?: string;
  close?(): Promise<void> | void;
}

/**
 * A way to flood the program over HTTP. To add one, append it to a list and the list to
 * `SCENARIOS` in scenarios.ts: a prober requests `/health` all the while, and the runner checks
 * afterwards that the program has recovered.
 */
export interface FloodScenario {
  readonly name: string;
  /** Most files that the program may have open; as many as the machine allows when absent. */
  readonly openFiles?: number;
  /** Streams of the program that nobody reads. */
  readonly unread?: readonly ("stdout" | "stderr")[];
  readonly tls?: boolean;
  /** Memory that the flood may take on top of the program's own at start, in megabytes. */
  readonly maxMegabytes?: number;
  /** A line that the program must have logged. */
  readonly says?: RegExp;
  prepare?(): Promise<Prepared> | Prepared;
  /** Floods; ends when what it sent was taken, refused or given up, and closes what it opened. */
  flood(target: FloodTarget): Promise<void>;
}
