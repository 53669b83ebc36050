/**
 * What one row of the settings table is, and the kinds of value that a row can have.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import { shown } from "./checks.ts";

/** What the program can be asked to do. */
export type CommandName = "serve" | "demo" | "doctor" | "config" | "simulator" | "token" | "health";

/** When a setting matters. */
export interface Scope {
  readonly commands: readonly CommandName[];
  /** Only together with `--http`. */
  readonly httpOnly?: boolean;
}

/** One row: a setting, its spellings, its default and its range. */
export interface Setting<T> extends Scope {
  /** Without the dashes; absent for what must not be on a command line. */
  readonly flag?: string;
  /** One letter. */
  readonly short?: string;
  /** Environment variables, by precedence. */
  readonly env: readonly string[];
  /** How the value is shown in help, such as `<port>`; absent for switches. */
  readonly valueName?: string;
  readonly fallback: T;
  /** The default in words where the value itself does not say it. */
  readonly fallbackText?: string;
  /** One line, for `--help` and the README. */
  readonly help: string;
  /** Whether the value is a credential. */
  readonly secret?: boolean;
  /** Whether the value is the path of a file. */
  readonly isPath?: boolean;
  /**
   * @param text non-empty, trimmed
   * @param source how the user spelled the setting: `--port` or `PORT`
   * @throws UsageError one line that says what is wrong and what to type
   */
  readonly parse: (text: string, source: string) => T;
}

/** What every kind of setting is declared with. */
type Row<T> = Omit<Setting<T>, "parse" | "fallback" | "env"> & {
  readonly env?: readonly string[];
};

/**
 * Whether a text means on; the same spellings for flags and the environment.
 *
 * @throws UsageError for a text that means neither on nor off
 */
export function parseSwitch(text: string, source: string): boolean {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new UsageError(`Cannot use ${shown(text)} as ${source}: type true or false`);
}

/** A switch: off unless given; `--flag=off` and `off` in the environment mean off too. */
export function toggle(row: Row<boolean>): Setting<boolean> {
  return { env: [], ...row, fallback: false, parse: parseSwitch };
}

/** A whole number between `min` and `max`, inclusive. */
export function integer(
  row: Row<number> & { readonly fallback: number; readonly min: number; readonly max: number },
): Setting<number> & { readonly min: number; readonly max: number } {
  const parse = (text: string, source: string) => {
    const value = Number(text);
    if (/^\d{1,15}$/.test(text) && value >= row.min && value <= row.max) return value;
    throw new UsageError(
      `Cannot use ${shown(text)} as ${source}: type a whole number from ${row.min} to ${row.max}`,
    );
  };
  return { env: [], ...row, parse };
}

/** A whole number between `min` and `max`, inclusive, that may be absent. */
export function optionalInteger(
  row: Row<number | undefined> & { readonly min: number; readonly max: number },
): Setting<number | undefined> {
  const { parse } = integer({ ...row, fallback: row.min });
  return { env: [], ...row, fallback: undefined, parse };
}

/** One of a few words. */
export function choice<T extends string>(
  row: Row<T> & { readonly fallback: T; readonly choices: readonly T[] },
): Setting<T> {
  const { choices, ...rest } = row;
  const parse = (text: string, source: string) => {
    const found = choices.find((word) => word === text.toLowerCase());
    if (found) return found;
    throw new UsageError(
      `Cannot use ${shown(text)} as ${source}: type one of ${choices.join(", ")}`,
    );
  };
  return { env: [], ...rest, parse };
}

/** A text with a default; `check` refuses or normalises it. */
export function text(
  row: Row<string> & { readonly fallback: string; readonly check?: Setting<string>["parse"] },
): Setting<string> {
  const { check, ...rest } = row;
  return { env: [], ...rest, parse: check ?? ((value) => value) };
}

/** A text that may be absent. */
export function optionalText(
  row: Row<string | undefined> & { readonly check?: Setting<string>["parse"] },
): Setting<string | undefined> {
  const { check, ...rest } = row;
  return { env: [], ...rest, fallback: undefined, parse: check ?? ((value) => value) };
}

/** The path of a file, which may be absent. */
export function path(
  row: Omit<Row<string | undefined>, "valueName" | "isPath">,
): Setting<string | undefined> {
  return optionalText({ ...row, valueName: "<path>", isPath: true });
}

/** Entries separated by commas or white space, each checked, none twice; at least one. */
export function list(
  row: Row<readonly string[] | undefined> & { readonly check: Setting<string>["parse"] },
): Setting<readonly string[] | undefined> {
  const { check, ...rest } = row;
  const parse = (value: string, source: string) => {
    const entries = value.split(/[\s,]+/).filter((entry) => entry !== "");
    if (entries.length === 0) {
      throw new UsageError(`${source} names nothing: give at least one entry, or leave it out`);
    }
    return [...new Set(entries.map((entry) => check(entry, source)))];
  };
  return { env: [], ...rest, fallback: undefined, parse };
}
