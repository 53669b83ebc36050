/**
 * The operator's log: redacts lines and hands them to the writer that its creator chose.
 *
 * @module
 */

import { hasCredentialField, redactValue } from "./redact.ts";
import { plainLine, printableJson } from "./text.ts";

/** Severities of log lines, least first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** Severity of a log line. */
export type LogLevel = typeof LOG_LEVELS[number];

/** Facts of a log line, by name. Values must be JSON-serialisable. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes log lines. Never give it message texts: names, ids, counts and durations only. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Options of {@linkcode createLogger}. */
export interface LoggerOptions {
  /** Lines below this level are dropped. */
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Redacts the message and every text in the fields; use `createRedact(…).loose`. */
  readonly redact: (text: string) => string;
  /** Receives one line without a line end. */
  readonly write: (line: string) => void;
  /** Milliseconds since the epoch, for the time stamp of JSON lines. */
  readonly now: () => number;
}

/** Makes a logger that formats, redacts and writes lines at or above its level. */
export function createLogger(options: LoggerOptions): Logger {
  const threshold = LOG_LEVELS.indexOf(options.level);
  const at = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
    if (LOG_LEVELS.indexOf(level) < threshold) return;
    options.write(formatLine(options, level, message, fields));
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Printable ASCII without a backslash: a line that matches contains no escapes. */
const HAS_NO_ESCAPES = /^[\x20-\x5b\x5d-\x7e]*$/;

function formatLine(
  { format, redact, now }: LoggerOptions,
  level: LogLevel,
  message: string,
  fields: LogFields,
): string {
  const layout = format === "json" ? jsonLine(new Date(now()).toISOString()) : textLine;
  // A secret in a text is also a secret in the line, because the blanks, quotes and equals signs
  // around the text belong to no secret. So one search clears nearly every line.
  const line = layout(level, message, fields);
  if (HAS_NO_ESCAPES.test(line) && !hasCredentialField(line) && redact(line) === line) return line;
  // In text format, a line break or escape sequence could forge a line, or what a terminal shows of
  // it. Remove them before redacting: they may split a secret.
  const clean = format === "json" ? redact : (text: string) => redact(plainLine(text));
  return layout(level, clean(message), redactValue({ ...fields }, clean));
}

type Layout = (level: LogLevel, message: string, fields: LogFields) => string;

function jsonLine(time: string): Layout {
  return (level, message, fields) => {
    const facts = { time, level, message };
    // Spread twice, so that the facts come first in the line and no field can overwrite them.
    return printableJson(JSON.stringify({ ...facts, ...fields, ...facts }));
  };
}

const textLine: Layout = (level, message, fields) => {
  let line = `cma-mcp ${level}: ${message}`;
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (value === undefined) continue;
    line += ` ${name}=${typeof value === "string" ? word(value) : JSON.stringify(value)}`;
  }
  return line;
};

/**
 * Returns a value as it is, or quoted where a reader could take it for another fact, or the facts
 * behind it for a part of it.
 */
function word(value: string): string {
  return /\s[\w.]+=|^"/.test(value) ? JSON.stringify(value) : value;
}

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
