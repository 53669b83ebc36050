/**
 * `parseArgs` with the signature and results of `jsr:@std/cli`, as far as the project uses it.
 *
 * @module
 */

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

/** An argument, or a short flag of several in one. */
type Token =
  | { readonly kind: "word"; readonly value: string; readonly index: number }
  | {
    readonly kind: "flag";
    readonly name: string;
    /** What follows `=`. */
    readonly value?: string;
    readonly index: number;
  };

/** Splits arguments into flags and words; after `--` there are words only. */
function tokensOf(args: readonly string[]): Token[] {
  const end = args.indexOf("--");
  return args.flatMap((arg, index): Token[] => {
    if (index === end) return [];
    const isWord = (end !== -1 && index > end) || !arg.startsWith("-") || arg === "-";
    if (isWord) return [{ kind: "word", value: arg, index }];
    if (!arg.startsWith("--")) {
      return [...arg.slice(1)].map((name) => ({ kind: "flag", name, index }));
    }
    const at = arg.indexOf("=", 3);
    if (at === -1) return [{ kind: "flag", name: arg.slice(2), index }];
    return [{ kind: "flag", name: arg.slice(2, at), value: arg.slice(at + 1), index }];
  });
}

/** Parses command-line arguments; the last of a repeated flag wins. */
export function parseArgs(args: readonly string[], options: ParseOptions = {}): Args {
  const booleans = new Set(options.boolean);
  const strings = new Set(options.string);
  const names = namesOf(options);
  const positionals: (string | number)[] = [];
  const values: Record<string, unknown> = Object.create(null);
  for (const flag of booleans) values[flag] = false;

  const tokens = tokensOf(args);
  // A flag and its value are two tokens.
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (!token) continue;
    if (token.kind === "word") {
      if (options.unknown?.(token.value) === false) continue;
      const number = !strings.has("_") && isNumber(token.value);
      positionals.push(number ? Number(token.value) : token.value);
      continue;
    }
    const flag = names.get(token.name) ?? token.name;
    let value: string | boolean | undefined = token.value;
    const next = tokens[i + 1];
    if (value === undefined && next?.kind === "word" && next.value !== "") {
      const takesNext = !booleans.has(flag) || /^(true|false)$/.test(next.value);
      if (takesNext && args[next.index - 1] !== "--") {
        value = next.value;
        i++;
      }
    }
    if (booleans.has(flag)) value = value !== "false";
    else value ??= strings.has(flag) ? "" : true;
    const known = booleans.has(flag) || strings.has(flag);
    const arg = args[token.index] ?? token.name;
    if (known || options.unknown?.(arg, flag, value) !== false) values[flag] = value;
  }
  for (const [alias, name] of names) if (name in values) values[alias] = values[name];
  return { _: positionals, ...values };
}
