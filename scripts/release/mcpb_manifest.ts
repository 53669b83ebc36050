/**
 * Makes the manifest and the list of files of a bundle for Claude Desktop: with an executable, or with
 * the npm package, which Claude Desktop starts with a Node of its own.
 *
 * @module
 */

import { SETTINGS } from "../../src/config/settings.ts";
import { toolsOf } from "../../src/tools/registry.ts";
import type { Target } from "../compile/targets.ts";
import type { Entry } from "./archive.ts";
import { type Repository, repositoryUrl } from "./names.ts";

/** The program in one line, for directories. */
export const DESCRIPTION =
  "Claude Managed Agents as MCP tools: start a session, send a message, get the finished answer.";

const LONG_DESCRIPTION =
  `Lists the managed agents of a workspace, starts sessions with them, sends \
messages, and waits for the finished answer. It creates or changes no agent, deletes nothing, and \
reads or writes no credential. The API key goes to the Anthropic API and nowhere else.`;

/** The values that Claude Desktop asks the user for, each with the variable that it sets. */
const USER_CONFIG = {
  api_key: {
    variable: SETTINGS.credential.apiKey.env[0],
    title: "API key",
    description: "Key of the workspace that has the agents, from the Claude Console",
    required: true,
    sensitive: true,
  },
  environment_id: {
    variable: SETTINGS.server.environmentId.env[0],
    title: "Environment",
    description: "Id of the environment of new sessions; not needed where there is only one",
    required: false,
    default: "",
  },
  allowed_agents: {
    variable: SETTINGS.server.allowedAgentIds.env[0],
    title: "Allowed agents",
    description: "Ids of the agents that may be used, separated by commas; all where empty",
    required: false,
    default: "",
  },
};

function firstSentence(text: string): string {
  return /^.*?\.(?=\s|$)/s.exec(text)?.[0] ?? text;
}

/** What a bundle starts, and where it can. */
export interface BundledServer {
  readonly type: "binary" | "node";
  /** Path of the file that is started, within the bundle. */
  readonly entryPoint: string;
  readonly files: readonly Entry[];
  /** Operating systems, as Node calls them. */
  readonly platforms: readonly string[];
  /** The versions of Node that can run it. */
  readonly node?: string;
}

/** Returns the server of a bundle with an executable. */
export function binaryServer(target: Target, executable: Uint8Array): BundledServer {
  const entryPoint = `server/cma-mcp${target.extension}`;
  return {
    type: "binary",
    entryPoint,
    files: [{ name: entryPoint, bytes: executable, executable: true }],
    platforms: [target.platform],
  };
}

/**
 * Returns the server of a bundle with the npm package, for every operating system.
 *
 * @param files of the package, `package.json` among them
 * @throws Error when the package starts nothing, or does not say which Node it needs
 */
export function nodeServer(files: readonly Entry[]): BundledServer {
  const bytes = files.find(({ name }) => name === "package.json")?.bytes ?? new Uint8Array();
  const { bin, engines } = JSON.parse(new TextDecoder().decode(bytes) || "{}");
  const [main] = typeof bin === "string" ? [bin] : Object.values<unknown>(bin ?? {});
  const path = typeof main === "string" ? main.replace(/^\.\//, "") : undefined;
  if (path === undefined || !files.some(({ name }) => name === path)) {
    throw new Error("package.json names no file to start: give it in bin");
  }
  if (typeof engines?.node !== "string") {
    throw new Error("package.json does not say which Node it needs: give it in engines");
  }
  return {
    type: "node",
    entryPoint: `server/${path}`,
    files: files.map((file) => ({ ...file, name: `server/${file.name}` })),
    platforms: ["darwin", "win32", "linux"],
    node: engines.node,
  };
}

/** Returns `manifest.json` of format 0.3. */
export function bundleManifest(
  version: string,
  { type, entryPoint, platforms, node }: BundledServer,
  repository: Repository | undefined,
): Record<string, unknown> {
  const path = "${__dirname}/" + entryPoint;
  const settings = Object.entries(USER_CONFIG);
  const url = repository && repositoryUrl(repository);
  return {
    manifest_version: "0.3",
    name: "cma-mcp",
    display_name: "Claude Managed Agents",
    version,
    description: DESCRIPTION,
    long_description: LONG_DESCRIPTION,
    author: { name: "The cma-mcp authors" },
    ...(url && {
      repository: { type: "git", url },
      homepage: url,
      support: `${url}/issues`,
    }),
    server: {
      type,
      entry_point: entryPoint,
      mcp_config: {
        // Claude Desktop takes exactly this word for the Node that it brings.
        ...(type === "node" ? { command: "node", args: [path] } : { command: path, args: [] }),
        env: Object.fromEntries(
          settings.map(([name, { variable }]) => [variable, `\${user_config.${name}}`]),
        ),
      },
    },
    tools: toolsOf().map(({ name, description }) => ({
      name,
      description: firstSentence(description),
    })),
    tools_generated: false,
    keywords: ["claude", "managed agents", "anthropic"],
    license: "MIT",
    privacy_policies: ["https://www.anthropic.com/legal/privacy"],
    compatibility: { platforms, ...(node !== undefined && { runtimes: { node } }) },
    user_config: Object.fromEntries(
      settings.map(([name, { variable: _, ...rest }]) => [name, { type: "string", ...rest }]),
    ),
  };
}

/** Returns the files of a bundle. */
export function bundleEntries(
  manifest: Record<string, unknown>,
  server: BundledServer,
  papers: readonly Entry[],
): Entry[] {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  return [
    { name: "manifest.json", bytes: new TextEncoder().encode(text) },
    ...server.files,
    ...papers,
  ];
}
