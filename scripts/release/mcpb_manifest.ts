/**
 * Makes the manifest and the list of files of the bundle for Claude Desktop.
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

/** Returns `manifest.json` of format 0.3, for one operating system. */
export function bundleManifest(
  version: string,
  target: Target,
  repository: Repository | undefined,
): Record<string, unknown> {
  const entryPoint = `server/cma-mcp${target.extension}`;
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
      type: "binary",
      entry_point: entryPoint,
      mcp_config: {
        command: "${__dirname}/" + entryPoint,
        args: [],
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
    compatibility: { platforms: [target.platform] },
    user_config: Object.fromEntries(
      settings.map(([name, { variable: _, ...rest }]) => [name, { type: "string", ...rest }]),
    ),
  };
}

/** Returns the files of a bundle. */
export function bundleEntries(
  manifest: Record<string, unknown>,
  target: Target,
  executable: Uint8Array,
  papers: readonly Entry[],
): Entry[] {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  return [
    { name: "manifest.json", bytes: new TextEncoder().encode(text) },
    { name: `server/cma-mcp${target.extension}`, bytes: executable, executable: true },
    ...papers,
  ];
}
