/**
 * The operator's log: one line per event, redacted, to a sink that the composition root chooses.
 *
 * @module
 */

import type { Redact } from "./redact.ts";

/** Severity, least first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Facts of a log line, by name. Values must be JSON-serialisable. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes log lines. Never give it message texts: names, ids, counts and durations only. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** How {@linkcode createLogger} formats and filters. */
export interface LoggerOptions {
  /** Lines below this level are dropped. */
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Applied to the whole formatted line. */
  readonly redact: Redact;
  /** Receives one line without a line end. */
  readonly write: (line: string) => void;
  /** Milliseconds since the epoch, for the time stamp of JSON lines. */
  readonly now: () => number;
}

/** A logger that formats, redacts and writes lines at or above its level. */
export function createLogger(options: LoggerOptions): Logger {
  const threshold = LEVELS.indexOf(options.level);
  const at = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
    if (LEVELS.indexOf(level) < threshold) return;
    options.write(options.redact(formatLine(options, level, message, fields)));
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function formatLine(
  options: LoggerOptions,
  level: LogLevel,
  message: string,
  fields: LogFields,
): string {
  if (options.format === "json") {
    const time = new Date(options.now()).toISOString();
    const head = { time, level, message };
    // Fields come after the head and cannot take its place.
    return JSON.stringify({ ...head, ...fields, ...head });
  }
  const facts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) =>
      ` ${name}=${typeof value === "string" ? word(value) : JSON.stringify(value)}`
    )
    .join("");
  // A line break or escape sequence would forge a line, or what a terminal shows of it.
  // deno-lint-ignore no-control-regex -- control characters are what is taken out
  return `cma-mcp ${level}: ${message}${facts}`.replace(/[\x00-\x1f\x7f]+/g, " ");
}

/** A value as it is, or quoted where it would pass for another fact. */
function word(value: string): string {
  return /\s[\w.]+=/.test(value) ? JSON.stringify(value) : value;
}

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
