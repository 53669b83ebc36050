/**
 * Makes the scripts by which shells complete commands, flags and values, from the tables of commands
 * and settings.
 *
 * @module
 */

import { type CommandDefinition, COMMANDS, HELP_TOPICS, type SHELLS } from "./commands.ts";
import { ALL_SETTINGS, type ScopedSetting } from "./settings.ts";

/** A flag that may follow a command. */
interface Flag {
  readonly name: string;
  readonly help: string;
  /** What comes after it: nothing, a file, some other text, or one of some words. */
  readonly value: "none" | "file" | "text" | readonly string[];
}

/** A command, `serve` where none is typed, and what may follow it. */
interface Command {
  readonly name: string;
  readonly words: readonly (readonly [word: string, help: string])[];
  readonly flags: readonly Flag[];
}

const NAMES: readonly (readonly [name: string, help: string])[] = [
  ...Object.entries<CommandDefinition>(COMMANDS).map(([name, { help }]) => [name, help] as const),
  ["help", "Show the flags of a command"],
  ["version", "Show the version"],
];

function commands(): Command[] {
  const wordsOf = (list: readonly string[]) => list.map((word) => [word, ""] as const);
  const named = Object.entries<CommandDefinition>(COMMANDS).map(([name, { operands }]) => ({
    name,
    words: typeof operands === "object" ? wordsOf(operands) : [],
    flags: flagsOf(name),
  }));
  return [
    { name: "serve", words: NAMES, flags: flagsOf("serve") },
    ...named,
    { name: "help", words: wordsOf(HELP_TOPICS), flags: [] },
    { name: "version", words: [], flags: [] },
  ];
}

function flagsOf(command: string): Flag[] {
  // The doctor is given the server's flags too; its own come first, since one has the same name.
  const own = ALL_SETTINGS.filter((row) => row.commands.some((name) => name === command));
  const served = command === "doctor"
    ? ALL_SETTINGS.filter((row) => row.commands.includes("serve"))
    : [];
  const flags = new Map<string, Flag>();
  for (const row of [...own, ...served]) {
    const { flag, help } = row;
    if (flag === undefined || flags.has(flag)) continue;
    flags.set(flag, { name: `--${flag}`, help, value: valueOf(row) });
  }
  return [...flags.values()];
}

function valueOf({ valueName, isPath, choices }: ScopedSetting): Flag["value"] {
  if (!valueName) return "none";
  return choices ?? (isPath ? "file" : "text");
}

/** Returns the script for a shell. */
export function completionScript(shell: typeof SHELLS[number]): string {
  const head = `# Completes cma-mcp in ${shell}; made by 'cma-mcp completions ${shell}'.`;
  const scripts = { bash, zsh, fish };
  const lines = scripts[shell](commands());
  return (shell === "zsh" ? ["#compdef cma-mcp", head, ...lines] : [head, ...lines]).join("\n");
}

/** Names of flags, by what comes after them, for patterns of `case`. */
function patterns(all: readonly Command[]) {
  const flags = all.flatMap((command) => command.flags.map((flag) => ({ command, ...flag })));
  const namesOf = (
    wanted: (flag: Flag) => boolean,
  ) => [...new Set(flags.filter(wanted).map(({ name }) => name))];
  return {
    valued: namesOf(({ value }) => value !== "none"),
    files: namesOf(({ value }) => value === "file"),
    chosen: flags.flatMap(({ command, name, value }) =>
      typeof value === "object" ? [{ place: `${command.name} ${name}`, choices: value }] : []
    ),
  };
}

function bash(all: readonly Command[]): string[] {
  const { valued, files, chosen } = patterns(all);
  return [
    "_cma_mcp() {",
    "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=serve at words flags",
    "  for ((at = 1; at < COMP_CWORD; at++)); do",
    "    case ${COMP_WORDS[at]} in",
    `      ${valued.join("|")}) ((at++)) ;;`,
    `      ${NAMES.map(([name]) => name).join("|")}) command=\${COMP_WORDS[at]}; break ;;`,
    "    esac",
    "  done",
    "  COMPREPLY=()",
    '  case "$command $prev" in',
    ...chosen.map(({ place, choices }) =>
      `    "${place}") COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$cur")); return ;;`
    ),
    `    ${files.map((name) => `*" ${name}"`).join("|")})`,
    "      local IFS=$'\\n'; compopt -o filenames 2>/dev/null",
    '      COMPREPLY=($(compgen -f -- "$cur")); return ;;',
    `    ${valued.map((name) => `*" ${name}"`).join("|")}) return ;;`,
    "  esac",
    "  case $command in",
    ...all.map(({ name, words, flags }) =>
      `    ${name}) words="${words.map(([word]) => word).join(" ")}" ` +
      `flags="${flags.map((flag) => flag.name).join(" ")}" ;;`
    ),
    "  esac",
    "  [[ $cur == -* || -z $words ]] && words=$flags",
    '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    "}",
    "complete -F _cma_mcp cma-mcp",
  ];
}

function zsh(all: readonly Command[]): string[] {
  const { valued, files, chosen } = patterns(all);
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const described = (name: string, help: string) => quoted(help === "" ? name : `${name}:${help}`);
  return [
    "_cma_mcp() {",
    "  local command=serve prev=$words[CURRENT-1]",
    "  local -i at=2",
    "  local -a operands flags",
    "  while ((at < CURRENT)); do",
    "    case $words[at] in",
    `      (${valued.join("|")}) ((at++)) ;;`,
    `      (${NAMES.map(([name]) => name).join("|")}) command=$words[at]; break ;;`,
    "    esac",
    "    ((at++))",
    "  done",
    '  case "$command $prev" in',
    ...chosen.map(({ place, choices }) =>
      `    ("${place}") compadd -- ${choices.join(" ")}; return ;;`
    ),
    `    (${files.map((name) => `*" ${name}"`).join("|")}) _files; return ;;`,
    `    (${valued.map((name) => `*" ${name}"`).join("|")}) return ;;`,
    "  esac",
    "  case $command in",
    ...all.flatMap(({ name, words, flags }) => [
      `    (${name})`,
      `      operands=(${words.map(([word, help]) => described(word, help)).join(" ")})`,
      `      flags=(${flags.map((flag) => described(flag.name, flag.help)).join(" ")}) ;;`,
    ]),
    "  esac",
    "  if [[ $words[CURRENT] == -* || $#operands -eq 0 ]]; then",
    "    _describe -o flag flags",
    "  else",
    "    _describe command operands",
    "  fi",
    "}",
    "if [[ $funcstack[1] == _cma_mcp || $funcstack[1] == _cma-mcp ]]; then",
    '  _cma_mcp "$@"',
    "else",
    "  compdef _cma_mcp cma-mcp",
    "fi",
  ];
}

function fish(all: readonly Command[]): string[] {
  const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const seen = "__fish_seen_subcommand_from";
  const names = NAMES.map(([name]) => name).join(" ");
  const value = ({ value }: Flag) => {
    if (value === "none") return "";
    if (value === "file") return " -r -F";
    return value === "text" ? " -x" : ` -x -a ${quoted(value.join(" "))}`;
  };
  return [
    "complete -c cma-mcp -f",
    ...all.flatMap(({ name, words, flags }) => {
      const where = quoted(name === "serve" ? `not ${seen} ${names}` : `${seen} ${name}`);
      return [
        ...words.map(([word, help]) =>
          `complete -c cma-mcp -n ${where} -a ${word}${help === "" ? "" : ` -d ${quoted(help)}`}`
        ),
        ...flags.map((flag) =>
          `complete -c cma-mcp -n ${where} -l ${flag.name.slice(2)}${value(flag)} ` +
          `-d ${quoted(flag.help)}`
        ),
      ];
    }),
  ];
}
