/**
 * The way in and out that all instruments share (bench, faults, flood, load, soak): their command
 * line, and their exit code.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { printLines } from "./table.ts";

/** Flags with their defaults: a number takes a number above 0, `false` makes a switch. */
type Flags = Readonly<Record<string, number | false>>;

/** The flags as they were given, or their defaults. */
export type Options<F extends Flags> = {
  readonly [Name in keyof F]: F[Name] extends number ? number : boolean;
};

/** A program that puts the server to work, and reports what became of it. */
export interface Instrument<F extends Flags> {
  /** What `--help` prints, and what follows a complaint. */
  readonly usage: string;
  readonly flags: F;
  /**
   * Returns what is wrong with flags and words that were given; empty when nothing is. Words are
   * refused where this is absent.
   */
  complaints?(options: Options<F>, words: readonly string[]): readonly string[];
  /** Does the work, and prints the report. @returns true when all is well */
  run(options: Options<F>, words: readonly string[]): Promise<boolean>;
}

/**
 * Runs an instrument with the arguments of this program, and ends the program: with 0 when all is
 * well, with 1 when something is not, and with 2, and nothing done, after a mistake in the arguments.
 */
export async function runInstrument<F extends Flags>(instrument: Instrument<F>): Promise<never> {
  const { options, words, complaints } = readArguments(instrument, Deno.args);
  if (options.help) {
    printLines([instrument.usage]);
    Deno.exit(0);
  }
  if (complaints.length > 0) {
    printLines([...complaints, instrument.usage], Deno.stderr);
    Deno.exit(2);
  }
  Deno.exit(await instrument.run(options, words) ? 0 : 1);
}

interface Arguments<F extends Flags> {
  readonly options: Options<F> & { readonly help: boolean };
  readonly words: readonly string[];
  readonly complaints: readonly string[];
}

/** Reads command-line arguments as an instrument wants them. */
export function readArguments<F extends Flags>(
  { flags, complaints: complaintsOf }: Instrument<F>,
  args: readonly string[],
): Arguments<F> {
  const names = Object.keys(flags);
  const unknown: string[] = [];
  const given = parseArgs(args, {
    boolean: ["help", ...names.filter((name) => flags[name] === false)],
    string: ["_", ...names.filter((name) => flags[name] !== false)],
    alias: { help: "h" },
    unknown: (arg, key) => {
      if (key !== undefined) unknown.push(arg);
      return key === undefined;
    },
  });
  const values = names.map((name) => {
    const fallback = flags[name];
    const value: unknown = given[name];
    return [name, fallback === false ? value : Number(value ?? fallback)] as const;
  });
  const options: Arguments<F>["options"] = Object.assign(
    Object.create(null),
    Object.fromEntries(values),
    { help: given.help },
  );
  const words = given._.map(String);
  const wrong = values.filter(([, value]) => typeof value === "number" && !(value > 0));
  const valued = args.filter((arg) => {
    const [name = "", value] = arg.slice(2).split("=");
    return value !== undefined && (name === "help" || flags[name] === false);
  });
  return {
    options,
    words,
    complaints: [
      ...[...unknown, ...valued].map((arg) => `Unknown flag '${arg}'.`),
      ...wrong.map(([name]) => `--${name} takes a number above 0, not '${given[name]}'.`),
      ...complaintsOf?.(options, words) ?? words.map((word) => `Unknown argument '${word}'.`),
    ],
  };
}
