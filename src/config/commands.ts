/**
 * The table of commands: the one source of the parser and `--help`.
 *
 * @module
 */

import { HOST_NAMES } from "../hosts/hosts.ts";
import type { CommandName } from "./setting.ts";

/** What is known of a command before it runs. */
export interface CommandDefinition {
  /** One line, for `--help`. */
  readonly help: string;
  /** The words that may follow it, one of which must; absent where none may. */
  readonly operands?: readonly string[];
  /** How the operand is shown in help, such as `<host>`. */
  readonly operandName?: string;
  /** Whether it reads files that no setting names; others can give up reading at start. */
  readonly readsFiles: boolean;
}

/** The commands that are typed; none typed means `serve`. */
export const COMMANDS = {
  demo: {
    help: "Play one whole turn in the terminal, simulated",
    readsFiles: false,
  },
  doctor: {
    help: "Check key, network, agents, hosts; say what to do",
    readsFiles: true,
  },
  config: {
    help: "Print what to paste into a host, and where",
    operands: HOST_NAMES,
    operandName: "<host>",
    readsFiles: true,
  },
  simulator: {
    help: "Run the simulator alone, on loopback",
    readsFiles: false,
  },
  token: {
    help: "Make a token for --token-file, with --name <name>",
    operands: ["new"],
    operandName: "new",
    readsFiles: false,
  },
  health: {
    help: "Ask the HTTP server here whether it is alive",
    readsFiles: false,
  },
} as const satisfies Partial<Record<CommandName, CommandDefinition>>;

/** The definition of a command, by a name that may be any word. */
export function commandNamed(word: string): CommandDefinition | undefined {
  const table: Readonly<Record<string, CommandDefinition>> = COMMANDS;
  return Object.hasOwn(table, word) ? table[word] : undefined;
}
