/**
 * The names of the sets of tools: a server serves some of them, and a token can be held to fewer.
 *
 * @module
 */

/** Every set, in the order of `tools/list`. */
export const TOOL_SET_NAMES = [
  "core",
  "sessions",
  "files",
  "actions",
  "threads",
  "ask",
  "resources",
] as const;

/** Name of a set of tools. */
export type ToolSetName = typeof TOOL_SET_NAMES[number];

/** The sets that a server serves by default; every other set is opt-in. */
export const DEFAULT_SETS: readonly ToolSetName[] = ["core"];
