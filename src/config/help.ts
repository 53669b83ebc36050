/**
 * The settings table as text for people.
 *
 * @module
 */

import { COMMANDS } from "./command_line.ts";
import { SETTINGS } from "./flags.ts";

/** One line of a table of settings. */
export interface SettingLine {
  /** `--port <port>`, or empty where there is no flag. */
  readonly flag: string;
  readonly env: readonly string[];
  /** The default in words; empty for switches. */
  readonly fallback: string;
  readonly help: string;
}

/** The settings in the order of the table, in words. */
export function settingLines(): SettingLine[] {
  return Object.values(SETTINGS).map((setting) => {
    const { flag, short, valueName, env, fallback, fallbackText, help } = setting;
    const spelled = flag ? `${short ? `-${short}, ` : ""}--${flag}` : "";
    const value = spelled && valueName ? ` ${valueName}` : "";
    const words = typeof fallback === "boolean" ? "" : `${fallback ?? ""}`;
    return { flag: spelled + value, env, fallback: fallbackText ?? words, help };
  });
}

/** What `cma-mcp --help` prints. */
export function helpText(): string {
  const commands = Object.entries(COMMANDS).map(([name, help]) =>
    `  cma-mcp ${name.padEnd(13)}${help}`
  );
  const lines = settingLines();
  const flags = lines.filter(({ flag }) => flag).map(({ flag, help, fallback }) => {
    return `  ${flag.padEnd(28)}${help}${fallback ? ` (${fallback})` : ""}`;
  });
  const env = lines.filter(({ env }) => env.length > 0).map(({ env }) => env.join(" or "));
  return [
    "cma-mcp: Claude Managed Agents as MCP tools",
    "",
    "  cma-mcp [flags]      Serve MCP on stdio, or with --http over HTTP",
    ...commands,
    "",
    ...flags,
    "",
    "Environment, where no flag says otherwise:",
    ...wrap(env.join(", "), 78).map((line) => `  ${line}`),
  ].join("\n");
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
