/**
 * The findings of the doctor, and their output.
 *
 * @module
 */

import { plainLine } from "../../core/text.ts";
import type { Program } from "../../runtime/program.ts";
import { createPalette } from "../../core/paint.ts";

/** The state of a finding; `skip`: not checked, for the reason that the message gives. */
export type Status = "ok" | "warn" | "fail" | "skip";

/** One line of the doctor's output. */
export interface Finding {
  /** The check that found it: `key`, `network`, … */
  readonly check: string;
  readonly status: Status;
  /** One line of text. */
  readonly message: string;
  /** Advice; absent where the message contains it, or nothing has to be done. */
  readonly cure?: string;
}

type MakeFinding = (message: string, cure?: string) => Finding;

/** Makes the functions that make findings of one check, from a message and advice. */
export function findings(check: string): Readonly<Record<Status, MakeFinding>> {
  const make = (status: Status): MakeFinding => (message, cure) => ({
    check,
    status,
    message,
    ...(cure !== undefined && { cure }),
  });
  return { ok: make("ok"), warn: make("warn"), fail: make("fail"), skip: make("skip") };
}

/** Wide enough for the longest status and check, and a blank. */
const STATUS_COLUMNS = 5;
const CHECK_COLUMNS = 15;

/** Makes the line of a finding, in colour where the program has a terminal for it. */
export function lineOf(
  { check, status, message, cure }: Finding,
  { color, redact }: Pick<Program, "color" | "redact">,
): string {
  const { green, yellow, red, dim } = createPalette(color);
  const paint = { ok: green, warn: yellow, fail: red, skip: dim }[status];
  // The API's own words may end in a full stop.
  const words = cure === undefined ? message : `${message.replace(/\.$/, "")}: ${cure}`;
  // Not `redact.loose`: "invalid x-api-key: make a key" would lose its advice.
  const line = redact(plainLine(words));
  return paint(status.padEnd(STATUS_COLUMNS)) + check.padEnd(CHECK_COLUMNS) + line;
}

/** Counts findings by their status, for the last line. */
export function summaryOf(all: readonly Finding[]): string {
  const count = (wanted: Status) => all.filter(({ status }) => status === wanted).length;
  const warnings = count("warn");
  return `${count("ok")} ok, ${warnings} warning${warnings === 1 ? "" : "s"}, ` +
    `${count("fail")} failed`;
}
