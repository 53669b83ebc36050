/**
 * Exit codes, for the commands and their help.
 *
 * @module
 */

import type { WaitStatus } from "../session/verdict.ts";

/** Exit codes that all commands share. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Exit codes of `ask`, by the status of the turn. */
export const ASK_EXIT: Readonly<Record<WaitStatus, number>> = {
  idle: EXIT.ok,
  requires_action: 3,
  timeout: 4,
  retries_exhausted: 5,
  budget_reached: 6,
  refusal: 7,
  terminated: 8,
  deleted: 8,
  not_started: 9,
};

function statusesOf(code: number): string[] {
  return Object.entries(ASK_EXIT).filter(([, each]) => each === code).map(([status]) => status);
}

/** What the exit codes of `ask` mean, in the order of the codes. */
export const ASK_EXIT_HELP: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.ok, "The turn is over (idle)"],
  [EXIT.failed, "The call failed"],
  [EXIT.usage, "The command line or a setting is wrong, or no one agent has that name"],
  ...[...new Set(Object.values(ASK_EXIT))].filter((code) => code !== EXIT.ok)
    .map((code) => [code, statusesOf(code).join(", ")] as const),
  [EXIT.interrupted, "You pressed Ctrl+C; the agent goes on"],
];
