/**
 * Makes the package's `package.json`.
 *
 * @module
 */

import { DESCRIPTION } from "../release/mcpb_manifest.ts";
import { registryName, type Repository, repositoryUrl } from "../release/names.ts";

/** The package on npm. */
export const PACKAGE = {
  name: "cma-mcp",
  /**
   * False until its owner has published a first version: as long as the name is nobody's, documents
   * must not tell anybody to run what bears it.
   */
  isPublished: false,
} as const;

/** The oldest Node on which all of it runs. */
export const OLDEST_NODE = "20.18.1";

/** Returns the text of `package.json`; `npm pack` refuses one with install scripts no less than we. */
export function packageJson(version: string, repository: Repository | undefined): string {
  const url = repository && repositoryUrl(repository);
  const manifest = {
    name: PACKAGE.name,
    version,
    description: DESCRIPTION,
    keywords: ["mcp", "mcp-server", "claude", "managed-agents", "anthropic"],
    license: "MIT",
    type: "module",
    ...(repository && {
      // By it the MCP registry knows that server and package have the same owner.
      mcpName: registryName(repository),
      homepage: url,
      repository: { type: "git", url: `git+${url}.git` },
      bugs: `${url}/issues`,
    }),
    engines: { node: `>=${OLDEST_NODE}` },
    bin: { [PACKAGE.name]: "bin/cma-mcp.cjs" },
    exports: {
      ".": { types: "./types/mod.d.ts", default: "./lib/mod.mjs" },
      "./simulator": { types: "./types/simulator/mod.d.ts", default: "./lib/simulator.mjs" },
    },
    files: ["bin", "lib", "types", "THIRD-PARTY-LICENSES.txt"],
    // For their types alone: what runs is in the package.
    peerDependencies: { "@modelcontextprotocol/server": "^2.4.0" },
    peerDependenciesMeta: { "@modelcontextprotocol/server": { optional: true } },
    publishConfig: { access: "public", provenance: true },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
