/**
 * The commands: what users type, and what help says of it.
 *
 * @module
 */

import { HOST_NAMES } from "../hosts/names.ts";
import type { CommandName } from "./settings.ts";

/** A command, for the parser and `--help`. */
export interface CommandDefinition {
  /** One line, for `--help`. */
  readonly help: string;
  /** The words of which one may follow it, or the number of free ones; absent if it takes none. */
  readonly operands?: readonly string[] | number;
  /** The operands as help shows them, such as `<host>`. */
  readonly operandName?: string;
  /** True if it reads files that no setting names. Other commands can give up reading at start. */
  readonly readsFiles?: boolean;
}

/** Shells that `cma-mcp completions` knows. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** The commands that users type; without one, the program serves MCP. */
export const COMMANDS = {
  agents: { help: "List the agents that the key reaches" },
  sessions: { help: "List sessions, newest first" },
  environments: { help: "List the environments that sessions can run in" },
  ask: {
    help: "Send a message to an agent, print its reply",
    operands: 2,
    operandName: "<agent> <text>",
  },
  files: {
    help: "List what a session made, or print one file",
    operands: 2,
    operandName: "<session> [file]",
  },
  demo: { help: "Play one whole turn, simulated or with --agent" },
  doctor: { help: "Check key, network, agents and hosts", readsFiles: true },
  config: {
    help: "Print what to paste into a host, and where",
    operands: [...HOST_NAMES, "all"],
    operandName: "<host>",
    readsFiles: true,
  },
  simulator: { help: "Run the simulator alone, for your own programs" },
  token: {
    help: "Make a token for --access-file; needs --name",
    operands: ["new", "sealing-key"],
    operandName: "new",
  },
  access: {
    help: "Show who may do what by the access file",
    operands: ["check"],
    operandName: "check",
    readsFiles: true,
  },
  health: { help: "Check if an HTTP server runs on this machine" },
  completions: {
    help: "Print a script that completes in a shell",
    operands: SHELLS,
    operandName: "<shell>",
  },
} as const satisfies Readonly<Record<Exclude<CommandName, "serve">, CommandDefinition>>;

/** Returns the definition of a command; undefined for any other word. */
export function commandNamed(word: string): CommandDefinition | undefined {
  return isCommand(word) ? COMMANDS[word] : undefined;
}

/** Returns true for the name of a command. */
export function isCommand(word: string): word is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, word);
}

/** Operands of `help`: commands, and topics of its own. */
export const HELP_TOPICS: readonly string[] = [
  "serve",
  "http",
  "oauth",
  "variables",
  "network",
  ...Object.keys(COMMANDS),
];
