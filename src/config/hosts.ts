/**
 * MCP hosts, and where each keeps its servers.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";

/** Operating systems that the table tells apart. */
export type Os = "linux" | "darwin" | "windows";

/** Hosts that keep their servers in a file. */
export type FileHostName = "claude-desktop" | "claude-code" | "cursor" | "vscode";

/** Hosts that `cma-mcp config` knows; `claude.ai` has a form instead of a file. */
export type HostName = FileHostName | "claude.ai";

/** A host's file, as far as the hosts differ. */
export interface FileHost {
  /** For people. */
  readonly title: string;
  /** The member of the file that holds the servers, by name. */
  readonly serversKey: "mcpServers" | "servers";
  /** Whether an entry says of which kind it is. */
  readonly typed: boolean;
  /** Whether the host asks for the key itself and keeps it out of the file. */
  readonly asksForKey: boolean;
  /** How a person gets to the file, or makes the host read it again. */
  readonly afterwards: string;
  /** Paths by operating system, the preferred one first; `{NAME}` stands for a variable. */
  readonly paths: Readonly<Record<Os, readonly string[]>>;
}

/**
 * The table of hosts with files. Claude Desktop's packaged Windows build reads its files from
 * inside the package (anthropics/claude-code#26073); the plain place is that of older builds.
 */
export const FILE_HOSTS: Readonly<Record<FileHostName, FileHost>> = {
  "claude-desktop": {
    title: "Claude Desktop",
    serversKey: "mcpServers",
    typed: false,
    asksForKey: false,
    afterwards: "Quit Claude Desktop and start it again",
    paths: {
      linux: ["{XDG_CONFIG_HOME}/Claude/claude_desktop_config.json"],
      darwin: ["{HOME}/Library/Application Support/Claude/claude_desktop_config.json"],
      windows: [
        "{LOCALAPPDATA}\\Packages\\Claude_pzs8sxrjxfjjc\\LocalCache\\Roaming\\Claude\\claude_desktop_config.json",
        "{APPDATA}\\Claude\\claude_desktop_config.json",
      ],
    },
  },
  "claude-code": {
    title: "Claude Code",
    serversKey: "mcpServers",
    typed: true,
    asksForKey: false,
    afterwards: "Start a new session of Claude Code",
    paths: {
      linux: ["{HOME}/.claude.json"],
      darwin: ["{HOME}/.claude.json"],
      windows: ["{USERPROFILE}\\.claude.json"],
    },
  },
  cursor: {
    title: "Cursor",
    serversKey: "mcpServers",
    typed: false,
    asksForKey: false,
    afterwards: "Switch the server on under Cursor Settings → MCP",
    paths: {
      linux: ["{HOME}/.cursor/mcp.json"],
      darwin: ["{HOME}/.cursor/mcp.json"],
      windows: ["{USERPROFILE}\\.cursor\\mcp.json"],
    },
  },
  vscode: {
    title: "VS Code",
    serversKey: "servers",
    typed: true,
    asksForKey: true,
    afterwards: "Run 'MCP: List Servers' in VS Code and start the server; it asks for the key",
    paths: {
      linux: ["{XDG_CONFIG_HOME}/Code/User/mcp.json"],
      darwin: ["{HOME}/Library/Application Support/Code/User/mcp.json"],
      windows: ["{APPDATA}\\Code\\User\\mcp.json"],
    },
  },
};

/** The hosts with files, in the order of the table. */
export const FILE_HOST_NAMES: readonly FileHostName[] = [
  "claude-desktop",
  "claude-code",
  "cursor",
  "vscode",
];

/** Every host that `cma-mcp config` takes. */
export const HOST_NAMES: readonly HostName[] = [...FILE_HOST_NAMES, "claude.ai"];

/** Variables that paths are made of. */
export const PLACE_VARIABLES: readonly string[] = [
  "HOME",
  "XDG_CONFIG_HOME",
  "USERPROFILE",
  "APPDATA",
  "LOCALAPPDATA",
];

/** What a variable means where it is not set. */
const FALLBACKS: Readonly<Record<string, string>> = {
  XDG_CONFIG_HOME: "{HOME}/.config",
  APPDATA: "{USERPROFILE}\\AppData\\Roaming",
  LOCALAPPDATA: "{USERPROFILE}\\AppData\\Local",
};

/**
 * The places of a host's file on this machine, the preferred one first.
 *
 * @param env reads a variable; an empty one counts as unset
 * @throws UsageError when a variable that says where people keep their files is not set
 */
export function hostPaths(
  host: FileHostName,
  os: Os,
  env: (name: string) => string | undefined,
): string[] {
  const expand = (template: string): string =>
    template.replace(/\{([A-Z_]+)\}/g, (_, name: string) => {
      const value = env(name)?.trim();
      if (value) return value.replace(/[/\\]+$/, "");
      const fallback = FALLBACKS[name];
      if (fallback !== undefined) return expand(fallback);
      throw new UsageError(
        `Cannot tell where ${FILE_HOSTS[host].title} keeps its servers: set ${name}`,
      );
    });
  return FILE_HOSTS[host].paths[os].map(expand);
}
