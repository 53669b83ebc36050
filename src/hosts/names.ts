/**
 * The names of MCP hosts, and of the variables that say where they keep their files: what settings
 * and commands have to know of them.
 *
 * @module
 */

/** Hosts that keep their servers in a file. */
export const FILE_HOST_NAMES = [
  "claude-desktop",
  "claude-code",
  "cursor",
  "vscode",
  "codex",
  "gemini",
  "qwen",
  "copilot",
  "opencode",
  "cline",
  "continue",
] as const;

/** A host that keeps its servers in a file. */
export type FileHostName = typeof FILE_HOST_NAMES[number];

/** Hosts that `cma-mcp config` knows; `claude.ai` has a form instead of a file. */
export type HostName = FileHostName | "claude.ai";

/** The names of all hosts that `cma-mcp config` knows. */
export const HOST_NAMES: readonly HostName[] = [...FILE_HOST_NAMES, "claude.ai"];

/** Variables that the paths refer to. */
export const PLACE_VARIABLES: readonly string[] = [
  "HOME",
  "XDG_CONFIG_HOME",
  "USERPROFILE",
  "APPDATA",
  "LOCALAPPDATA",
  "CODEX_HOME",
  "CONTINUE_GLOBAL_DIR",
];
