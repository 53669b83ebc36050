import { denoRuntime } from "../../src/runtime/deno.ts";
import type { Program } from "../../src/runtime/program.ts";
import type { Clock } from "../../src/core/clock.ts";
import { createLogger } from "../../src/core/logger.ts";
import { createRedact } from "../../src/core/redact.ts";
import { steadyClock } from "./fast_clock.ts";

/** A program whose output is kept, and that can be told to stop. */
export interface RecordedProgram extends Program {
  readonly printed: string[];
  /** Texts that went to stdout exactly as they are, not as lines. */
  readonly written: string[];
  readonly noted: string[];
  /** What the live line has shown; "" where it was taken away. */
  readonly shown: string[];
  readonly logged: string[];
  stop(): void;
  /** Makes the program read its files again, as SIGHUP does. */
  reload(): void;
  /** Resolves with the first match in the log, as soon as there is one. */
  loggedMatch(pattern: RegExp): Promise<RegExpExecArray>;
}

export function recordProgram(overrides: Partial<Program> = {}): RecordedProgram {
  const printed: string[] = [];
  const written: string[] = [];
  const noted: string[] = [];
  const shown: string[] = [];
  const logged: string[] = [];
  const watchers = new Set<() => void>();
  const stopping = new AbortController();
  const reloads = new Set<() => void>();
  const clock: Clock = overrides.clock ?? steadyClock();
  const redact = createRedact([]);
  const write = (line: string) => {
    logged.push(line);
    for (const watch of [...watchers]) watch();
  };
  return {
    ...denoRuntime,
    clock,
    log: createLogger({
      level: "info",
      format: "text",
      redact: redact.loose,
      write,
      now: () => clock.now(),
    }),
    redact,
    stopping: stopping.signal,
    protocol: {
      input: () => new ReadableStream<Uint8Array>(),
      output: { write: () => true, failure: undefined, failed: new Promise<void>(() => {}) },
    },
    print: (line) => printed.push(line),
    printExactly: (text) => written.push(text),
    note: (line) => noted.push(line),
    liveLine: {
      show: (text) => shown.push(text),
      hide: () => Promise.resolve(void shown.push("")),
    },
    env: () => undefined,
    setEnv: () => {},
    stdinIsTerminal: false,
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    columns: () => undefined,
    plainStdin: () => new ReadableStream<Uint8Array>(),
    color: false,
    readFile: () => Promise.reject(new Error("No file is read here")),
    readText: () => Promise.resolve(undefined),
    exists: () => Promise.resolve(false),
    modeOf: () => Promise.resolve(undefined),
    listFolder: () => Promise.resolve([]),
    onReload: (listener) => {
      reloads.add(listener);
      return () => reloads.delete(listener);
    },
    openFilesProblem: undefined,
    ...overrides,
    printed,
    written,
    noted,
    shown,
    logged,
    stop: () => stopping.abort(),
    reload: () => reloads.forEach((listener) => listener()),
    loggedMatch: (pattern) =>
      new Promise((resolve) => {
        const watch = () => {
          for (const line of logged) {
            const match = pattern.exec(line);
            if (!match) continue;
            watchers.delete(watch);
            return resolve(match);
          }
        };
        watchers.add(watch);
        watch();
      }),
  };
}
