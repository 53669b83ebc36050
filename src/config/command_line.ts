/**
 * Reads the command line: a command and its flags, whose values stay text.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "../core/errors.ts";
import { nearest } from "../core/suggest.ts";
import { parseSwitch, TOKEN_ADVICE } from "./checks.ts";
import { commandNamed, COMMANDS, HELP_TOPICS, isCommand } from "./commands.ts";
import { ALL_SETTINGS, type CommandName, REMOVED_FLAGS, type ScopedSetting } from "./settings.ts";

/** A parsed command line. */
export interface CommandLine {
  readonly command: CommandName | "help" | "version";
  /** The words after the command; for `help`, its topic. */
  readonly operands: readonly string[];
  /** Text by flag name as it was typed, without dashes; `"true"` or `"false"` for switches. */
  readonly flags: ReadonlyMap<string, string>;
}

type FlagRow = ScopedSetting & { readonly flag: string };

/** A row for each spelling of a flag. */
const FLAGS: readonly FlagRow[] = ALL_SETTINGS.flatMap((row) =>
  [row.flag, ...row.otherFlags ?? []].flatMap((flag) => flag === undefined ? [] : { ...row, flag })
);

const KEY_ADVICE = "set ANTHROPIC_API_KEY, or name a file with --api-key-file";

/** Flags that people try for credentials. The whole machine can read a command line. */
const SECRET_FLAGS: ReadonlyMap<string, string> = new Map([
  ["api-key", KEY_ADVICE],
  ["apikey", KEY_ADVICE],
  ["anthropic-api-key", KEY_ADVICE],
  ["key", KEY_ADVICE],
  ["auth-token", "set ANTHROPIC_AUTH_TOKEN"],
  ["token", TOKEN_ADVICE],
  ["bearer-token", TOKEN_ADVICE],
]);

const SEE_HELP = "see 'cma-mcp --help'";

function refuseFlag(arg: string, name: string): never {
  const advice = SECRET_FLAGS.get(name.toLowerCase());
  if (advice) throw new UsageError(`Secrets are not taken from the command line: ${advice}`);
  const typed = arg.split("=")[0];
  const instead = REMOVED_FLAGS.get(name);
  if (instead) throw new UsageError(`'${typed}' was removed: ${instead}`);
  const meant = nearest(name.toLowerCase(), FLAGS.map(({ flag }) => flag));
  throw new UsageError(
    `Unknown flag '${typed}': ${meant ? `did you mean '--${meant}'?` : SEE_HELP}`,
  );
}

/**
 * Rewrites `--switch=off`, and other words for off, to `=false`, the only word that the parser
 * knows.
 */
function spellSwitch(arg: string): string {
  const [name = "", ...rest] = arg.split("=");
  const row = FLAGS.find(({ flag, valueName }) => !valueName && name === `--${flag}`);
  if (!row || rest.length === 0) return arg;
  return `${name}=${parseSwitch(rest.join("="), name)}`;
}

/**
 * Joins a value to its flag where the parser would not take it for a value: negative numbers and
 * choices with a `-` before them, which look like flags, and empty texts. The setting's check then
 * reports the problem.
 */
function attachValues(args: readonly string[]): string[] {
  const rowsOf = (arg: string | undefined) =>
    FLAGS.filter(({ flag, short, valueName }) =>
      valueName && (arg === `--${flag}` || (short && arg === `-${short}`))
    );
  const takesOdd = (arg: string | undefined, value: string | undefined) =>
    rowsOf(arg).some(({ choices = [] }) =>
      /^(?:-[\d.].*)?$/.test(value ?? "-") ||
      choices.some((choice) => value?.startsWith(`-${choice}`))
    );
  return args.flatMap((arg, at) => {
    if (takesOdd(arg, args[at + 1])) return [`${longName(arg)}=${args[at + 1]}`];
    return takesOdd(args[at - 1], arg) ? [] : [arg];
  });
}

function longName(arg: string): string {
  const row = FLAGS.find(({ short }) => short && arg === `-${short}`);
  return row ? `--${row.flag}` : arg;
}

/** Returns all values of a flag on the line, with commas between them. */
function joinedValues(args: readonly string[], { flag }: FlagRow): string {
  const name = `--${flag}`;
  return args.flatMap((arg, at) => {
    if (arg.startsWith(`${name}=`)) return [arg.slice(name.length + 1)];
    return args[at - 1] === name ? [arg] : [];
  }).join(",");
}

/** Checks the words after a command. */
function checkOperands(
  command: CommandName | "help",
  operands: readonly string[],
): readonly string[] {
  const accepted = command === "help" ? HELP_TOPICS : commandNamed(command)?.operands ?? [];
  if (typeof accepted === "number") {
    if (operands.length <= accepted) return operands;
    throw new UsageError(
      `Cannot use '${
        operands[accepted]
      }' after '${command}': put what belongs together into quotes`,
    );
  }
  const [operand, extra] = operands;
  if (operand === undefined || (accepted.includes(operand) && extra === undefined)) return operands;
  const wrong = accepted.includes(operand) ? extra ?? "" : operand;
  const meant = nearest(wrong.toLowerCase(), accepted);
  const known = command === "help"
    ? "'cma-mcp help' lists the commands"
    : accepted.length === 0
    ? `see 'cma-mcp help ${command}'`
    : `type one of ${accepted.join(", ")}`;
  throw new UsageError(
    `Cannot use '${wrong}' after '${command}': ` +
      (meant ? `did you mean '${command} ${meant}'?` : known),
  );
}

/** Returns the topic of a `--help` anywhere on the line. */
function topicOf(args: readonly string[]): string | undefined {
  return args.find((arg) => commandNamed(arg)) ?? (args.includes("--http") ? "http" : undefined);
}

function commandOf(words: readonly string[]): CommandLine["command"] {
  const [word, extra] = words;
  if (word === undefined) return "serve";
  if (word === "help" || (isCommand(word) && commandNamed(word)?.operands)) return word;
  if (extra !== undefined) throw new UsageError(`Cannot use '${extra}': one command at a time`);
  if (word === "version") return word;
  if (isCommand(word)) return word;
  const meant = nearest(word.toLowerCase(), [...Object.keys(COMMANDS), "help", "version"]);
  throw new UsageError(
    `Unknown command '${word}': ${meant ? `did you mean '${meant}'?` : SEE_HELP}`,
  );
}

/** Returns the reason why a flag does not apply to a command; undefined where it does. */
function outOfPlace(
  row: FlagRow,
  command: CommandName,
  isHttp: () => boolean,
): string | undefined {
  // The doctor takes the server's flags, to check them.
  const serving = command === "serve" || command === "doctor";
  if (!row.commands.includes(command) && !(serving && row.commands.includes("serve"))) {
    const place = command === "serve" ? "when serving" : `to '${command}'`;
    const remedy = command === "config" && row.commands.includes("serve") && !row.httpOnly
      ? "add it to the program's arguments in what that prints"
      : "leave it out";
    return `--${row.flag} does not apply ${place}: ${remedy}`;
  }
  return row.httpOnly && serving && !isHttp()
    ? `--${row.flag} only matters for HTTP: add --http, or leave it out`
    : undefined;
}

/** Throws for a flag of which no row applies to the command. */
function checkScope(flag: string, command: CommandName, isHttp: () => boolean): void {
  const complaints = FLAGS.filter((row) => row.flag === flag)
    .map((row) => outOfPlace(row, command, isHttp));
  const [first] = complaints;
  if (first !== undefined && !complaints.includes(undefined)) throw new UsageError(first);
}

/**
 * Splits the command line by the settings table. `--help` and `--version` win over everything else;
 * what follows `--` is no flag.
 *
 * @param isHttpByVariable tells whether a variable makes the server one over HTTP, so that its flags
 *   apply; called only for such a flag, since other commands may not be permitted to read variables
 * @throws UsageError for unknown commands and flags, missing values, and flags out of place
 */
export function parseCommandLine(
  given: readonly string[],
  isHttpByVariable: () => boolean = () => false,
): CommandLine {
  const end = given.includes("--") ? given.indexOf("--") : given.length;
  const args = given.slice(0, end);
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    const topic = topicOf(args);
    return { command: "help", operands: topic === undefined ? [] : [topic], flags: new Map() };
  }
  const spelled = attachValues(args).map(spellSwitch);
  const parsed = parseArgs(spelled, {
    boolean: FLAGS.filter(({ valueName }) => !valueName).map(({ flag }) => flag),
    string: [...new Set(FLAGS.filter(({ valueName }) => valueName).map(({ flag }) => flag)), "_"],
    alias: Object.fromEntries(FLAGS.flatMap(({ flag, short }) => short ? [[flag, short]] : [])),
    unknown: (arg: string, name?: string) => name === undefined || refuseFlag(arg, name),
  });
  const values: Readonly<Record<string, unknown>> = parsed;
  if (values.version === true) return { command: "version", operands: [], flags: new Map() };
  const words = [...parsed._.map(String), ...given.slice(end + 1)];
  const command = commandOf(words);
  const flags = new Map<string, string>();
  // The parser has false for switches that nobody typed as well.
  const isOff = (flag: string) => values[flag] === false && spelled.includes(`--${flag}=false`);
  const isHttp = () => values.http === true || (!isOff("http") && isHttpByVariable());
  for (const row of FLAGS) {
    const value = values[row.flag];
    if (isOff(row.flag)) flags.set(row.flag, "false");
    if (value === undefined || value === false) continue;
    if (value === "") {
      throw new UsageError(`--${row.flag} needs a value: type --${row.flag} ${row.valueName}`);
    }
    if (command === "help" || command === "version") continue;
    checkScope(row.flag, command, isHttp);
    flags.set(row.flag, row.isRepeatable ? joinedValues(args, row) : String(value));
  }
  if (command === "version") return { command, operands: [], flags };
  return { command, operands: checkOperands(command, words.slice(1)), flags };
}
