/**
 * A setting's value: flag over environment over default.
 *
 * @module
 */

import type { CommandLine } from "./command_line.ts";
import { checkFilledIn } from "../core/filled_in.ts";
import type { Setting } from "./setting.ts";

/** Reads an environment variable. */
export type ReadEnv = (name: string) => string | undefined;

/** Reads a text file; throws when it cannot. */
export type ReadFile = (path: string) => string;

/** Where values come from. */
export interface Sources {
  readonly flags: CommandLine["flags"];
  readonly env: ReadEnv;
  readonly readFile: ReadFile;
}

/**
 * The value of a setting's flag, undefined when it was not given.
 *
 * @throws UsageError one line that says what is wrong and what to type
 */
export function flagValue<T>({ flags }: Sources, setting: Setting<T>): T | undefined {
  const given = setting.flag === undefined ? undefined : flags.get(setting.flag)?.trim();
  return given === undefined ? undefined : parse(setting, given, `--${setting.flag}`);
}

function parse<T>(setting: Setting<T>, given: string, source: string): T {
  checkFilledIn(given, source, setting);
  return setting.parse(given, source);
}

/**
 * The value of a setting.
 *
 * @throws UsageError one line that says what is wrong and what to type
 */
export function valueOf<T>(sources: Sources, setting: Setting<T>): T {
  const given = flagValue(sources, setting);
  if (given !== undefined) return given;
  for (const name of setting.env) {
    const value = sources.env(name)?.trim();
    // Hosts pass on settings that were left blank as empty texts.
    if (value) return parse(setting, value, name);
  }
  return setting.fallback;
}
