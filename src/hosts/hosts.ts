/**
 * MCP hosts, and the files in which they keep their servers.
 *
 * @module
 */

import { UsageError } from "../core/errors.ts";
import type { FileHostName } from "./names.ts";

/** Operating systems on which hosts keep their files in different places. */
export type Os = "linux" | "darwin" | "windows";

/** The differences between hosts that keep their servers in a file. */
export interface FileHost {
  /** Name for people. */
  readonly title: string;
  /** Format of the file. Only JSON is edited; for the others the program prints a text to paste. */
  readonly format: "json" | "toml" | "yaml";
  /** Member of the file that holds the servers, by name; in YAML, a list of them. */
  readonly serversKey: "mcpServers" | "servers" | "mcp" | "mcp_servers";
  /** Members of an entry beside command, arguments and variables. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** True if command and arguments are one list, and the variables are called `environment`. */
  readonly isOneList?: boolean;
  /** True if the host passes its own variables on to servers, beside those of the entry. */
  readonly inheritsEnv?: boolean;
  /** True if the host asks for the key itself and keeps it out of the file. */
  readonly asksForKey?: boolean;
  /** Sentence that tells a person how to make the host read the file again. */
  readonly afterwards: string;
  /** Paths by operating system, the preferred one first; `{NAME}` stands for a variable. */
  readonly paths: Readonly<Record<Os, readonly string[]>>;
}

type Paths = FileHost["paths"];

/**
 * Returns the paths of files in one directory for each operating system.
 *
 * @param directory with `{HOME}` for the home directory, on Windows too
 */
function filesIn(directory: string, ...names: readonly string[]): Paths {
  const paths = names.map((name) => `${directory}/${name}`);
  const windows = paths.map((path) =>
    path.replace("{HOME}", "{USERPROFILE}").replaceAll("/", "\\")
  );
  return { linux: paths, darwin: paths, windows };
}

/**
 * Hosts with files. The paths were tried with the hosts themselves, but for Cursor, VS Code and the
 * packaged Claude Desktop, whose Windows build keeps its files inside the package
 * (anthropics/claude-code#26073); the plain place is that of older builds.
 */
export const FILE_HOSTS: Readonly<Record<FileHostName, FileHost>> = {
  "claude-desktop": {
    title: "Claude Desktop",
    format: "json",
    serversKey: "mcpServers",
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
    format: "json",
    serversKey: "mcpServers",
    extra: { type: "stdio" },
    inheritsEnv: true,
    afterwards: "Start a new session of Claude Code",
    paths: filesIn("{HOME}", ".claude.json"),
  },
  cursor: {
    title: "Cursor",
    format: "json",
    serversKey: "mcpServers",
    inheritsEnv: true,
    afterwards: "Switch the server on under Cursor Settings → MCP",
    paths: filesIn("{HOME}", ".cursor/mcp.json"),
  },
  vscode: {
    title: "VS Code",
    format: "json",
    serversKey: "servers",
    extra: { type: "stdio" },
    inheritsEnv: true,
    asksForKey: true,
    afterwards: "Run 'MCP: List Servers' in VS Code and start the server; it asks for the key",
    paths: {
      linux: ["{XDG_CONFIG_HOME}/Code/User/mcp.json"],
      darwin: ["{HOME}/Library/Application Support/Code/User/mcp.json"],
      windows: ["{APPDATA}\\Code\\User\\mcp.json"],
    },
  },
  codex: {
    title: "Codex",
    format: "toml",
    serversKey: "mcp_servers",
    // Without it 'codex exec' rejects every tool that reaches further than this machine.
    extra: { default_tools_approval_mode: "approve" },
    afterwards:
      "Start Codex again. 'approve' lets it call the tools without asking: 'codex exec' " +
      "refuses them otherwise; leave that line out to be asked",
    paths: filesIn("{CODEX_HOME}", "config.toml"),
  },
  gemini: {
    title: "Gemini CLI",
    format: "json",
    serversKey: "mcpServers",
    inheritsEnv: true,
    afterwards: "Start Gemini CLI again, and type /mcp to see the server",
    paths: filesIn("{HOME}", ".gemini/settings.json"),
  },
  qwen: {
    title: "Qwen Code",
    format: "json",
    serversKey: "mcpServers",
    inheritsEnv: true,
    afterwards: "Start Qwen Code again, and type /mcp to see the server",
    paths: filesIn("{HOME}", ".qwen/settings.json"),
  },
  copilot: {
    title: "Copilot CLI",
    format: "json",
    serversKey: "mcpServers",
    extra: { type: "local", tools: ["*"] },
    inheritsEnv: true,
    afterwards: "Start Copilot CLI again, and type /mcp to see the server",
    paths: filesIn("{HOME}", ".copilot/mcp-config.json"),
  },
  opencode: {
    title: "OpenCode",
    format: "json",
    serversKey: "mcp",
    extra: { type: "local", enabled: true },
    isOneList: true,
    inheritsEnv: true,
    afterwards: "Start OpenCode again",
    paths: {
      ...filesIn("{XDG_CONFIG_HOME}/opencode", "opencode.jsonc", "opencode.json"),
      windows: filesIn("{HOME}/.config/opencode", "opencode.jsonc", "opencode.json").windows,
    },
  },
  cline: {
    title: "Cline",
    format: "json",
    serversKey: "mcpServers",
    afterwards: "Open Cline's MCP servers and switch the server on, or start Cline again",
    paths: filesIn("{HOME}", ".cline/data/settings/cline_mcp_settings.json"),
  },
  continue: {
    title: "Continue",
    format: "yaml",
    serversKey: "mcpServers",
    afterwards: "Start Continue again",
    paths: filesIn("{CONTINUE_GLOBAL_DIR}", "config.yaml"),
  },
};

/** Values for variables that are not set. `{~}` is the home directory and a separator. */
const FALLBACKS: Readonly<Record<string, string>> = {
  XDG_CONFIG_HOME: "{HOME}/.config",
  CODEX_HOME: "{~}.codex",
  CONTINUE_GLOBAL_DIR: "{~}.continue",
  APPDATA: "{USERPROFILE}\\AppData\\Roaming",
  LOCALAPPDATA: "{USERPROFILE}\\AppData\\Local",
};

/**
 * Returns the paths of a host's file on this machine, the preferred one first.
 *
 * @param env reads a variable; an empty one counts as unset
 * @throws UsageError when a variable that names the folder of such files is not set
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
      if (fallback !== undefined) {
        const home = os === "windows" ? "{USERPROFILE}\\" : "{HOME}/";
        return expand(fallback.replace("{~}", home));
      }
      throw new UsageError(
        `Cannot tell where ${FILE_HOSTS[host].title} keeps its servers: set ${name}`,
      );
    });
  return FILE_HOSTS[host].paths[os].map(expand);
}
