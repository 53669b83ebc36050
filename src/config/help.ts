/**
 * Makes `--help`, and the lines of the tables in docs/settings.md, from the settings table.
 *
 * @module
 */

import { SCOPES } from "../access/scopes.ts";
import { TOOL_SET_NAMES } from "../access/tool_sets.ts";
import { type CommandDefinition, commandNamed, COMMANDS } from "./commands.ts";
import { ASK_EXIT_HELP } from "./exit_codes.ts";
import {
  ALL_SETTINGS,
  type CommandName,
  type ScopedSetting,
  type Setting,
  SETTINGS,
} from "./settings.ts";

/** One line of a table of settings. */
export interface SettingLine {
  /** `--port <port>`, or empty where there is no flag. */
  readonly flag: string;
  readonly env: readonly string[];
  /** The default in words; empty for switches. */
  readonly fallback: string;
  readonly help: string;
  /** Without `--http` the setting is refused. */
  readonly httpOnly: boolean;
}

/**
 * Returns a line for each setting, in the order of the table.
 *
 * @param command lists only the settings that it uses; all when absent
 */
export function settingLines(command?: CommandName): SettingLine[] {
  return ALL_SETTINGS.filter((row) => !command || row.commands.includes(command)).map(settingLine);
}

function settingLine(setting: ScopedSetting): SettingLine {
  const { flag, short, valueName, env = [], fallback, fallbackText, help, httpOnly } = setting;
  const spelled = flag ? `${short ? `-${short}, ` : ""}--${flag}` : "";
  const value = spelled && valueName ? ` ${valueName}` : "";
  const words = typeof fallback === "boolean" ? "" : `${fallback ?? ""}`;
  return {
    flag: spelled + value,
    env,
    fallback: fallbackText ?? words,
    help,
    httpOnly: httpOnly ?? false,
  };
}

/** Widths of the columns of flags and of commands, in characters. */
const FLAG_COLUMNS = 28;
const COMMAND_COLUMNS = 32;

function flagLines(rows: readonly ScopedSetting[]): string[] {
  const lines = rows.map(settingLine).filter(({ flag }) => flag);
  const columns = Math.max(FLAG_COLUMNS, ...lines.map(({ flag }) => flag.length + 1));
  return lines.map(({ flag, help, fallback }) =>
    `  ${flag.padEnd(columns)}${help}${fallback ? ` (${fallback})` : ""}`
  );
}

/** Begins the variables of the server's flags, and of the simulator's. */
const PREFIXES = ["CMA_MCP_", "CMA_SIMULATOR_"];

/**
 * Says which variables rows have. Most have the name of their flag behind a prefix: that is said
 * once, so that the others are found.
 */
function envLines(rows: readonly ScopedSetting[], more = ""): string[] {
  const isUsual = ({ flag = "", env: [name, second] = [] }: ScopedSetting) =>
    second === undefined &&
    PREFIXES.some((prefix) => name === prefix + flag.toUpperCase().replaceAll("-", "_"));
  const usual = rows.find(isUsual);
  const others = rows.filter((row) => !isUsual(row)).flatMap(spellingsOf);
  return [
    "",
    "Environment variables; a flag wins over them:",
    `  ${usual?.env?.[0]} for --${usual?.flag}, and so on${
      others.length > 0 ? `; others${more}:` : ""
    }`,
    ...others.length > 0 ? wrap(others.join(", "), 78).map((line) => `  ${line}`) : [],
  ];
}

function spellingsOf({ env = [] }: ScopedSetting): string[] {
  return env.length === 0 ? [] : [env.join(" or ")];
}

function usageLine(words: string, help: string): string {
  return `  ${`cma-mcp ${words}`.padEnd(COMMAND_COLUMNS)}${help}`;
}

/** Rows of the server on any transport. */
const SERVE_ROWS = ALL_SETTINGS.filter((row) => row.commands.includes("serve") && !row.httpOnly);

function overview(): string[] {
  const rows = SERVE_ROWS.filter(({ isDetail }) => !isDetail);
  const commands = Object.entries<CommandDefinition>(COMMANDS).map(([name, definition]) =>
    usageLine(`${name} ${definition.operandName ?? ""}`.trim(), definition.help)
  );
  return [
    "cma-mcp: Claude Managed Agents as MCP tools ('cma-mcp help <command>' says more)",
    "",
    usageLine("[flags]", "Serve MCP on stdio: see 'cma-mcp help serve'"),
    usageLine("--http [flags]", "Serve MCP over HTTP: see 'cma-mcp help http'"),
    ...commands,
    "",
    ...flagLines(rows),
    ...envLines(rows, " (proxies: 'cma-mcp help network')"),
  ];
}

/** Returns true for a row of every command, such as `--help`: the overview lists these. */
function isCommon({ flag }: ScopedSetting): boolean {
  return Object.values<Setting>(SETTINGS.common).some((row) => row.flag === flag);
}

function serveHelp(): string[] {
  return [
    "cma-mcp [flags]: serve MCP on stdio, for a host that starts it, or with --http",
    "over HTTP; 'cma-mcp help http' lists the flags that only HTTP has.",
    "",
    ...flagLines(SERVE_ROWS.filter((row) => !isCommon(row))),
    ...envLines(SERVE_ROWS),
    "",
    `Sets of tools: ${TOOL_SET_NAMES.join(", ")}.`,
  ];
}

/** Returns true for a row of OAuth, which has a topic of its own. */
function isOAuth({ flag }: ScopedSetting): boolean {
  return Object.values<Setting>(SETTINGS.oauth).some((row) => row.flag === flag);
}

const HTTP_ROWS = ALL_SETTINGS.filter((row) => row.httpOnly && row.commands.includes("serve"));

function httpHelp(): string[] {
  const rows = HTTP_ROWS.filter((row) => !isOAuth(row));
  return [
    "cma-mcp --http [flags]: serve MCP over HTTP, at /mcp",
    "",
    ...flagLines(rows),
    ...envLines(rows),
    "",
    "'cma-mcp help oauth' lists what lets people sign in. The flags and variables of",
    "'cma-mcp help serve' apply as well.",
  ];
}

function oauthHelp(): string[] {
  const rows = HTTP_ROWS.filter(isOAuth);
  return [
    "cma-mcp --http --oauth-issuer <url> --public-url <url> [flags]: let people call",
    "with access tokens of an authorization server, beside tokens or in their place",
    "",
    ...flagLines(rows),
    ...envLines(rows),
    "",
    "Issuers, audiences and types are lists, and their flags may be repeated. An",
    "audience or a type counts for all issuers; <issuer>=<text> is for one of them.",
    "The URL of introspection needs its issuer so where there are several.",
  ];
}

function variablesHelp(): string[] {
  const lists: readonly (readonly [string, readonly ScopedSetting[]])[] = [
    ["The server ('cma-mcp help serve'), and commands that call the API:", SERVE_ROWS],
    ["The server over HTTP ('cma-mcp help http'):", HTTP_ROWS.filter((row) => !isOAuth(row))],
    ["People who sign in there ('cma-mcp help oauth'):", HTTP_ROWS.filter(isOAuth)],
    ["The simulator ('cma-mcp help simulator'):", SIMULATOR_ROWS],
  ];
  return [
    "Environment variables. A flag wins over its variable, and an empty one counts as",
    "unset. A switch is on with 1, true, yes or on. Flags that only say what one",
    "command prints, such as --json, have none.",
    ...lists.flatMap(([title, rows]) => [
      "",
      title,
      ...wrap(rows.flatMap(spellingsOf).join(", "), 78).map((line) => `  ${line}`),
    ]),
  ];
}

/** Rows of the simulator alone. */
const SIMULATOR_ROWS = ALL_SETTINGS.filter(({ commands, isArgument }) =>
  commands.includes("simulator") && !commands.includes("serve") && !isArgument
);

/** The variables that the runtime itself reads: they are no settings of the program. */
const NETWORK_HELP = [
  "Proxies and certificates: variables for a company's network. Where a host starts",
  "the program, they belong into the host's entry, beside the key.",
  "",
  "  HTTPS_PROXY=http://proxy.example.com:8080",
  "      Send requests through a proxy; http://user:password@… signs in to it",
  "  NO_PROXY=api.example.com,10.0.0.0/8",
  "      Reach these without it: names in small letters, without ports and '*.'",
  "  DENO_TLS_CA_STORE=system",
  "      Trust the certificate authorities that this machine trusts",
  "  DENO_CERT=/path/to/authority.pem",
  "      Trust one more. In the npm package it is NODE_EXTRA_CA_CERTS",
  "",
  "'cma-mcp doctor' tries the network, and says which of them to correct.",
];

function commandHelp(name: string, { help, operandName, operands }: CommandDefinition): string[] {
  const rows = ALL_SETTINGS.filter((row) =>
    row.commands.some((command) => command === name) && !isCommon(row)
  );
  const usage = ["cma-mcp", name, operandName, rows.length > 0 ? "[flags]" : undefined];
  const choices = operandName?.startsWith("<") && Array.isArray(operands) ? operands : [];
  return [
    usage.filter((word) => word !== undefined).join(" "),
    help,
    ...choices.length > 0 ? ["", ...wrap(`${operandName}: ${choices.join(", ")}`, 78)] : [],
    ...rows.length > 0 ? ["", ...flagLines(rows)] : [],
    ...rows.some(({ secret }) => secret) ? ["", ENVIRONMENT_HELP] : [],
    ...name === "simulator" ? envLines(SIMULATOR_ROWS) : [],
    ...MORE_HELP[name] ?? [],
  ];
}

/** Where the lists of variables stand: with them, the help of some commands would not fit a screen. */
const ENVIRONMENT_HELP =
  "Environment variables, such as ANTHROPIC_API_KEY: see 'cma-mcp help serve'.";

/** What the tables do not say of a command. */
const MORE_HELP: Readonly<Record<string, readonly string[]>> = {
  ask: [
    "",
    "The text - is read from stdin. With --session the agent may be left out; without",
    "a text it then waits for the reply that is under way. Progress goes to stderr.",
    "On a terminal it asks you to allow or deny the tool calls that need an approval;",
    "not with --json, and not where the text comes from stdin.",
    "",
    "Exit codes:",
    ...ASK_EXIT_HELP.map(([code, meaning]) => `  ${String(code).padEnd(5)}${meaning}`),
  ],
  completions: [
    "",
    "bash, in ~/.bashrc:                  source <(cma-mcp completions bash)",
    "zsh, in ~/.zshrc, below compinit:    source <(cma-mcp completions zsh)",
    "fish, in ~/.config/fish/config.fish: cma-mcp completions fish | source",
  ],
  files: [
    "",
    "Without a file it lists them. A file is its id or its name, and goes to stdout",
    "byte for byte. Lists trail the agent by some seconds, so it may look again.",
  ],
  token: [
    "",
    `Scopes: ${SCOPES.join(", ")}.`,
    "actions answers the tool calls of agents, for a person who has decided.",
    `Sets of tools: ${TOOL_SET_NAMES.join(", ")}.`,
    "",
    "'cma-mcp token sealing-key > sealing.key' makes a file for --sealing-key-file.",
  ],
  access: [
    "",
    "Without --token-claims it lists the tokens and rules of the file. With it, it",
    "says which rule fits, and what that person may do; else why no rule fits. The",
    "claims count as they stand: no signature is checked.",
    "",
    "Exit codes: 0 somebody gets in, 1 nobody does, 2 something cannot be used.",
  ],
  doctor: ["", "It also takes the server's flags and variables, and checks them."],
};

/**
 * Returns the text of `cma-mcp --help`; it fits on a screen.
 *
 * @param topic a command, `serve` for all flags of the server, `http` for those that only HTTP has,
 *   `oauth` for those by which people sign in there, `variables` for the variables of all settings, or
 *   `network` for those that the runtime reads; an overview when absent
 */
export function helpText(topic?: string): string {
  if (topic === "serve") return serveHelp().join("\n");
  if (topic === "http") return httpHelp().join("\n");
  if (topic === "oauth") return oauthHelp().join("\n");
  if (topic === "variables") return variablesHelp().join("\n");
  if (topic === "network") return NETWORK_HELP.join("\n");
  const command = topic === undefined ? undefined : commandNamed(topic);
  const lines = topic !== undefined && command ? commandHelp(topic, command) : overview();
  return lines.join("\n");
}

function wrap(words: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of words.split(", ")) {
    const last = lines.at(-1);
    if (last !== undefined && `${last}, ${word}`.length < width) {
      lines[lines.length - 1] = `${last}, ${word}`;
    } else {
      if (last !== undefined) lines[lines.length - 1] = `${last},`;
      lines.push(word);
    }
  }
  return lines;
}
