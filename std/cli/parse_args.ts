/**
 * `parseArgs` with the signature and results of `jsr:@std/cli`, as far as the project uses it, over
 * the tokenizer of `node:util`.
 *
 * @module
 */

import { parseArgs as tokenize } from "node:util";

/** Which flags there are; what is in neither list goes to `unknown`. */
export interface ParseOptions {
  /** Flags that take no value; absent ones are `false`. */
  readonly boolean?: readonly string[];
  /** Flags that take a value: `--flag value`, `--flag=value`; without one the value is `""`. */
  readonly string?: readonly string[];
  /** Other names of a flag, by its name. */
  readonly alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Called for arguments that are not configured; those it answers `false` to are left out. */
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** Values by flag name; `_` holds what is no flag. */
export interface Args {
  readonly _: (string | number)[];
  // deno-lint-ignore no-explicit-any -- the signature of jsr:@std/cli
  readonly [flag: string]: any;
}

function namesOf(options: ParseOptions): Map<string, string> {
  const names = new Map<string, string>();
  for (const [name, aliases] of Object.entries(options.alias ?? {})) {
    for (const alias of typeof aliases === "string" ? [aliases] : aliases) names.set(alias, name);
  }
  return names;
}

function isNumber(text: string): boolean {
  return text.trim() !== "" && Number.isFinite(Number(text));
}

/** Parses command-line arguments; the last of a repeated flag wins. */
export function parseArgs(args: readonly string[], options: ParseOptions = {}): Args {
  const booleans = new Set(options.boolean);
  const strings = new Set(options.string);
  const names = namesOf(options);
  const positionals: (string | number)[] = [];
  const values: Record<string, unknown> = Object.create(null);
  for (const flag of booleans) values[flag] = false;

  const { tokens } = tokenize({ args: [...args], strict: false, tokens: true, options: {} });
  // A flag and its value are two tokens: the tokenizer is told of no flag that takes one.
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (!token || token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      if (options.unknown?.(token.value) === false) continue;
      const number = !strings.has("_") && isNumber(token.value);
      positionals.push(number ? Number(token.value) : token.value);
      continue;
    }
    const flag = names.get(token.name) ?? token.name;
    let value: string | boolean | undefined = token.value;
    const next = tokens[i + 1];
    if (value === undefined && next?.kind === "positional" && next.value !== "") {
      const takesNext = !booleans.has(flag) || /^(true|false)$/.test(next.value);
      if (takesNext && args[next.index - 1] !== "--") {
        value = next.value;
        i++;
      }
    }
    if (booleans.has(flag)) value = value !== "false";
    else value ??= strings.has(flag) ? "" : true;
    const known = booleans.has(flag) || strings.has(flag);
    const arg = args[token.index] ?? token.rawName;
    if (known || options.unknown?.(arg, flag, value) !== false) values[flag] = value;
  }
  for (const [alias, name] of names) if (name in values) values[alias] = values[name];
  return { _: positionals, ...values };
}
